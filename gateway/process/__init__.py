"""Processes: the server, the worker, the jobs of a day and the demo, and what they report about themselves."""
