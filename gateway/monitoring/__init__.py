"""Monitoring: what a process counts, its log in lines that nobody can forge, and its security events."""
