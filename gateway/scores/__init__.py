"""Scores: the scorer as a service for partner institutions, which decide by themselves."""
