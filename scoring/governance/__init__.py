"""Governance: which model sees whom, what it answered, whether that still holds, and whether it can be shown again."""
