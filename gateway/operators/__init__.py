"""Operators: the gateway's own people, and how one proves at the command line who they are."""
