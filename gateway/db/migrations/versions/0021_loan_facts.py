"""A loan is recomputed from its facts: what refunds returned and what was waived stand apart from what was paid.

Revision ID: 0021
Revises: 0020
"""

from collections import defaultdict

import sqlalchemy as sa
from alembic import op

from gateway.db import types

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

CHANGE = sa.table(
    "loan_credit_change",
    sa.column("id", types.Words),
    sa.column("loan_id", types.Words),
    sa.column("changed_on", types.Day()),
    sa.column("amount_fen", types.Fen),
    sa.column("about", types.Words),
)
REDUCTION = sa.table(
    "loan_principal_reduction",
    sa.column("id", types.Words),
    sa.column("loan_id", types.Words),
    sa.column("period", types.Whole),
    sa.column("reduced_on", types.Day()),
    sa.column("amount_fen", types.Fen),
)
ENTRY = sa.table(
    "ledger_entry",
    sa.column("id", types.Words),
    sa.column("kind", types.Words),
    sa.column("key", types.Words),
    sa.column("effective_date", types.Day()),
)
POSTING = sa.table(
    "ledger_posting",
    sa.column("entry_id", types.Words),
    sa.column("account_id", types.Words),
    sa.column("object_id", types.Words),
    sa.column("amount", types.Fen),
)
ACCOUNT = sa.table("ledger_account", sa.column("id", types.Words), sa.column("kind", types.Words))
LOAN = sa.table("loan", sa.column("id", types.Words), sa.column("status", types.Words))
POSTED = POSTING.join(ENTRY, ENTRY.c.id == POSTING.c.entry_id).join(
    ACCOUNT, ACCOUNT.c.id == POSTING.c.account_id
)


def upgrade() -> None:
    op.create_table(
        "loan_credit_change",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("loan_id", types.Words, nullable=False),
        sa.Column("changed_on", types.Day(), nullable=False),
        sa.Column("amount_fen", types.Fen, nullable=False),
        sa.Column("about", types.Words, nullable=False),
        sa.CheckConstraint("amount_fen <> 0", name="amount"),
        sa.ForeignKeyConstraint(["loan_id"], ["loan.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("loan_credit_change_of_loan", "loan_credit_change", ["loan_id"], unique=False)
    op.add_column("loan", sa.Column("written_off_charges_fen", types.Fen, nullable=False, server_default="0"))
    op.add_column("loan", sa.Column("charges_waived_on", types.Day(), nullable=True))
    op.add_column("loan", sa.Column("settlement_reference", types.Words, nullable=True))
    for column in ("returned_fen", "waived_interest_fen", "waived_fee_fen"):
        op.add_column("loan_bill", sa.Column(column, types.Fen, nullable=False, server_default="0"))
    _note_credit_changes()
    _keep_what_refunds_took()
    _bring_loans_along()


def _note_credit_changes() -> None:
    """What came to a shopper's credit, or left it, other than by a repayment: the books say so."""
    query = (
        sa.select(ENTRY.c.id, ENTRY.c.key, ENTRY.c.effective_date, POSTING.c.object_id, POSTING.c.amount)
        .select_from(POSTED.join(LOAN, LOAN.c.id == POSTING.c.object_id))
        .where(
            ACCOUNT.c.kind == "shopper_credit",
            ENTRY.c.kind.in_(("refund_failed", "dispute_lost", "credit_returned")),
            LOAN.c.status != "unwound",
        )
    )
    rows = [
        {
            "id": f"crc_{row.id.partition('_')[2]}",
            "loan_id": row.object_id,
            "changed_on": row.effective_date,
            "amount_fen": -row.amount,
            "about": row.key.rpartition(":")[2],
        }
        for row in op.get_bind().execute(query)
    ]
    if rows:
        op.bulk_insert(CHANGE, rows)


def _keep_what_refunds_took() -> None:
    """Of the reductions of principal only those by refunds are facts; payments have their own rows.

    On a day on which more principal was taken off a loan than payments have paid, the newest reductions are the refund's.
    """
    bind = op.get_bind()
    left: dict[tuple[object, object], int] = defaultdict(int)
    reductions = bind.execute(sa.select(REDUCTION).order_by(REDUCTION.c.id.desc())).all()
    for row in reductions:
        left[row.loan_id, row.reduced_on] += row.amount_fen
    paid = (
        sa.select(POSTING.c.object_id, ENTRY.c.effective_date, sa.func.sum(POSTING.c.amount).label("fen"))
        .select_from(POSTED)
        .where(ACCOUNT.c.kind == "loan_principal", ENTRY.c.kind.in_(("repayment", "credit_applied")))
        .group_by(POSTING.c.object_id, ENTRY.c.effective_date)
    )
    for row in bind.execute(paid):
        left[row.object_id, row.effective_date] += int(row.fen)
    kept = []
    for row in reductions:
        part = min(row.amount_fen, max(0, left[row.loan_id, row.reduced_on]))
        left[row.loan_id, row.reduced_on] -= part
        if part:
            kept.append({**row._mapping, "amount_fen": part})
    bind.execute(sa.delete(REDUCTION))
    if kept:
        op.bulk_insert(REDUCTION, kept)


def _bring_loans_along() -> None:
    op.execute(
        "UPDATE loan_bill SET returned_fen = coalesce((SELECT sum(r.amount_fen) FROM loan_principal_reduction r"
        " WHERE r.loan_id = loan_bill.loan_id AND r.period = loan_bill.period), 0)"
    )
    op.execute("UPDATE loan_bill SET paid_principal_fen = paid_principal_fen - returned_fen")
    op.execute(
        "UPDATE loan SET charges_waived_on = ended_on WHERE status = 'refunded' AND EXISTS ("
        "SELECT 1 FROM ledger_entry e WHERE e.object_id = loan.id AND e.kind = 'charges_waived')"
    )
    op.execute(
        "UPDATE loan SET written_off_charges_fen = coalesce((SELECT -sum(p.amount) FROM ledger_posting p"
        " JOIN ledger_entry e ON e.id = p.entry_id JOIN ledger_account a ON a.id = p.account_id"
        " WHERE p.object_id = loan.id AND e.kind = 'write_off' AND a.kind IN"
        " ('interest_receivable', 'fee_receivable', 'late_interest_receivable')), 0) WHERE status = 'written_off'"
    )
    # Rows of nothing at the end of a schedule fall due no more, and a loan of which nothing is left has ended.
    op.execute(
        "UPDATE loan SET next_due_date = NULL WHERE status IN ('active', 'overdue') AND NOT EXISTS ("
        "SELECT 1 FROM loan_instalment i WHERE i.loan_id = loan.id AND i.version = loan.schedule_version"
        " AND i.period > loan.billed_periods AND i.payment_fen > 0)"
    )
    op.execute(
        "UPDATE loan SET status = 'settled', overdue_since = NULL, ended_on ="
        " (SELECT max(b.paid_on) FROM loan_bill b WHERE b.loan_id = loan.id)"
        " WHERE status IN ('active', 'overdue') AND next_due_date IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM loan_bill b WHERE b.loan_id = loan.id AND b.paid_on IS NULL)"
    )
