"""Where payouts go: accounts with the moment they count from; and what the institution said of each payout.

Revision ID: 0047
Revises: 0046
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types
from gateway.db.guards import install

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "payout_account",
        sa.Column("keyed_hash", types.Words, nullable=True),
        sa.Column("id", types.Words, nullable=False),
        sa.Column("merchant_id", types.Words, nullable=False),
        sa.Column("mode", types.Words, nullable=False),
        sa.Column("kind", types.Words, nullable=False),
        sa.Column("details_sealed", types.Bytes, nullable=False),
        sa.Column("last4", types.Words, nullable=False),
        sa.Column("bank", types.Words, nullable=True),
        sa.Column("asked_by", types.Words, nullable=False),
        sa.Column("reason", types.Words, nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("effective_at", types.UtcTime(), nullable=False),
        sa.Column("canceled_at", types.UtcTime(), nullable=True),
        sa.Column("canceled_by", types.Words, nullable=True),
        sa.CheckConstraint("mode IN ('test', 'live')", name="mode"),
        sa.CheckConstraint("kind IN ('bank_card', 'bank_account', 'institution_account')", name="kind"),
        sa.CheckConstraint("effective_at >= created_at", name="effective"),
        sa.CheckConstraint("(canceled_at IS NULL) = (canceled_by IS NULL)", name="canceled"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("payout_account_of_tenant", "payout_account", ["merchant_id", "mode", "effective_at"])
    op.add_column("payout", sa.Column("in_transit_at", types.UtcTime(), nullable=True))
    # By hand: SQLite takes a reference with a new column, which Alembic would make a constraint of its own.
    op.execute("ALTER TABLE payout ADD COLUMN account_id text REFERENCES payout_account (id)")
    op.add_column("payout", sa.Column("moved_fen", types.Fen, nullable=True))
    op.add_column("payout", sa.Column("heard", types.Document(), nullable=True))
    install(op.get_bind(), "payouts")
