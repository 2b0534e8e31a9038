"""Money by instruction: what is collected from shoppers, and what goes back to them."""
