"""Identity: who the shopper is, proven by an ID number and a one-time code; stored sealed, shown masked."""
