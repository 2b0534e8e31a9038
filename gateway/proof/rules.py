"""What many rows must say together, as SQL that finds what breaks it; one text for SQLite and PostgreSQL.

Each query selects the row's key, its merchant and mode, what it should say and what it says.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from gateway.proof.findings import MOST_FINDINGS, Findings, Row


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule in words, the row and column it is about, and the query for what breaks it."""

    says: str
    table: str
    column: str
    sql: str


def prove(findings: Findings, connection: Connection, rules: tuple[Rule, ...]) -> None:
    """Note what breaks each of the rules."""
    for rule in rules:
        broken = connection.exec_driver_sql(f"{rule.sql} ORDER BY 1 LIMIT {MOST_FINDINGS}").all()
        for id, merchant, mode, wanted, got in broken:
            findings.note(
                Row(rule.table, str(id), str(merchant), str(mode)),
                rule.column,
                wanted=wanted,
                got=got,
                computed_from=rule.says,
            )


def _entry(kind: str) -> str:
    return f"ledger_entry e WHERE e.kind = '{kind}'"


def _posted(account: str, sign: str = "") -> str:
    """What each entry posts to accounts of a kind."""
    return f"""(SELECT p.entry_id, {sign}sum(p.amount) AS fen FROM ledger_posting p WHERE p.account_id IN
                 (SELECT id FROM ledger_account WHERE kind = '{account}') GROUP BY p.entry_id)"""


EVENTS = (
    Rule(
        "the events of one object are numbered from 1 without gaps",
        "event",
        "sequence",
        """SELECT max(id), max(merchant_id), max(mode), '1 to ' || count(*), min(sequence) || ' to ' || max(sequence)
             FROM event GROUP BY object_id HAVING min(sequence) <> 1 OR max(sequence) <> count(*)""",
    ),
    Rule(
        "an event belongs to whom its object belongs to",
        "event",
        "merchant_id",
        """SELECT v.id, v.merchant_id, v.mode, p.merchant_id || ' ' || p.mode, v.merchant_id || ' ' || v.mode
             FROM event v JOIN payment p ON p.id = v.object_id
            WHERE v.merchant_id <> p.merchant_id OR v.mode <> p.mode""",
    ),
    Rule(
        "events of one object rise in their position, and no two share one",
        "event",
        "position",
        """SELECT b.id, b.merchant_id, b.mode, 'above ' || a.position, b.position
             FROM event a JOIN event b ON b.object_id = a.object_id AND b.sequence = a.sequence + 1
            WHERE b.position <= a.position AND b.position <> 0""",
    ),
    Rule(
        "no two events of a merchant stand in one place",
        "event",
        "position",
        """SELECT max(id), merchant_id, mode, 'a place of its own', position FROM event WHERE position <> 0
            GROUP BY merchant_id, mode, position HAVING count(*) > 1""",
    ),
    Rule(
        "an event is not older than those before it",
        "event",
        "created_at",
        """SELECT b.id, b.merchant_id, b.mode, 'not before ' || a.created_at, b.created_at
             FROM event a JOIN event b ON b.object_id = a.object_id AND b.sequence = a.sequence + 1
            WHERE b.created_at < a.created_at""",
    ),
)

