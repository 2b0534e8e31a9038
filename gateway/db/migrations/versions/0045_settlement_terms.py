"""Settlement terms for each merchant and mode, by day; invoices of debts; a batch lists its lines.

A batch's lines are marked all together, which computes no hash of a line: so the batch has one of their ids.

Revision ID: 0045
Revises: 0044
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types
from gateway.db.guards import install

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

KINDS = (
    "kind IN ('capture', 'refund', 'subsidy', 'subsidy_return', 'dispute', 'dispute_won', 'payout_returned',"
    " 'reserve_release', 'invoice_payment')"
)


def upgrade() -> None:
    op.create_table(
        "settlement_terms",
        sa.Column("keyed_hash", types.Words, nullable=True),
        sa.Column("id", types.Words, nullable=False),
        sa.Column("merchant_id", types.Words, nullable=False),
        sa.Column("mode", types.Words, nullable=False),
        sa.Column("valid_from", types.Day(), nullable=False),
        sa.Column("t_plus", types.Whole, nullable=False),
        sa.Column("days", types.Words, nullable=False),
        sa.Column("cutoff", types.Words, nullable=False),
        sa.Column("minimum_payout_fen", types.Fen, nullable=False),
        sa.Column("reserve_rate", types.Words, nullable=False),
        sa.Column("reserve_days", types.Whole, nullable=False),
        sa.Column("reserve_most_fen", types.Fen, nullable=True),
        sa.Column("invoice_after_days", types.Whole, nullable=True),
        sa.Column("invoice_due_days", types.Whole, nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.CheckConstraint("mode IN ('test', 'live')", name="mode"),
        sa.CheckConstraint("days IN ('banking', 'calendar')", name="days"),
        sa.CheckConstraint(
            "t_plus >= 0 AND minimum_payout_fen >= 0 AND reserve_most_fen >= 0", name="not_negative"
        ),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index(
        "settlement_terms_of_day", "settlement_terms", ["merchant_id", "mode", "valid_from", "id"]
    )
    op.create_table(
        "merchant_invoice",
        sa.Column("keyed_hash", types.Words, nullable=True),
        sa.Column("id", types.Words, nullable=False),
        sa.Column("merchant_id", types.Words, nullable=False),
        sa.Column("mode", types.Words, nullable=False),
        sa.Column("number", types.Whole, nullable=False),
        sa.Column("amount_fen", types.Fen, nullable=False),
        sa.Column("opened_on", types.Day(), nullable=False),
        sa.Column("due_on", types.Day(), nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.CheckConstraint("mode IN ('test', 'live')", name="mode"),
        sa.CheckConstraint("amount_fen > 0", name="amount"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("merchant_id", "mode", "number", name="one_invoice_a_number"),
        sqlite_strict=True,
    )
    op.create_table(
        "invoice_credit",
        sa.Column("keyed_hash", types.Words, nullable=True),
        sa.Column("id", types.Words, nullable=False),
        sa.Column("merchant_id", types.Words, nullable=False),
        sa.Column("mode", types.Words, nullable=False),
        sa.Column("invoice_id", types.Words, nullable=False),
        sa.Column("kind", types.Words, nullable=False),
        sa.Column("amount_fen", types.Fen, nullable=False),
        sa.Column("received_fen", types.Fen, nullable=True),
        sa.Column("reference", types.Words, nullable=True),
        sa.Column("settlement_id", types.Words, nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.CheckConstraint("mode IN ('test', 'live')", name="mode"),
        sa.CheckConstraint("kind IN ('netting', 'payment')", name="kind"),
        sa.CheckConstraint("amount_fen >= 0", name="amount"),
        sa.CheckConstraint("(kind = 'netting') = (settlement_id IS NOT NULL)", name="netted_by"),
        sa.CheckConstraint(
            "(kind = 'payment') = (reference IS NOT NULL) AND (kind = 'payment') = (received_fen IS NOT NULL)",
            name="paid_by",
        ),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),
        sa.ForeignKeyConstraint(["invoice_id"], ["merchant_invoice.id"]),
        sa.ForeignKeyConstraint(["settlement_id"], ["settlement_batch.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("merchant_id", "mode", "reference", name="one_payment_a_reference"),
        sqlite_strict=True,
    )
    op.create_index("invoice_credit_of_invoice", "invoice_credit", ["invoice_id"])
    op.add_column("settlement_batch", sa.Column("terms_id", types.Words, nullable=True))
    op.add_column("settlement_batch", sa.Column("lines_count", types.Whole, nullable=True))
    op.add_column("settlement_batch", sa.Column("lines_sha256", types.Words, nullable=True))
    _let_invoices_be_paid()
    install(op.get_bind(), "settlement_terms")


def _let_invoices_be_paid() -> None:
    """A further kind of line. SQLite makes the table again for it, without its triggers."""
    on_sqlite = op.get_context().dialect.name == "sqlite"
    triggers = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'settlement_line'"
    kept = list(op.get_bind().execute(sa.text(triggers)).scalars()) if on_sqlite else []
    with op.batch_alter_table("settlement_line", table_kwargs={"sqlite_strict": True}) as batch:
        batch.drop_constraint("kind", type_="check")
        batch.create_check_constraint("kind", KINDS)
    for trigger in kept:
        op.get_bind().exec_driver_sql(trigger)
