"""Scores: the scorer as a service for partner institutions, who decide by themselves."""
