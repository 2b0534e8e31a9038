"""Integrity: what must hold in the books, and the chain that shows an entry changed unseen."""
