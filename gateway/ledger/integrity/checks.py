"""What must hold in the books, as SQL that finds what breaks it; one text for SQLite and PostgreSQL.

Each query selects ``what`` (an entry, else an account or object) and ``detail``, and finds nothing in sound books.
They read the tables directly and share nothing with the code that posts.

Where naming what is broken costs much more than seeing that nothing is, a rule has a proof beside it: one truth value,
by counts and sums. A proof may lean on the proofs before it and is taken only when those hold.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.closed_months import CLOSING_DAY
from gateway.ledger.booking.accounts import CHART, CLEARING_KINDS, MEMO_KINDS, MERCHANT_KINDS


@dataclass(frozen=True, slots=True)
class Invariant:
    """A rule in words, and the query for what breaks it; ``names`` says what the query's ``what`` is."""

    name: str
    says: str
    sql: str
    names: str = "entry"
    proof: str = ""
    """SQL of a truth value: true only when nothing breaks the rule, given that the proofs before it hold."""
    proof_on: tuple[str, ...] = ("sqlite", "postgresql")
    """Where the proof is the faster way: PostgreSQL joins whole tables by hashing, SQLite row by row only."""


@dataclass(frozen=True, slots=True)
class Check:
    """A rule as found: how much breaks it, and the first of that (``names`` says what it is)."""

    name: str
    says: str
    ok: bool
    broken: int = 0
    names: str = ""
    first: str | None = None
    detail: str = ""


def _list(kinds: tuple[str, ...]) -> str:
    return ", ".join(f"'{kind}'" for kind in kinds)


def _of(*kinds: str) -> str:
    """Postings on accounts of these kinds; from the accounts to the postings, so that the index is used."""
    return f"p.account_id IN (SELECT id FROM ledger_account WHERE kind IN ({_list(kinds)}))"


def _by_object(kind: str, broken: str) -> str:
    return f"""SELECT p.object_id AS what, p.account_id || ' stands at ' || sum(p.amount) || ' fen' AS detail
                 FROM ledger_posting p WHERE {_of(kind)} GROUP BY p.object_id, p.account_id HAVING {broken}"""


def _months(column: str) -> str:
    """The months of a day or moment, counted from the year 0."""
    text = f"CAST({column} AS text)"
    return f"(CAST(substr({text}, 1, 4) AS integer) * 12 + CAST(substr({text}, 6, 2) AS integer))"


_ONE_SIDED = (
    "merchant_pending",
    "merchant_staged",
    "merchant_available",
    "merchant_reserve",
    "dispute_hold",
    "shopper_credit",
)

_ENTRY_SUMS = """SELECT entry_id, count(*) AS lines, sum(amount) AS total,
                        sum(amount) FILTER (WHERE amount > 0) AS gross
                   FROM ledger_posting GROUP BY entry_id"""

_RARER_MODE = """(CASE WHEN (SELECT count(*) FROM ledger_entry WHERE mode = 'live')
                          < (SELECT count(*) FROM ledger_entry WHERE mode = 'test') THEN 'live' ELSE 'test' END)"""