LIMITS = (
    Rule(
        "what is held of a limit is the sum of its movements",
        "credit_limit",
        "held_fen",
        """SELECT c.id, '', '', coalesce(m.fen, 0), c.held_fen FROM credit_limit c LEFT JOIN (
             SELECT limit_id, sum(amount_fen) AS fen FROM limit_movement WHERE reason <> 'granted' GROUP BY limit_id) m
               ON m.limit_id = c.id WHERE c.held_fen <> coalesce(m.fen, 0)""",
    ),
    Rule(
        "a limit is what its newest grant says",
        "credit_limit",
        "limit_fen",
        """SELECT c.id, '', '', coalesce(m.amount_fen, 0), c.limit_fen FROM credit_limit c LEFT JOIN limit_movement m
               ON m.id = (SELECT max(n.id) FROM limit_movement n WHERE n.limit_id = c.id AND n.reason = 'granted')
            WHERE c.limit_fen <> coalesce(m.amount_fen, 0)""",
    ),
    Rule(
        "a grant is what the decision decided, at most 100,000.00 yuan",
        "limit_movement",
        "amount_fen",
        """SELECT m.id, '', d.mode, CASE WHEN d.limit_fen > 10000000 THEN 10000000 ELSE d.limit_fen END, m.amount_fen
             FROM limit_movement m JOIN credit_decision d ON d.id = m.about
            WHERE m.reason = 'granted'
              AND m.amount_fen <> CASE WHEN d.limit_fen > 10000000 THEN 10000000 ELSE d.limit_fen END""",
    ),
    Rule(
        "a payment holds its amount of the limit, once",
        "limit_movement",
        "amount_fen",
        """SELECT coalesce(m.id, p.id), p.merchant_id, p.mode, p.amount_fen, coalesce(m.amount_fen, 0)
             FROM payment p JOIN credit_limit c ON c.shopper_id = p.shopper_id AND c.funder = p.funder
             LEFT JOIN limit_movement m ON m.limit_id = c.id AND m.about = p.id AND m.reason = 'authorized'
            WHERE coalesce(m.amount_fen, 0) <> p.amount_fen""",
    ),
    Rule(
        "a payment holds its amount since it was authorised",
        "limit_movement",
        "created_at",
        """SELECT m.id, p.merchant_id, p.mode, p.created_at, m.created_at FROM payment p
             JOIN limit_movement m ON m.about = p.id AND m.reason = 'authorized' WHERE m.created_at <> p.created_at""",
    ),
    Rule(
        "what a movement is about has happened",
        "limit_movement",
        "about",
        """SELECT m.id, '', '', 'a decision, payment, refund, dispute, receipt, return or loan', m.about
             FROM limit_movement m
            WHERE (m.reason = 'granted' AND NOT EXISTS (SELECT 1 FROM credit_decision d WHERE d.id = m.about))
               OR (m.reason = 'authorized' AND NOT EXISTS (SELECT 1 FROM payment p WHERE p.id = m.about))
               OR (m.reason = 'unwound' AND NOT EXISTS (SELECT 1 FROM loan l WHERE l.id = m.about))""",
    ),
    Rule(
        "the decision that the checkout waited for",
        "credit_decision",
        "amount_fen",
        """SELECT d.id, c.merchant_id, c.mode, c.amount_fen - c.down_payment_fen, d.amount_fen FROM credit_decision d
             JOIN checkout c ON c.id = d.checkout_id
            WHERE c.status = 'approved' AND (d.amount_fen <> c.amount_fen - c.down_payment_fen OR d.mode <> c.mode)""",
    ),
    Rule(
        "an approved checkout has a decision that approves it",
        "credit_decision",
        "outcome",
        """SELECT c.id, c.merchant_id, c.mode, 'approve', 'none' FROM checkout c WHERE c.status = 'approved'
              AND NOT EXISTS (SELECT 1 FROM credit_decision d WHERE d.checkout_id = c.id AND d.outcome = 'approve')""",
    ),
    Rule(
        "an approval of enough grants a limit",
        "limit_movement",
        "about",
        """SELECT d.id, c.merchant_id, c.mode, 'a limit of ' || d.limit_fen, 'none' FROM credit_decision d
             JOIN checkout c ON c.id = d.checkout_id
             LEFT JOIN limit_movement m ON m.about = d.id AND m.reason = 'granted'
            WHERE d.outcome = 'approve' AND c.status = 'approved' AND m.id IS NULL""",
    ),
    Rule(
        "a payment's shopper has a limit at its lender",
        "credit_limit",
        "funder",
        """SELECT p.id, p.merchant_id, p.mode, p.funder, 'no limit' FROM payment p
            WHERE NOT EXISTS (SELECT 1 FROM credit_limit c
                               WHERE c.shopper_id = p.shopper_id AND c.funder = p.funder)""",
    ),
)

