"""The audit log, in a hash chain with a signed root for each day.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types
from gateway.db.guards import install

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("number", types.Whole, nullable=False, autoincrement=False),
        sa.Column("at", types.UtcTime(), nullable=False),
        sa.Column("actor_kind", types.Words, nullable=False),
        sa.Column("actor_id", types.Words, nullable=False),
        sa.Column("action", types.Words, nullable=False),
        sa.Column("about", types.Words, nullable=False),
        sa.Column("merchant_id", types.Words, nullable=True),
        sa.Column("mode", types.Words, nullable=True),
        sa.Column("facts", types.Document(), nullable=False),
        sa.Column("before_sha256", types.Words, nullable=True),
        sa.Column("after_sha256", types.Words, nullable=True),
        sa.Column("previous_hash", types.Words, nullable=False),
        sa.Column("hash", types.Words, nullable=False),
        sa.CheckConstraint("actor_kind IN ('operator', 'member', 'client', 'system')", name="actor_kind"),
        sa.CheckConstraint("mode IN ('test', 'live')", name="mode"),
        sa.CheckConstraint("length(hash) = 64 AND length(previous_hash) = 64", name="hashes"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("hash"),
        sqlite_strict=True,
    )
    op.create_index("audit_entry_of_merchant", "audit_entry", ["merchant_id", "number"], unique=False)
    op.create_index("audit_entry_about", "audit_entry", ["about", "number"], unique=False)
    op.create_table(
        "audit_root",
        sa.Column("day", types.Day, nullable=False),
        sa.Column("number", types.Whole, nullable=False),
        sa.Column("hash", types.Words, nullable=False),
        sa.Column("algorithm", types.Words, nullable=False),
        sa.Column("key_id", types.Words, nullable=False),
        sa.Column("signature", types.Words, nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.CheckConstraint("length(hash) = 64", name="hash"),
        sa.ForeignKeyConstraint(["number"], ["audit_entry.number"]),
        sa.PrimaryKeyConstraint("day"),
        sqlite_strict=True,
    )
    install(op.get_bind(), "audit")
