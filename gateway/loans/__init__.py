"""Loans: money drawn by a capture, its schedule of instalments, and what a refund changes about it."""
