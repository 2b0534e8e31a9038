"""Roots: where each hash chain stood, signed every few minutes and brought where nobody of the gateway can write."""