TOGETHER = (
    Rule(
        "an approved checkout has its payment",
        "checkout",
        "payment_id",
        """SELECT c.id, c.merchant_id, c.mode, 'a payment', c.payment_id FROM checkout c
            WHERE c.status = 'approved' AND NOT EXISTS (SELECT 1 FROM payment p WHERE p.id = c.payment_id)""",
    ),
    Rule(
        "the disclosure that was confirmed is in the log of consents",
        "checkout",
        "confirmed_quote_hash",
        """SELECT c.id, c.merchant_id, c.mode, 'a consent to it at ' || c.confirmed_at, c.confirmed_quote_hash
             FROM checkout c WHERE c.confirmed_quote_hash IS NOT NULL AND NOT EXISTS (
               SELECT 1 FROM consent s WHERE s.checkout_id = c.id AND s.kind = 'disclosure'
                  AND s.text_sha256 = c.confirmed_quote_hash AND s.given_at = c.confirmed_at)""",
    ),
    Rule(
        "whoever has identified themselves",
        "checkout",
        "status",
        """SELECT c.id, c.merchant_id, c.mode, 'open without a shopper, else identified', c.status FROM checkout c
            WHERE (c.status = 'open' AND c.shopper_id IS NOT NULL)
               OR (c.status IN ('identified', 'deciding') AND c.shopper_id IS NULL)
               OR (c.status = 'deciding' AND NOT EXISTS (
                 SELECT 1 FROM decision_request r WHERE r.checkout_id = c.id AND r.decided_at IS NULL))""",
    ),
    Rule(
        "the checkout that asked for the decision",
        "decision_request",
        "shopper_id",
        """SELECT r.id, c.merchant_id, c.mode, c.shopper_id, r.shopper_id FROM decision_request r
             JOIN checkout c ON c.id = r.checkout_id WHERE r.shopper_id <> c.shopper_id""",
    ),
    Rule(
        "the checkout that was decided",
        "credit_decision",
        "shopper_id",
        """SELECT d.id, c.merchant_id, c.mode, c.shopper_id, d.shopper_id FROM credit_decision d
             JOIN checkout c ON c.id = d.checkout_id WHERE d.shopper_id <> c.shopper_id""",
    ),
    Rule(
        "whoever consented in the checkout, or was found to be that person",
        "checkout",
        "shopper_id",
        """SELECT c.id, c.merchant_id, c.mode, s.shopper_id, c.shopper_id FROM checkout c
             JOIN consent s ON s.checkout_id = c.id
            WHERE (c.shopper_id IS NULL OR s.shopper_id <> c.shopper_id)
              AND NOT EXISTS (SELECT 1 FROM shopper k WHERE k.id = s.shopper_id AND k.found_to_be = c.shopper_id)""",
    ),
    Rule(
        "the scores that the partner had",
        "score_usage",
        "scores",
        """SELECT s.merchant_id, s.merchant_id, s.mode, count(*), coalesce(max(u.times), 0) FROM partner_score s
             LEFT JOIN (SELECT merchant_id, mode, sum(scores) AS times FROM score_usage GROUP BY merchant_id, mode) u
               ON u.merchant_id = s.merchant_id AND u.mode = s.mode
            GROUP BY s.merchant_id, s.mode HAVING count(*) <> coalesce(max(u.times), 0)""",
    ),
    Rule(
        "a contract has its payment",
        "contract",
        "payment_id",
        """SELECT c.id, c.merchant_id, c.mode, 'a payment', c.payment_id FROM contract c
            WHERE NOT EXISTS (SELECT 1 FROM payment p WHERE p.id = c.payment_id AND p.checkout_id = c.checkout_id)""",
    ),
    Rule(
        "a loan has its payment and its capture",
        "loan",
        "payment_id",
        """SELECT l.id, l.merchant_id, l.mode, 'a payment with its capture', l.payment_id FROM loan l
            WHERE NOT EXISTS (SELECT 1 FROM capture c WHERE c.id = l.capture_id AND c.payment_id = l.payment_id)""",
    ),
    Rule(
        "what the books authorised has its payment",
        "payment",
        "id",
        f"""SELECT e.object_id, e.merchant_id, e.mode, 'a row', 'no row' FROM {_entry("authorize")}
              AND NOT EXISTS (SELECT 1 FROM payment p WHERE p.id = e.object_id)""",
    ),
    Rule(
        "what the books refunded has its refund",
        "refund",
        "id",
        f"""SELECT e.object_id, e.merchant_id, e.mode, 'a row', 'no row' FROM {_entry("refund")}
              AND NOT EXISTS (SELECT 1 FROM refund r WHERE r.id = e.object_id)""",
    ),
    Rule(
        "what the books paid back has its return",
        "shopper_return",
        "id",
        """SELECT e.object_id, e.merchant_id, e.mode, 'a row', 'no row' FROM ledger_entry e
            WHERE e.kind IN ('credit_returned', 'refund_confirmed', 'refund_failed')
              AND NOT EXISTS (SELECT 1 FROM shopper_return r WHERE r.id = e.object_id)""",
    ),
    Rule(
        "what the books disputed has its dispute",
        "dispute",
        "id",
        f"""SELECT e.object_id, e.merchant_id, e.mode, 'a row', 'no row' FROM {_entry("dispute_opened")}
              AND NOT EXISTS (SELECT 1 FROM dispute d WHERE d.id = e.object_id)""",
    ),
    Rule(
        "whoever owes the loan is paid back",
        "shopper_return",
        "shopper_id",
        """SELECT r.id, r.merchant_id, r.mode, l.shopper_id, r.shopper_id FROM shopper_return r
             JOIN loan l ON l.id = r.loan_id WHERE r.shopper_id <> l.shopper_id""",
    ),
    Rule(
        "a refund gives back to the shopper what its newest returns instruct",
        "shopper_return",
        "amount_fen",
        """SELECT r.id, r.merchant_id, r.mode, r.to_shopper_fen, coalesce(s.fen, 0) FROM refund r LEFT JOIN (
             SELECT refund_id, sum(amount_fen) AS fen FROM shopper_return GROUP BY refund_id) s ON s.refund_id = r.id
            WHERE r.to_shopper_fen <> coalesce(s.fen, 0)""",
    ),
)

