"""Trade-in subsidies are claimed from their programme with each capture; reserves are agreed with merchants.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "subsidy_claim",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("merchant_id", types.Words, nullable=False),
        sa.Column("mode", types.Words, nullable=False),
        sa.Column("payment_id", types.Words, nullable=False),
        sa.Column("capture_id", types.Words, nullable=False),
        sa.Column("programme", types.Words, nullable=False),
        sa.Column("amount_fen", types.Whole, nullable=False),
        sa.Column("returned_fen", types.Whole, nullable=False),
        sa.Column("paid_at", types.UtcTime(), nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.CheckConstraint("mode IN ('test', 'live')", name="mode"),
        sa.CheckConstraint("amount_fen > 0", name="amount"),
        sa.CheckConstraint("returned_fen BETWEEN 0 AND amount_fen", name="returned"),
        sa.ForeignKeyConstraint(
            ["capture_id"],
            ["capture.id"],
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchant.id"],
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"],
            ["payment.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("capture_id", name="one_subsidy_claim_per_capture"),
        sqlite_strict=True,
    )
    op.create_index("subsidy_claim_of_payment", "subsidy_claim", ["payment_id"], unique=False)
    op.create_index("subsidy_claim_of_tenant", "subsidy_claim", ["merchant_id", "mode", "id"], unique=False)
    op.add_column("merchant", sa.Column("reserve_rate", types.Words, nullable=True))
    op.add_column("merchant", sa.Column("reserve_days", types.Whole, nullable=True))
    op.add_column("merchant", sa.Column("payout_account", types.Words, nullable=True))
