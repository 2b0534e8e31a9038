"""The payment institution: it moves the money, and is instructed exactly once."""
