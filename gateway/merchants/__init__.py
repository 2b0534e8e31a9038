"""Merchants: who sells, under which terms of business, and the keys their pages carry."""
