"""The ledger is hash-chained; many entries are written in one call.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types
from gateway.db.guards import install

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ledger_block",
        sa.Column("number", types.Whole, autoincrement=False, nullable=False),
        sa.Column("first_position", types.Whole, nullable=False),
        sa.Column("last_position", types.Whole, nullable=False),
        sa.Column("entries", types.Whole, nullable=False),
        sa.Column("content_sha256", types.Words, nullable=False),
        sa.Column("previous_hash", types.Words, nullable=False),
        sa.Column("hash", types.Words, nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
    )
    head = op.create_table(
        "ledger_head",
        sa.Column("id", types.Whole, autoincrement=False, nullable=False),
        sa.Column("number", types.Whole, nullable=False),
        sa.Column("hash", types.Words, nullable=False),
        sa.Column("position", types.Whole, nullable=False),
        sa.CheckConstraint("id = 1", name="only_one"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_table(
        "ledger_link",
        sa.Column("position", types.Whole, autoincrement=False, nullable=False),
        sa.Column("block", types.Whole, nullable=False),
        sa.Column("entry_id", types.Words, nullable=False),
        sa.Column("entry_sha256", types.Words, nullable=False),
        sa.Column("parts", types.Words, nullable=False),
        sa.ForeignKeyConstraint(["block"], ["ledger_block.number"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["entry_id"], ["ledger_entry.id"]),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("entry_id"),
        sqlite_strict=True,
    )
    op.bulk_insert(head, [{"id": 1, "number": 0, "hash": "0" * 64, "position": 0}])
    install(op.get_bind(), "ledger_chain")


def downgrade() -> None:
    raise NotImplementedError("a chain that could be taken off would prove nothing: restore a backup instead")
