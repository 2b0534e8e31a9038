"""What never changes is refused, and small tables are written down twice.

Frozen is every column that no code ever changes; facts are never removed.

Revision ID: 0031
Revises: 0030
"""

from collections.abc import Iterator
from datetime import date
from itertools import groupby

import sqlalchemy as sa
from alembic import op

from gateway.core.calendar import shanghai_date
from gateway.db import types
from gateway.db.guards import install
from gateway.db.tables import metadata
from gateway.db.witness import write_down, write_parts_down

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


WITNESSED = (
    "client_secret",
    "dispute",
    "erasure_request",
    "human_review",
    "list_entry",
    "merchant",
    "oauth_client",
    "passkey",
    "plan_price",
    "refund",
    "shopper",
    "shopper_return",
    "subsidy_programme",
    "team_member",
    "test_clock",
    "webhook_endpoint",
)
LOANS_AT_ONCE = 500
LOAN = sa.table(
    "loan", sa.column("id", types.Words), sa.column("status", types.Words), sa.column("ended_on", types.Day())
)
POSTING = sa.table("ledger_posting", sa.column("entry_id", types.Words), sa.column("object_id", types.Words))
ENTRY = sa.table("ledger_entry", sa.column("id", types.Words), sa.column("recorded_at", types.UtcTime()))
UNIQUE = (
    ("consent", ("checkout_id", "kind", "given_at")),
    ("credit_decision", ("checkout_id", "created_at", "decided_by")),
    ("capture", ("loan_id",)),
)
"""What becomes unique. Of loans each says which capture is its own."""
REMEDIES = {
    "consent": "They are one fact: delete all but the first.",
    "credit_decision": "They are one fact: delete all but the first.",
    "capture": "A loan is of one capture, which loan.capture_id names: give each other one the loan whose capture_id it"
    " is (UPDATE capture SET loan_id = ...); where there is none, its loan is lost, and a backup has it.",
}
MOST_NAMED = 20


def upgrade() -> None:
    refuse_doubles()
    op.create_table(
        "row_version",
        sa.Column("number", types.Whole, nullable=False, autoincrement=True),
        sa.Column("of", types.Words, nullable=False),
        sa.Column("row_key", types.Words, nullable=False),
        sa.Column("sha256", types.Words, nullable=False),
        sa.CheckConstraint("length(sha256) = 64", name="sha256"),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
    )
    op.create_index("row_version_of_row", "row_version", ["of", "row_key"])
    # The same fact a second time under another identifier is no new fact.
    op.drop_index("consent_of_checkout", "consent")
    op.create_index("consent_of_checkout", "consent", ["checkout_id", "kind", "given_at"], unique=True)
    op.drop_index("credit_decision_of_checkout", "credit_decision")
    decided = ["checkout_id", "created_at", "decided_by"]
    op.create_index("credit_decision_of_checkout", "credit_decision", decided, unique=True)
    op.create_index("capture_of_loan", "capture", ["loan_id"], unique=True)
    bring_loans_along()
    write_down(op.get_bind(), [metadata().tables[name] for name in WITNESSED])
    write_parts_down(op.get_bind(), ("capture", "loan", "payment"))
    install(op.get_bind(), "frozen")


def refuse_doubles() -> None:
    """Before anything is changed: rows that could not both stay. Raises ``ValueError`` that names them."""
    told = [
        f"{table}: {', '.join(row.ids.split())} have the same {', '.join(key)}. {REMEDIES[table]}"
        for table, key in UNIQUE
        for row in _doubles(table, key)
    ]
    if told:
        more = f"\n... and {len(told) - MOST_NAMED} more" if len(told) > MOST_NAMED else ""
        raise ValueError(
            "Migration 0031 has changed nothing: the database holds rows that cannot both be true. "
            "Put them right and migrate again.\n" + "\n".join(told[:MOST_NAMED]) + more
        )


def _doubles(table: str, key: tuple[str, ...]) -> list[sa.Row[tuple[str]]]:
    """The identifiers of rows that share a key, those of one key in one row, with spaces between."""
    rows = sa.table(table, *(sa.column(name) for name in ("id", *key)))
    in_order = sa.select(rows).order_by(rows.c.id).subquery()
    query = sa.select(sa.func.aggregate_strings(in_order.c.id, " ").label("ids"))
    query = query.group_by(*(in_order.c[name] for name in key)).having(sa.func.count() > 1)
    return list(op.get_bind().execute(query.order_by(sa.func.min(in_order.c.id))))


def bring_loans_along() -> None:
    """What revision 0021 could not know of loans of before, so that it is what today's rules give."""
    # Where the charges of a loan were waived, what is not paid of them is.
    op.execute(
        "UPDATE loan_bill SET waived_interest_fen = interest_fen - paid_interest_fen,"
        " waived_fee_fen = fee_fen - paid_fee_fen WHERE EXISTS (SELECT 1 FROM loan l WHERE l.id = loan_bill.loan_id"
        " AND l.status = 'refunded' AND l.charges_waived_on IS NOT NULL)"
    )
    # A loan that 0021 found paid ended when that was recorded: on each day on which a loan ends, its books say why.
    for id, ended_on, days in _settled():
        if ended_on not in days and (later := [day for day in days if day > ended_on]):
            op.execute(LOAN.update().where(LOAN.c.id == id).values(ended_on=min(later)))


def _settled() -> Iterator[tuple[str, date, set[date]]]:
    """Settled loans with the days on which something was recorded of them."""
    posted = POSTING.join(ENTRY, ENTRY.c.id == POSTING.c.entry_id)
    query = (
        sa.select(LOAN.c.id, LOAN.c.ended_on, ENTRY.c.recorded_at)
        .select_from(LOAN.join(posted, POSTING.c.object_id == LOAN.c.id))
        .order_by(LOAN.c.id)
    )
    settled = sa.select(LOAN.c.id).where(LOAN.c.status == "settled").order_by(LOAN.c.id).limit(LOANS_AT_ONCE)
    after = ""
    while ids := op.get_bind().execute(settled.where(LOAN.c.id > after)).scalars().all():
        rows = op.get_bind().execute(query.where(LOAN.c.id.in_(ids))).all()
        for (id, ended_on), entries in groupby(rows, key=lambda row: (row.id, row.ended_on)):
            yield id, ended_on, {shanghai_date(entry.recorded_at) for entry in entries}
        after = ids[-1]
