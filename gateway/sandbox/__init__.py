"""The sandbox: routes of test mode that play the shopper, the lender, the institution and time."""