QUOTAS = (
    Rule(
        "a piece that left with a subsidy has used the quota of its category",
        "subsidy_quota",
        "category",
        """SELECT l.payment_id, p.merchant_id, p.mode, l.subsidy_category, 'no quota' FROM payment_line l
             JOIN payment p ON p.id = l.payment_id
            WHERE l.subsidy_category IS NOT NULL AND l.subsidy_fen > 0
              AND (p.captured_fen = p.amount_fen OR EXISTS (
                SELECT 1 FROM captured_line c WHERE c.payment_id = l.payment_id AND c.line = l.line))
              AND NOT EXISTS (SELECT 1 FROM subsidy_quota q WHERE q.payment_id = p.id
                                 AND q.category = l.subsidy_category AND q.used_at IS NOT NULL)""",
    ),
    Rule(
        "the payment that has the quota",
        "subsidy_quota",
        "reserved_at",
        """SELECT q.payment_id, p.merchant_id, p.mode,
                  p.created_at || ' in ' || p.mode, q.reserved_at || ' in ' || q.mode
             FROM subsidy_quota q JOIN payment p ON p.id = q.payment_id
            WHERE q.mode <> p.mode OR q.reserved_at <> p.created_at""",
    ),
    Rule(
        "the captures of the payment that has the quota",
        "subsidy_quota",
        "used_at",
        """SELECT q.payment_id, p.merchant_id, p.mode, 'the time of a capture', q.used_at
             FROM subsidy_quota q JOIN payment p ON p.id = q.payment_id
            WHERE q.used_at IS NOT NULL AND NOT EXISTS (
              SELECT 1 FROM capture c WHERE c.payment_id = p.id AND c.captured_at = q.used_at)""",
    ),
)

