"""Reconciliation: the shop's, the bank's or the institution's own file, matched to what happened here, row by row."""
