"""Proof: everything that is stored is recomputed from facts, and the first rows that disagree are named."""
