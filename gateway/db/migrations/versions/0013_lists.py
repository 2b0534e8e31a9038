"""The lender's lists; the price that a decision recommends, and what green goods add to its limit.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "list_entry",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("mode", types.Words, nullable=False),
        sa.Column("kind", types.Words, nullable=False),
        sa.Column("lookup", types.Words, nullable=False),
        sa.Column("note", types.Words, nullable=False),
        sa.Column("added_by", types.Words, nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("ended_at", types.UtcTime(), nullable=True),
        sa.CheckConstraint("mode IN ('test', 'live')", name="mode"),
        sa.CheckConstraint("kind IN ('blocked', 'watched', 'trusted')", name="kind"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("list_entry_of_person", "list_entry", ["mode", "lookup"])
    op.add_column("credit_decision", sa.Column("price_tier", types.Words, nullable=True))
    op.add_column("credit_decision", sa.Column("annual_rate_bp", types.Whole, nullable=True))
    op.add_column(
        "credit_decision", sa.Column("green_uplift_fen", types.Fen, nullable=False, server_default="0")
    )
