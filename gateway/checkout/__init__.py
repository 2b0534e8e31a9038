"""Checkout: from the shop's order to the shopper's confirmed plan and the lender's answer."""
