"""My: the shopper's own place, with all loans at all merchants, what is due, and what a person may ask for."""
