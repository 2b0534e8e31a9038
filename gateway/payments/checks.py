"""What the books must show of merchants and limits, as SQL that finds what breaks it."""

from __future__ import annotations

from gateway.ledger.checks import Invariant

OPEN_LINES = """(SELECT merchant_id, mode,
                        sum(CASE WHEN kind IN ('capture') THEN from_pending_fen ELSE -from_pending_fen END) AS fen
                   FROM settlement_line WHERE batch_id IS NULL GROUP BY merchant_id, mode)"""
UNPAID_SUBSIDIES = """(SELECT merchant_id, mode, sum(amount_fen - returned_fen) AS fen
                         FROM subsidy_claim WHERE paid_at IS NULL GROUP BY merchant_id, mode)"""
WAITING = "coalesce(o.fen, 0) + coalesce(s.fen, 0)"
HELD = """(SELECT shopper_id, funder, sum(fen) AS fen FROM (
             SELECT shopper_id, funder, amount_fen - captured_fen - voided_fen - expired_fen AS fen FROM payment
             UNION ALL
             SELECT shopper_id, funder, CASE
                      WHEN status = 'unwound' THEN 0
                      WHEN status = 'written_off' AND recovered_fen > written_off_fen THEN 0
                      WHEN status = 'written_off' THEN written_off_fen - recovered_fen
                      ELSE principal_fen - refunded_fen - repaid_fen END FROM loan) AS parts
           GROUP BY shopper_id, funder)"""

INVARIANTS = (
    Invariant(
        "merchant_pending_settles",
        "what a merchant has pending is in its open settlement lines, or waits for a subsidy programme",
        f"""SELECT a.owner AS what,
                   a.mode || ': pending ' || coalesce(-b.fen, 0) || ' fen, waiting ' || ({WAITING}) AS detail
              FROM ledger_account a
              LEFT JOIN (SELECT account_id, sum(amount) AS fen FROM ledger_posting GROUP BY account_id) b
                ON b.account_id = a.id
              LEFT JOIN {OPEN_LINES} o ON o.merchant_id = a.owner AND o.mode = a.mode
              LEFT JOIN {UNPAID_SUBSIDIES} s ON s.merchant_id = a.owner AND s.mode = a.mode
             WHERE a.kind = 'merchant_pending' AND coalesce(-b.fen, 0) <> ({WAITING})""",
        names="merchant",
    ),
    Invariant(
        "payouts_in_transit",
        "a payout stands in transit while it is pending, and for its amount",
        """SELECT o.id AS what, o.status || ', in transit ' || coalesce(-b.fen, 0) || ' fen' AS detail
             FROM payout o LEFT JOIN (
               SELECT p.object_id, sum(p.amount) AS fen FROM ledger_posting p WHERE p.account_id IN
                 (SELECT id FROM ledger_account WHERE kind = 'payout_in_transit') GROUP BY p.object_id) b
               ON b.object_id = o.id
            WHERE coalesce(-b.fen, 0) <> CASE WHEN o.status = 'pending' THEN o.amount_fen ELSE 0 END""",
        names="payout",
    ),
    Invariant(
        "limits_hold_what_is_lent",
        "what is held of a limit is authorised, outstanding, or was lost",
        f"""SELECT c.shopper_id AS what, 'held ' || c.held_fen || ' fen, lent ' || coalesce(h.fen, 0) AS detail
              FROM credit_limit c LEFT JOIN {HELD} h ON h.shopper_id = c.shopper_id AND h.funder = c.funder
             WHERE c.held_fen <> coalesce(h.fen, 0) OR c.held_fen < 0""",
        names="shopper",
    ),
    Invariant(
        "ended_loans_hold_no_credit",
        "what is owed to the shopper of an ended loan is on its way back, unless a return has failed",
        """SELECT l.id AS what, l.status || ' with ' || l.credit_fen || ' fen owed to the shopper' AS detail
             FROM loan l WHERE l.credit_fen <> 0 AND l.status NOT IN ('active', 'overdue')
              AND NOT EXISTS (SELECT 1 FROM shopper_return r WHERE r.loan_id = l.id AND r.status = 'failed')""",
        names="loan",
    ),
)
