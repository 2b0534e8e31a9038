"""The sandbox: test-mode routes that act as the shopper, the lender, the institution and time."""
