"""Settlement: what merchants are owed is collected into batches that add up to the fen, and paid out by instruction."""
