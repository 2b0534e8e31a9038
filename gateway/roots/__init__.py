"""Roots: where each hash chain stood, signed every few minutes and copied where the gateway cannot write."""
