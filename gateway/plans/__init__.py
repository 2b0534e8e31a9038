"""Plans: what a merchant offers, what it costs, and the quote a shopper sees."""
