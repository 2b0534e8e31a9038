"""Endpoints: which address receives which events, with which rights, signed with which secret."""
