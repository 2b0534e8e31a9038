"""Rate cards: all that is agreed with a merchant about prices, from a day on, as two operators agree on it."""
