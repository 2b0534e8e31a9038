"""What the books must show of every payout, as SQL that finds what breaks it; one text for SQLite and PostgreSQL."""

from __future__ import annotations

from gateway.ledger.integrity.checks import Invariant

BOOKED = """CASE WHEN o.status = 'paid' THEN o.amount_fen
                 WHEN o.status IN ('pending', 'in_transit') AND o.moved_fen = o.amount_fen THEN o.amount_fen
                 ELSE 0 END"""

DIFFERS = f"""SELECT o.id AS what, 'instructed ' || o.amount_fen || ' fen on '
                     || substr(CAST(o.created_at AS text), 1, 10) || ', ' || o.status
                     || ', the institution has moved ' || o.moved_fen AS detail
                FROM payout o WHERE o.moved_fen IS NOT NULL AND o.moved_fen <> {BOOKED}"""

INVARIANTS = (
    Invariant(
        "payout_moved_as_booked",
        "what the institution says it has moved for a payout is what the books say",
        DIFFERS,
        names="payout",
    ),
)
