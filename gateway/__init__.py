"""Fenqi's gateway: the server that merchants, shoppers and accountants talk to."""

__version__ = "0.1.0"
