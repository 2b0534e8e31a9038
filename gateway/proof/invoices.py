"""Invoices: each is paid by what the books and the settlements say, and never more than it asks for."""

from __future__ import annotations

from gateway.proof.rules import Rule

INVOICED_BEFORE = """(SELECT coalesce(sum(i.amount_fen), 0) FROM merchant_invoice i
              WHERE i.merchant_id = b.merchant_id AND i.mode = b.mode AND i.created_at < b.created_at)"""
PAID = """(SELECT coalesce(sum(c.amount_fen), 0) FROM invoice_credit c JOIN merchant_invoice i ON i.id = c.invoice_id
             WHERE c.merchant_id = b.merchant_id AND c.mode = b.mode AND c.created_at <= b.created_at
               AND i.created_at < b.created_at)"""
DEBT = "CASE WHEN b.closing_fen < 0 THEN -b.closing_fen ELSE 0 END"
RECEIVED = """(SELECT p.entry_id, sum(p.amount) AS fen FROM ledger_posting p WHERE p.account_id IN
                 (SELECT id FROM ledger_account WHERE kind = 'funder_clearing') GROUP BY p.entry_id)"""

INVOICED = (
    Rule(
        "what has paid an invoice is at most what it asks for",
        "merchant_invoice",
        "amount_fen",
        """SELECT i.id, i.merchant_id, i.mode, 'at least ' || sum(c.amount_fen), i.amount_fen FROM merchant_invoice i
             JOIN invoice_credit c ON c.invoice_id = i.id
            GROUP BY i.id, i.merchant_id, i.mode, i.amount_fen HAVING sum(c.amount_fen) > i.amount_fen""",
    ),
    Rule(
        "an invoice is paid by its own merchant, after it was opened, with the settlements of that merchant",
        "invoice_credit",
        "invoice_id",
        """SELECT c.id, c.merchant_id, c.mode, 'an earlier invoice of the merchant', c.invoice_id FROM invoice_credit c
             JOIN merchant_invoice i ON i.id = c.invoice_id LEFT JOIN settlement_batch b ON b.id = c.settlement_id
            WHERE i.merchant_id <> c.merchant_id OR i.mode <> c.mode OR c.created_at < i.created_at
               OR b.merchant_id <> c.merchant_id OR b.mode <> c.mode OR b.created_at <> c.created_at""",
    ),
    Rule(
        "after a settlement no more is invoiced than is owed",
        "settlement_batch",
        "closing_fen",
        f"""SELECT b.id, b.merchant_id, b.mode, 'at most ' || {DEBT}, {INVOICED_BEFORE} - {PAID} FROM settlement_batch b
            WHERE (b.merchant_id, b.mode) IN (SELECT merchant_id, mode FROM merchant_invoice)
              AND {INVOICED_BEFORE} - {PAID} > {DEBT}""",
    ),
    Rule(
        "the entry of a payment of an invoice",
        "invoice_credit",
        "received_fen",
        f"""SELECT c.id, c.merchant_id, c.mode, coalesce(p.fen, 0), c.received_fen FROM invoice_credit c
             LEFT JOIN ledger_entry e ON e.key = 'invoice_paid:' || c.id AND e.mode = c.mode
                  AND e.merchant_id = c.merchant_id AND e.object_id = c.invoice_id AND e.recorded_at = c.created_at
             LEFT JOIN {RECEIVED} p ON p.entry_id = e.id
            WHERE c.kind = 'payment' AND (c.received_fen <> coalesce(p.fen, 0) OR c.amount_fen > c.received_fen)""",
    ),
    Rule(
        "the payment of an invoice that the books have",
        "invoice_credit",
        "id",
        """SELECT e.object_id, e.merchant_id, e.mode, 'a row', 'no row' FROM ledger_entry e
            WHERE e.kind = 'invoice_paid'
              AND NOT EXISTS (SELECT 1 FROM invoice_credit c WHERE e.key = 'invoice_paid:' || c.id)""",
    ),
    Rule(
        "the payment of an invoice goes into a settlement",
        "settlement_line",
        "amount_fen",
        """SELECT coalesce(l.id, c.id), coalesce(l.merchant_id, c.merchant_id), coalesce(l.mode, c.mode),
                  coalesce(c.received_fen, 0), coalesce(l.amount_fen, 0)
             FROM (SELECT * FROM invoice_credit WHERE kind = 'payment') c
             FULL JOIN (SELECT * FROM settlement_line WHERE kind = 'invoice_payment') l ON l.object_id = c.id
            WHERE l.id IS NULL OR c.id IS NULL OR l.amount_fen <> c.received_fen OR l.merchant_id <> c.merchant_id
               OR l.mode <> c.mode""",
    ),
)
