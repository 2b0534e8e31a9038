"""Signed roots of the audit log and of the ledger.

Revision ID: 0029
Revises: 0028
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types
from gateway.db.guards import install

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "signed_root",
        sa.Column("chain", types.Words, nullable=False),
        sa.Column("number", types.Whole, nullable=False, autoincrement=False),
        sa.Column("hash", types.Words, nullable=False),
        sa.Column("signed_at", types.UtcTime(), nullable=False),
        sa.Column("algorithm", types.Words, nullable=False),
        sa.Column("key_id", types.Words, nullable=False),
        sa.Column("signature", types.Words, nullable=False),
        sa.CheckConstraint("chain IN ('audit', 'ledger')", name="chain"),
        sa.CheckConstraint("number > 0 AND length(hash) = 64", name="head"),
        sa.PrimaryKeyConstraint("chain", "number"),
        sqlite_strict=True,
    )
    install(op.get_bind(), "roots")
