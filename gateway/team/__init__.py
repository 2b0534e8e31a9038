"""People: who works for a merchant, how they prove who they are, and which of their sessions are open."""
