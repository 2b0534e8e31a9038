"""Payments: an approved checkout becomes an authorisation, captured on shipment, voided or refunded."""
