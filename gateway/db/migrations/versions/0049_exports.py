"""Exports: what was asked for, its file in parts, and a merchant's own account codes.

Revision ID: 0049
Revises: 0048
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types
from gateway.db.guards import install

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "export",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("merchant_id", types.Words, nullable=False),
        sa.Column("mode", types.Words, nullable=False),
        sa.Column("kind", types.Words, nullable=False),
        sa.Column("format", types.Words, nullable=False),
        sa.Column("first_day", types.Day(), nullable=True),
        sa.Column("last_day", types.Day(), nullable=True),
        sa.Column("filters", types.Document(), nullable=False),
        sa.Column("status", types.Words, nullable=False),
        sa.Column("attempt", types.Whole, nullable=False),
        sa.Column("lines_done", types.Whole, nullable=False),
        sa.Column("file_bytes", types.Whole, nullable=True),
        sa.Column("file_sha256", types.Words, nullable=True),
        sa.Column("fault", types.Words, nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("ended_at", types.UtcTime(), nullable=True),
        sa.Column("expires_at", types.UtcTime(), nullable=False),
        sa.Column("file_deleted_at", types.UtcTime(), nullable=True),
        sa.CheckConstraint("mode IN ('test', 'live')", name="mode"),
        sa.CheckConstraint("status IN ('running', 'completed', 'failed', 'expired')", name="status"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("export_of_tenant", "export", ["merchant_id", "mode", "id"])
    has_file = sa.text("file_deleted_at IS NULL")
    op.create_index(
        "export_with_file", "export", ["expires_at"], sqlite_where=has_file, postgresql_where=has_file
    )
    op.create_table(
        "export_file_part",
        sa.Column("export_id", types.Words, nullable=False),
        sa.Column("number", types.Whole, nullable=False, autoincrement=False),
        sa.Column("content", types.Bytes, nullable=False),
        sa.ForeignKeyConstraint(["export_id"], ["export.id"]),
        sa.PrimaryKeyConstraint("export_id", "number"),
        sqlite_strict=True,
    )
    op.create_table(
        "voucher_accounts",
        sa.Column("merchant_id", types.Words, nullable=False),
        sa.Column("mode", types.Words, nullable=False),
        sa.Column("accounts", types.Document(), nullable=False),
        sa.Column("changed_at", types.UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),
        sa.PrimaryKeyConstraint("merchant_id", "mode"),
        sqlite_strict=True,
    )
    install(op.get_bind(), "exports")
