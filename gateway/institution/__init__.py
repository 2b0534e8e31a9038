"""The payment institution: who moves the money, and how it is told to, once."""
