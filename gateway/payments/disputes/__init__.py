"""Disputes: a shopper contests a capture, and its amount is set aside until it is decided."""