STAGED = (
    Rule(
        "the stops of the merchant: nothing that waits for a stage is released while one runs",
        "milestone_event",
        "created_at",
        """SELECT e.id, e.merchant_id, e.mode, 'not between ' || s.stopped_at || ' and ' || coalesce(
                  CAST(s.lifted_at AS text), 'its lifting'), e.created_at
             FROM milestone_event e JOIN milestone_stop s ON s.merchant_id = e.merchant_id AND s.mode = e.mode
            WHERE e.kind = 'released' AND e.said_by IN ('silence', 'days', 'delivery')
              AND e.created_at > s.stopped_at
              AND (s.lifted_at IS NULL OR e.created_at < s.lifted_at)""",
    ),
    Rule(
        "what the books keep back for a stage has its milestone",
        "milestone",
        "id",
        f"""SELECT e.object_id, e.merchant_id, e.mode, 'a row', 'no row' FROM {_entry("stage_held")}
              AND NOT EXISTS (SELECT 1 FROM milestone m WHERE m.id = e.object_id AND m.merchant_id = e.merchant_id
                                 AND m.mode = e.mode)""",
    ),
    Rule(
        "a milestone has its payment and its capture",
        "milestone",
        "payment_id",
        """SELECT m.id, m.merchant_id, m.mode, 'a payment with its capture', m.payment_id FROM milestone m
            WHERE NOT EXISTS (SELECT 1 FROM payment p WHERE p.id = m.payment_id AND p.merchant_id = m.merchant_id
                                 AND p.mode = m.mode)
               OR (m.capture_id IS NOT NULL AND NOT EXISTS (
                    SELECT 1 FROM capture c WHERE c.id = m.capture_id AND c.payment_id = m.payment_id))""",
    ),
    Rule(
        "what happened to a milestone has the milestone",
        "milestone_event",
        "milestone_id",
        """SELECT e.id, e.merchant_id, e.mode, 'a milestone of its payment', e.milestone_id FROM milestone_event e
            WHERE NOT EXISTS (SELECT 1 FROM milestone m WHERE m.id = e.milestone_id AND m.payment_id = e.payment_id
                                 AND m.merchant_id = e.merchant_id AND m.mode = e.mode)""",
    ),
)

