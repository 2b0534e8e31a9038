"""Late entries: what was reported for a closed month, with the day from which it would count.

Revision ID: 0050
Revises: 0049
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types
from gateway.db.guards import install

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ledger_late_entry",
        sa.Column("entry_id", types.Words, nullable=False),
        sa.Column("original_date", types.Day(), nullable=False),
        sa.Column("keyed_hash", types.Words, nullable=True),
        sa.ForeignKeyConstraint(["entry_id"], ["ledger_entry.id"]),
        sa.PrimaryKeyConstraint("entry_id"),
        sqlite_strict=True,
    )
    install(op.get_bind(), "ledger_late")
