"""Repayment methods: the card or mandate that a shopper's instalments are collected from."""
