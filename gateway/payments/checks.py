"""What the books must show of merchants and limits, as SQL that finds what breaks it."""

from __future__ import annotations

from gateway.ledger.integrity.checks import Invariant
from gateway.loans.checks import OUTSTANDING

OPEN_LINES = """(SELECT merchant_id, mode,
                        sum(CASE WHEN kind IN ('capture', 'stage_released', 'stage_returned') THEN from_pending_fen
                                 ELSE -from_pending_fen END) AS fen
                   FROM settlement_line WHERE batch_id IS NULL GROUP BY merchant_id, mode)"""
UNPAID_SUBSIDIES = """(SELECT merchant_id, mode, sum(amount_fen - returned_fen) AS fen
                         FROM subsidy_claim WHERE paid_at IS NULL GROUP BY merchant_id, mode)"""
WAITING = "coalesce(o.fen, 0) + coalesce(s.fen, 0)"
STAGED = """(SELECT merchant_id, mode,
                     sum(held_fen - (2 * held_fen * returned_fen + amount_fen) / (2 * amount_fen)) AS fen
                FROM milestone WHERE held_fen IS NOT NULL AND status NOT IN ('released', 'canceled')
               GROUP BY merchant_id, mode)"""
HELD = f"""(SELECT shopper_id, funder, sum(fen) AS fen FROM (
             SELECT shopper_id, funder, amount_fen - captured_fen - voided_fen - expired_fen AS fen FROM payment
             UNION ALL
             SELECT shopper_id, funder, CASE
                      WHEN status = 'written_off' AND recovered_fen > written_off_fen THEN 0
                      WHEN status = 'written_off' THEN written_off_fen - recovered_fen
                      ELSE {OUTSTANDING} END FROM loan l) AS parts
           GROUP BY shopper_id, funder)"""
LINES = """(SELECT l.payment_id, sum(l.amount_fen) AS fen, sum(l.ordered) AS ordered, sum(l.subsidy_fen) AS subsidy,
                   sum(coalesce(c.quantity, 0)) AS gone, sum(coalesce(c.fen, 0)) AS gone_fen,
                   sum(CASE WHEN coalesce(c.quantity, 0) > l.ordered THEN 1 ELSE 0 END) AS twice
              FROM payment_line l LEFT JOIN (
                SELECT payment_id, line, sum(quantity) AS quantity, sum(amount_fen) AS fen
                  FROM captured_line GROUP BY payment_id, line) c
                ON c.payment_id = l.payment_id AND c.line = l.line
             GROUP BY l.payment_id)"""
SPREAD = """(SELECT 1 FROM (SELECT capture_id, sum(amount_fen) AS fen FROM captured_line
                              WHERE payment_id = p.id GROUP BY capture_id) x
               JOIN capture k ON k.id = x.capture_id WHERE x.fen > k.amount_fen)"""
"""Pieces were paid for in part by an earlier capture that named none."""

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
        "merchant_staged_waits",
        "what a merchant has staged is what its milestones keep back that are neither released nor canceled",
        f"""SELECT a.owner AS what,
                   a.mode || ': staged ' || coalesce(-b.fen, 0) || ' fen, waiting ' || coalesce(m.fen, 0) AS detail
              FROM ledger_account a
              LEFT JOIN (SELECT account_id, sum(amount) AS fen FROM ledger_posting GROUP BY account_id) b
                ON b.account_id = a.id
              LEFT JOIN {STAGED} m ON m.merchant_id = a.owner AND m.mode = a.mode
             WHERE a.kind = 'merchant_staged' AND coalesce(-b.fen, 0) <> coalesce(m.fen, 0)""",
        names="merchant",
    ),
    Invariant(
        "stages_cover_what_is_left",
        "what waits for stages is never more than what is left of its capture, and is what its milestones say",
        """SELECT c.id AS what, 'staged ' || c.staged_fen || ' fen of ' || (c.amount_fen - c.refunded_fen)
                  || ', milestones ' || coalesce(m.fen, 0) AS detail
             FROM capture c LEFT JOIN (
               SELECT capture_id, sum(amount_fen - returned_fen) AS fen FROM milestone
                WHERE status NOT IN ('released', 'canceled') GROUP BY capture_id) m ON m.capture_id = c.id
            WHERE c.staged_fen <> coalesce(m.fen, 0) OR c.staged_fen > c.amount_fen - c.refunded_fen""",
        names="capture",
    ),
    Invariant(
        "payouts_in_transit",
        "a payout stands in transit until its outcome is known, and for its amount",
        """SELECT o.id AS what, o.status || ', in transit ' || coalesce(-b.fen, 0) || ' fen' AS detail
             FROM payout o LEFT JOIN (
               SELECT p.object_id, sum(p.amount) AS fen FROM ledger_posting p WHERE p.account_id IN
                 (SELECT id FROM ledger_account WHERE kind = 'payout_in_transit') GROUP BY p.object_id) b
               ON b.object_id = o.id
            WHERE coalesce(-b.fen, 0) <> CASE WHEN o.status IN ('pending', 'in_transit')
                                                  THEN o.amount_fen ELSE 0 END""",
        names="payout",
    ),
    Invariant(
        "returns_in_transit",
        "what is in transit to a shopper is what the returns instruct that are pending",
        """SELECT t.id AS what, 'in transit ' || sum(t.fen) || ' fen, pending ' || sum(t.pending) AS detail FROM (
             SELECT coalesce(refund_id, id) AS id, 0 AS fen,
                    CASE WHEN status = 'pending' THEN amount_fen ELSE 0 END AS pending FROM shopper_return
             UNION ALL
             SELECT p.object_id, -p.amount, 0 FROM ledger_posting p WHERE p.account_id IN
               (SELECT id FROM ledger_account WHERE kind = 'refund_in_transit')) t
            GROUP BY t.id HAVING sum(t.fen) <> sum(t.pending)""",
        names="refund or return",
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
    Invariant(
        "lines_are_the_payment",
        "the lines of an order sum to its payment, and the pieces that left to what was captured",
        f"""SELECT p.id AS what, 'lines ' || coalesce(l.fen, 0) || ' of ' || p.amount_fen || ' fen, captured pieces '
                   || coalesce(l.gone_fen, 0) || ' of ' || p.captured_fen || ' fen' AS detail
              FROM payment p LEFT JOIN {LINES} l ON l.payment_id = p.id
             WHERE coalesce(l.fen, 0) <> p.amount_fen OR l.gone_fen > p.captured_fen OR l.twice > 0
                OR (l.gone = l.ordered AND l.gone_fen <> p.captured_fen)""",
        names="payment",
    ),
    Invariant(
        "lines_come_back_once",
        "pieces that came back are given back: what is refunded covers them",
        f"""SELECT p.id AS what, 'returned pieces ' || r.fen || ' fen, refunded ' || p.refunded_fen AS detail
             FROM payment p JOIN (SELECT payment_id, sum(returned_fen) AS fen,
                                         sum(CASE WHEN returned = quantity AND returned_fen <> amount_fen THEN 1
                                                  WHEN returned = 0 AND returned_fen > 0 THEN 1 ELSE 0 END) AS wrong
                                    FROM captured_line GROUP BY payment_id) r ON r.payment_id = p.id
            WHERE r.wrong > 0 OR (r.fen > p.refunded_fen AND NOT EXISTS {SPREAD})""",
        names="payment",
    ),
)