SETTLED = (
    Rule(
        "the entry that closed the batch",
        "settlement_line",
        "amount_fen",
        f"""SELECT l.id, l.merchant_id, l.mode, coalesce(p.fen, 0), l.amount_fen FROM settlement_line l
             LEFT JOIN ledger_entry e ON e.key = 'settlement:' || l.object_id AND e.mode = l.mode
             LEFT JOIN {_posted("merchant_reserve", "-")} p ON p.entry_id = e.id
            WHERE l.kind = 'reserve_release' AND l.amount_fen <> coalesce(p.fen, 0)""",
    ),
    Rule(
        "the reserve that the batch held back",
        "settlement_line",
        "id",
        f"""SELECT e.object_id, e.merchant_id, e.mode, 'a reserve to release', 'no row' FROM {_entry("settlement")}
              AND EXISTS (SELECT 1 FROM ledger_posting p JOIN ledger_account a ON a.id = p.account_id
                           WHERE p.entry_id = e.id AND a.kind = 'merchant_reserve')
              AND NOT EXISTS (SELECT 1 FROM settlement_line l
                               WHERE l.kind = 'reserve_release' AND l.object_id = e.object_id)""",
    ),
    Rule(
        "the payout that came back or was refused",
        "settlement_line",
        "amount_fen",
        """SELECT coalesce(l.id, o.id), o.merchant_id, o.mode, o.amount_fen, coalesce(l.amount_fen, 0) FROM payout o
             LEFT JOIN settlement_line l ON l.kind = 'payout_returned' AND l.object_id = o.id
            WHERE (o.status IN ('failed', 'returned')) <> (l.id IS NOT NULL)
               OR (l.id IS NOT NULL AND l.amount_fen <> o.amount_fen)""",
    ),
    Rule(
        "what has no payment is for its whole amount",
        "settlement_line",
        "net_fen",
        """SELECT l.id, l.merchant_id, l.mode, l.amount_fen, l.net_fen FROM settlement_line l
            WHERE l.kind IN ('payout_returned', 'reserve_release', 'invoice_payment')
              AND (l.merchant_fee_fen <> 0 OR l.merchant_subsidy_fen <> 0 OR l.from_pending_fen <> 0
                   OR NOT EXISTS (SELECT 1 FROM ledger_entry e
                                   WHERE e.id = l.entry_id AND e.recorded_at = l.created_at))""",
    ),
    Rule(
        "a line of a payment has its payment",
        "settlement_line",
        "payment_id",
        """SELECT l.id, l.merchant_id, l.mode, 'a payment', l.payment_id FROM settlement_line l
            WHERE l.kind NOT IN ('payout_returned', 'reserve_release', 'invoice_payment')
              AND NOT EXISTS (SELECT 1 FROM payment p WHERE p.id = l.payment_id AND p.merchant_id = l.merchant_id
                                 AND p.mode = l.mode)""",
    ),
    Rule(
        "a line is in a batch of its merchant that closed on its day or later",
        "settlement_line",
        "batch_id",
        """SELECT l.id, l.merchant_id, l.mode, 'a batch on ' || l.settlement_date || ' or later', b.settled_on
             FROM settlement_line l JOIN settlement_batch b ON b.id = l.batch_id
            WHERE b.merchant_id <> l.merchant_id OR b.mode <> l.mode OR b.settled_on < l.settlement_date
               OR b.created_at < l.created_at""",
    ),
    Rule(
        # One of them may have closed while the line was written: it did not see it.
        "the batches that have closed since a line was due",
        "settlement_line",
        "batch_id",
        """SELECT l.id, l.merchant_id, l.mode, 'the first batch from ' || l.settlement_date || ' on',
                  coalesce(CAST(o.settled_on AS text), 'none')
             FROM settlement_line l LEFT JOIN settlement_batch o ON o.id = l.batch_id
            WHERE (SELECT count(*) FROM settlement_batch b WHERE b.merchant_id = l.merchant_id AND b.mode = l.mode
                      AND b.settled_on >= l.settlement_date AND b.created_at > l.created_at
                      AND (o.id IS NULL OR b.id < o.id)) > 1""",
    ),
    Rule(
        "a payout is of its batch",
        "payout",
        "settlement_id",
        """SELECT o.id, o.merchant_id, o.mode, 'the batch that names it', o.settlement_id FROM payout o
            WHERE NOT EXISTS (SELECT 1 FROM settlement_batch b WHERE b.id = o.settlement_id AND b.payout_id = o.id
                                 AND b.merchant_id = o.merchant_id AND b.mode = o.mode)""",
    ),
    Rule(
        "what the books settled has its batch",
        "settlement_batch",
        "id",
        f"""SELECT e.object_id, e.merchant_id, e.mode, 'a row', 'no row' FROM {_entry("settlement")}
              AND NOT EXISTS (SELECT 1 FROM settlement_batch b WHERE b.id = e.object_id)""",
    ),
    Rule(
        "what the books instructed has its payout",
        "payout",
        "id",
        f"""SELECT e.object_id, e.merchant_id, e.mode, 'a row', 'no row' FROM {_entry("payout_instructed")}
              AND NOT EXISTS (SELECT 1 FROM payout o WHERE o.id = e.object_id)""",
    ),
)
