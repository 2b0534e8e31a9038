"""What the books must show of every loan, as SQL that finds what breaks it; one text for SQLite and PostgreSQL."""

from __future__ import annotations

from gateway.ledger.integrity.checks import Invariant

RUNNING = "('active', 'overdue')"


def _booked(kinds: str) -> str:
    """What stands on accounts of these kinds, by the loan it is about (fen, debit above 0)."""
    return f"""(SELECT p.object_id, sum(p.amount) AS fen FROM ledger_posting p
                 WHERE p.account_id IN (SELECT id FROM ledger_account WHERE kind IN ({kinds})) GROUP BY p.object_id)"""


def _differs(kinds: str, wanted: str, *, joined: str = "") -> str:
    return f"""SELECT l.id AS what, 'booked ' || coalesce(b.fen, 0) || ' fen, the loan says ' || ({wanted}) AS detail
                 FROM loan l LEFT JOIN {_booked(kinds)} b ON b.object_id = l.id {joined}
                WHERE coalesce(b.fen, 0) <> ({wanted})"""


OUTSTANDING = """CASE WHEN l.status = 'unwound' THEN 0
                      ELSE l.principal_fen - l.refunded_fen - l.repaid_fen - l.written_off_fen END"""
TO_COME = """(SELECT i.loan_id, sum(i.principal_fen) AS fen FROM loan_instalment i JOIN loan l2 ON l2.id = i.loan_id
               WHERE i.version = l2.schedule_version AND i.period > l2.billed_periods GROUP BY i.loan_id)"""
BILLED = """(SELECT loan_id, sum(principal_fen - returned_fen - paid_principal_fen) AS principal,
                    sum(interest_fen - waived_interest_fen - paid_interest_fen + fee_fen - waived_fee_fen - paid_fee_fen
                        + late_fen - paid_late_fen) AS charges
               FROM loan_bill GROUP BY loan_id)"""

LOST = "l.written_off_fen + l.written_off_charges_fen"
OPEN_BILL = "EXISTS (SELECT 1 FROM loan_bill b WHERE b.loan_id = l.id AND b.paid_on IS NULL)"
TO_FALL_DUE = """EXISTS (SELECT 1 FROM loan_instalment i WHERE i.loan_id = l.id AND i.version = l.schedule_version
                           AND i.period > l.billed_periods AND i.payment_fen > 0)"""

INVARIANTS = (
    Invariant(
        "loan_principal_booked",
        "the booked principal of every loan is drawn - repaid - refunded - written off",
        _differs("'loan_principal'", OUTSTANDING),
        names="loan",
    ),
    Invariant(
        "loan_schedule_complete",
        "what a running loan owes is what is to come plus what is billed and unpaid",
        f"""SELECT l.id AS what, 'schedule and bills hold ' || (coalesce(c.fen, 0) + coalesce(d.principal, 0))
                   || ' fen, the loan owes ' || ({OUTSTANDING}) AS detail
              FROM loan l LEFT JOIN {TO_COME} c ON c.loan_id = l.id LEFT JOIN {BILLED} d ON d.loan_id = l.id
             WHERE l.status IN {RUNNING} AND coalesce(c.fen, 0) + coalesce(d.principal, 0) <> ({OUTSTANDING})""",
        names="loan",
    ),
    Invariant(
        "loan_charges_booked",
        "interest, fees and late interest receivable match the bills; an ended loan leaves none",
        _differs(
            "'interest_receivable', 'fee_receivable', 'late_interest_receivable'",
            f"CASE WHEN l.status IN {RUNNING} THEN coalesce(d.charges, 0) ELSE 0 END",
            joined=f"LEFT JOIN {BILLED} d ON d.loan_id = l.id",
        ),
        names="loan",
    ),
    Invariant(
        "shopper_credit_booked",
        "what is owed to shoppers is the credit of their loans",
        _differs("'shopper_credit'", "-l.credit_fen"),
        names="loan",
    ),
    Invariant(
        "merchant_subsidy_whole",
        "every merchant subsidy is the sum of its earned, returned and unearned parts",
        _differs(
            "'unearned_merchant_subsidy'", "l.subsidy_earned_fen + l.subsidy_returned_fen - l.subsidy_fen"
        ),
        names="loan",
    ),
    Invariant(
        "credit_pays_what_is_due",
        "no shopper has credit on a loan that has an open bill",
        f"""SELECT l.id AS what, 'credit of ' || l.credit_fen || ' fen beside an open bill' AS detail
              FROM loan l WHERE l.credit_fen > 0 AND l.status IN {RUNNING} AND {OPEN_BILL}""",
        names="loan",
    ),
    Invariant(
        "recovered_was_written_off",
        "no more of a loan is recovered than was written off",
        f"""SELECT l.id AS what,
                   'recovered ' || l.recovered_fen || ' fen of ' || ({LOST}) || ' fen written off' AS detail
              FROM loan l WHERE l.recovered_fen > {LOST}""",
        names="loan",
    ),
    Invariant(
        "nothing_left_has_ended",
        "a loan with nothing owed and nothing to fall due has ended",
        f"""SELECT l.id AS what, l.status || ' with nothing owed and nothing to come, 0 fen' AS detail
              FROM loan l WHERE l.status IN {RUNNING} AND NOT {OPEN_BILL} AND NOT {TO_FALL_DUE}""",
        names="loan",
    ),
)