INVARIANTS = (
    Invariant(
        "accounts_in_chart",
        "every account is in the chart and has the right identifier",
        f"""SELECT id AS what, 'not an account of the chart' AS detail FROM ledger_account
             WHERE kind NOT IN ({_list(tuple(CHART))})
                OR id <> mode || ':' || kind || CASE WHEN owner = '' THEN '' ELSE ':' || owner END""",
        "account",
    ),
    Invariant(
        "entries_sealed",
        "every entry has its seal, and every seal its entry",
        """SELECT e.id AS what, 'no seal' AS detail FROM ledger_entry e
           LEFT JOIN ledger_seal s ON s.entry_id = e.id WHERE s.entry_id IS NULL
           UNION ALL
           SELECT s.entry_id, 'no entry' FROM ledger_seal s
           LEFT JOIN ledger_entry e ON e.id = s.entry_id WHERE e.id IS NULL""",
        proof="""(SELECT count(*) FROM ledger_entry) = (SELECT count(*) FROM ledger_seal)
             AND (SELECT count(*) FROM ledger_seal)
               = (SELECT count(*) FROM ledger_seal s JOIN ledger_entry e ON e.id = s.entry_id)""",
    ),
    Invariant(
        "entries_balanced",
        "every entry has two or more postings, numbered from 1, that sum to zero and are what its seal states",
        """SELECT s.entry_id AS what,
                  CASE WHEN found.total <> 0 THEN 'off by ' || found.total || ' fen'
                       ELSE 'sealed ' || s.lines || ' lines of ' || s.gross || ' fen, found '
                            || coalesce(found.lines, 0) || ' of ' || coalesce(found.gross, 0) END AS detail
             FROM ledger_seal s LEFT JOIN (
               SELECT entry_id, count(*) AS lines, min(line) AS first, max(line) AS last, sum(amount) AS total,
                      sum(CASE WHEN amount > 0 THEN amount ELSE 0 END) AS gross
                 FROM ledger_posting GROUP BY entry_id
             ) AS found ON found.entry_id = s.entry_id
            WHERE s.lines < 2 OR found.lines IS NULL OR s.lines <> found.lines OR s.gross <> found.gross
               OR found.total <> 0 OR found.first <> 1 OR found.last <> found.lines""",
        # Different numbers from 1 on add up to lines (lines + 1) / 2 at least, and to just that only when none is left
        # out; so one sum over the book shows that all entries are numbered well, and that no posting has no entry.
        proof=f"""(SELECT count(*) = (SELECT count(*) FROM ledger_seal) AND count(*) = coalesce(sum(
                 CASE WHEN s.lines = found.lines AND s.gross = found.gross AND found.total = 0 AND s.lines > 1
                      THEN 1 ELSE 0 END), 0)
                 FROM ({_ENTRY_SUMS}) AS found LEFT JOIN ledger_seal s ON s.entry_id = found.entry_id)
             AND (SELECT coalesce(min(line), 1) = 1 AND coalesce(sum(line), 0) = (
               SELECT coalesce(sum(lines * (lines + 1) / 2), 0) FROM ledger_seal) FROM ledger_posting)""",
    ),
    Invariant(
        "postings_in_place",
        "every posting has its entry and account, of the same mode, and of the entry's merchant where it has one",
        f"""SELECT p.entry_id AS what, 'line ' || p.line || ' is on ' || p.account_id AS detail
              FROM ledger_posting p LEFT JOIN ledger_entry e ON e.id = p.entry_id
              LEFT JOIN ledger_account a ON a.id = p.account_id
             WHERE e.id IS NULL OR a.id IS NULL OR a.mode <> e.mode
                OR (a.kind IN ({_list(MERCHANT_KINDS)}) AND a.owner <> e.merchant_id)""",
        # That every posting has an entry and an account is known from the rules before. Lines of the mode with fewer
        # entries are looked at one by one; when its entries have as many as its accounts, none is left to the other.
        proof=f"""NOT EXISTS (
               SELECT 1 FROM ledger_account a CROSS JOIN ledger_posting p CROSS JOIN ledger_entry e
                WHERE a.kind IN ({_list(MERCHANT_KINDS)}) AND p.account_id = a.id AND e.id = p.entry_id
                  AND a.owner <> e.merchant_id)
             AND NOT EXISTS (
               SELECT 1 FROM ledger_entry e JOIN ledger_posting p ON p.entry_id = e.id
                WHERE e.mode = {_RARER_MODE} AND substr(p.account_id, 1, 4) <> e.mode)
             AND (SELECT count(*) FROM ledger_account a JOIN ledger_posting p ON p.account_id = a.id
                   WHERE a.mode = {_RARER_MODE})
               = (SELECT coalesce(sum(s.lines), 0) FROM ledger_entry e JOIN ledger_seal s ON s.entry_id = e.id
                   WHERE e.mode = {_RARER_MODE})""",
        proof_on=("sqlite",),
    ),
    Invariant(
        "book_balanced",
        "the whole book sums to zero, in test and in live mode",
        """SELECT a.mode AS what, 'off by ' || sum(p.amount) || ' fen' AS detail
             FROM ledger_posting p JOIN ledger_account a ON a.id = p.account_id
            GROUP BY a.mode HAVING sum(p.amount) <> 0""",
        "mode",
        proof="1 = 1",  # every entry sums to zero, in one mode
    ),
    Invariant(
        "commitments_apart",
        "memo lines balance among themselves: a commitment never offsets a claim",
        f"""SELECT p.entry_id AS what, 'memo lines are off by ' || sum(p.amount) || ' fen' AS detail
              FROM ledger_posting p WHERE {_of(*MEMO_KINDS)} GROUP BY p.entry_id HAVING sum(p.amount) <> 0""",
    ),
    Invariant(
        "keys_unique",
        "no event is posted twice",
        """SELECT max(id) AS what, 'the key ' || key || ' is taken ' || count(*) || ' times' AS detail
             FROM ledger_entry GROUP BY mode, key HAVING count(*) > 1""",
        proof="""(SELECT count(*) FROM (SELECT DISTINCT mode, key FROM ledger_entry) AS keys)
               = (SELECT count(*) FROM ledger_entry)""",
    ),
    Invariant(
        "months_stay_closed",
        "nothing that moves a merchant's claims is dated in a month that was closed when it was recorded",
        # A day later than the rule (core.closed_months), so that no time zone of a connection names what is in order.
        f"""SELECT e.id AS what, 'dated ' || e.effective_date || ', recorded ' || e.recorded_at AS detail
              FROM ledger_entry e
             WHERE {_months("e.recorded_at")} - {_months("e.effective_date")}
                   > CASE WHEN substr(CAST(e.recorded_at AS text), 9, 2) > '{CLOSING_DAY:02}' THEN 0 ELSE 1 END
               AND EXISTS (SELECT 1 FROM ledger_posting p WHERE p.entry_id = e.id AND {_of(*MERCHANT_KINDS)})""",
    ),
    Invariant(
        "reversals_cancel",
        "an entry has at most one reversal, and the two cancel line by line",
        # "reverses >= ''" is "reverses IS NOT NULL" in words for which SQLite takes the index.
        """SELECT r.id AS what, 'reverses ' || r.reverses || ', which it may not' AS detail
             FROM ledger_entry r LEFT JOIN ledger_entry e ON e.id = r.reverses
            WHERE r.reverses >= '' AND (e.id IS NULL OR e.reverses IS NOT NULL OR e.mode <> r.mode
                  OR e.merchant_id <> r.merchant_id)
           UNION ALL
           SELECT max(id), reverses || ' is reversed ' || count(*) || ' times' FROM ledger_entry
            WHERE reverses >= '' GROUP BY reverses HAVING count(*) > 1
           UNION ALL
           SELECT pair.id, pair.account_id || ' keeps ' || sum(pair.amount) || ' fen' FROM (
             SELECT r.id, p.account_id, p.object_id, p.amount FROM ledger_entry r
              CROSS JOIN ledger_posting p WHERE r.reverses >= '' AND p.entry_id = r.id
              UNION ALL
             SELECT r.id, p.account_id, p.object_id, p.amount FROM ledger_entry r
              CROSS JOIN ledger_posting p WHERE r.reverses >= '' AND p.entry_id = r.reverses
           ) AS pair GROUP BY pair.id, pair.account_id, pair.object_id HAVING sum(pair.amount) <> 0""",
    ),
    Invariant(
        "balances_one_sided",
        "balances owed to merchants and shoppers, and by merchants, are never below zero",
        f"""SELECT a.id AS what, 'off by ' || sum(p.amount) || ' fen' AS detail
              FROM ledger_posting p JOIN ledger_account a ON a.id = p.account_id
             WHERE a.kind IN ({_list(_ONE_SIDED)}, 'merchant_receivable') GROUP BY a.id, a.kind
            HAVING (a.kind <> 'merchant_receivable' AND sum(p.amount) > 0)
                OR (a.kind = 'merchant_receivable' AND sum(p.amount) < 0)""",
        "account",
    ),
    Invariant(
        "holds_resolve_once",
        "no more is captured, voided or expired than was authorised",
        _by_object("limit_committed", "sum(p.amount) < 0"),
        "object",
    ),
    Invariant(
        "principal_covered",
        "no more principal of a loan is returned than was lent",
        _by_object("loan_principal", "sum(p.amount) < 0"),
        "object",
    ),
    Invariant(
        "subsidy_covered",
        "no more of a merchant's subsidy is released or returned than was taken",
        _by_object("unearned_merchant_subsidy", "sum(p.amount) > 0"),
        "object",
    ),
    Invariant(
        "clearing_resolves",
        "what is in transit is settled once: never beyond zero, payouts never more than was instructed",
        f"""SELECT p.object_id AS what, p.account_id || ' stands at ' || sum(p.amount) || ' fen' AS detail
              FROM ledger_posting p WHERE {_of(*CLEARING_KINDS)} GROUP BY p.account_id, p.object_id
            HAVING sum(p.amount) > 0 OR (sum(p.amount) < min(p.amount) AND NOT {_of("refund_in_transit")})""",
        "object",
    ),
)

OPEN_CLEARING_ITEMS = f"""
    SELECT p.account_id AS account, p.object_id AS object, sum(p.amount) AS amount, min(e.effective_date) AS since
      FROM ledger_posting p JOIN ledger_entry e ON e.id = p.entry_id
     WHERE {_of(*CLEARING_KINDS)} GROUP BY p.account_id, p.object_id HAVING sum(p.amount) <> 0"""
