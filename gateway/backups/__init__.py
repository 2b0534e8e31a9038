"""Backups: a copy of the database with what proves it, the keys apart, and the way back from both."""
