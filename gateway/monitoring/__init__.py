"""Monitoring: is the process alive, and is it ready to serve."""
