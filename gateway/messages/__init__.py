"""Messages: what shoppers are told by text message, when a message may leave, and the log that they can read."""
