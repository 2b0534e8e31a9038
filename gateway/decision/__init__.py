"""Decision: the scorer recommends, a named lender decides, and a limit keeps what was granted."""
