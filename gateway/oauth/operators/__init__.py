"""The login of operators: an OAuth server of its own, whose tokens and the merchants' are never taken for another."""
