"""Endpoints: who wants to be told, at which address, of what they may read, signed with which secret."""
