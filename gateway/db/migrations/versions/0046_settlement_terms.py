"""Settlement terms for each merchant and mode, by day; a batch lists its lines, which are marked all together.

Revision ID: 0046
Revises: 0043
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types
from gateway.db.guards import install

revision = "0046"
down_revision = "0043"
branch_labels = None
depends_on = None


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
    op.create_index("settlement_terms_of_day", "settlement_terms", ["merchant_id", "mode", "valid_from", "id"])
    op.add_column("settlement_batch", sa.Column("terms_id", types.Words, nullable=True))
    op.add_column("settlement_batch", sa.Column("lines_count", types.Whole, nullable=True))
    op.add_column("settlement_batch", sa.Column("lines_sha256", types.Words, nullable=True))
    install(op.get_bind(), "settlement_terms")
