"""Reconciliations: a merchant's file, how its columns are read, and what did not agree.

Revision ID: 0041
Revises: 0040
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types
from gateway.db.guards import install

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reconciliation",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("merchant_id", types.Words, nullable=False),
        sa.Column("mode", types.Words, nullable=False),
        sa.Column("kind", types.Words, nullable=False),
        sa.Column("status", types.Words, nullable=False),
        sa.Column("file_name", types.Words, nullable=False),
        sa.Column("file_form", types.Words, nullable=False),
        sa.Column("file_sha256", types.Words, nullable=False),
        sa.Column("file_bytes", types.Whole, nullable=False),
        sa.Column("file_deleted_at", types.UtcTime(), nullable=True),
        sa.Column("heading_row", types.Whole, nullable=False),
        sa.Column("headings", types.Document(), nullable=False),
        sa.Column("columns", types.Document(), nullable=False),
        sa.Column("columns_from", types.Words, nullable=False),
        sa.Column("tolerance", types.Fen, nullable=False),
        sa.Column("window_days", types.Whole, nullable=True),
        sa.Column("memo_contains", types.Words, nullable=True),
        sa.Column("attempt", types.Whole, nullable=False),
        sa.Column("done", types.Whole, nullable=False),
        sa.Column("rows", types.Whole, nullable=True),
        sa.Column("first_day", types.Day(), nullable=True),
        sa.Column("last_day", types.Day(), nullable=True),
        sa.Column("counts", types.Document(), nullable=True),
        sa.Column("faults", types.Document(), nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("ended_at", types.UtcTime(), nullable=True),
        sa.CheckConstraint("mode IN ('test', 'live')", name="mode"),
        sa.CheckConstraint("kind IN ('shop_orders', 'bank_statement', 'institution_file')", name="kind"),
        sa.CheckConstraint("status IN ('mapping', 'running', 'completed', 'failed')", name="status"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("merchant_id", "mode", "kind", "file_sha256", name="one_of_each_file"),
        sqlite_strict=True,
    )
    op.create_index("reconciliation_of_tenant", "reconciliation", ["merchant_id", "mode", "id"])
    has_file = sa.text("file_deleted_at IS NULL")
    op.create_index(
        "reconciliation_with_file",
        "reconciliation",
        ["created_at"],
        sqlite_where=has_file,
        postgresql_where=has_file,
    )
    op.create_table(
        "reconciliation_file_part",
        sa.Column("reconciliation_id", types.Words, nullable=False),
        sa.Column("number", types.Whole, nullable=False, autoincrement=False),
        sa.Column("content_sealed", types.Bytes, nullable=False),
        sa.ForeignKeyConstraint(["reconciliation_id"], ["reconciliation.id"]),
        sa.PrimaryKeyConstraint("reconciliation_id", "number"),
        sqlite_strict=True,
    )
    op.create_table(
        "reconciliation_item",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("reconciliation_id", types.Words, nullable=False),
        sa.Column("number", types.Whole, nullable=False),
        sa.Column("line", types.Whole, nullable=True),
        sa.Column("verdict", types.Words, nullable=False),
        sa.Column("theirs", types.Fen, nullable=True),
        sa.Column("ours_id", types.Words, nullable=True),
        sa.Column("ours", types.Fen, nullable=True),
        sa.Column("difference", types.Fen, nullable=False),
        sa.Column("suggestion", types.Document(), nullable=True),
        sa.Column("note", types.Words, nullable=True),
        sa.Column("proposed_by", types.Words, nullable=True),
        sa.Column("proposed_at", types.UtcTime(), nullable=True),
        sa.Column("resolved_by", types.Words, nullable=True),
        sa.Column("resolved_at", types.UtcTime(), nullable=True),
        sa.CheckConstraint(
            "verdict IN ('amount_differs', 'missing_here', 'missing_there', 'duplicate', 'status_differs',"
            " 'fee_differs')",
            name="verdict",
        ),
        sa.ForeignKeyConstraint(["reconciliation_id"], ["reconciliation.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index(
        "reconciliation_item_in_order", "reconciliation_item", ["reconciliation_id", "number"], unique=True
    )
    op.create_index(
        "reconciliation_item_by_verdict", "reconciliation_item", ["reconciliation_id", "verdict", "number"]
    )
    op.create_table(
        "reconciliation_columns",
        sa.Column("merchant_id", types.Words, nullable=False),
        sa.Column("mode", types.Words, nullable=False),
        sa.Column("kind", types.Words, nullable=False),
        sa.Column("fingerprint", types.Words, nullable=False),
        sa.Column("columns", types.Document(), nullable=False),
        sa.Column("confirmed_at", types.UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),
        sa.PrimaryKeyConstraint("merchant_id", "mode", "kind", "fingerprint"),
        sqlite_strict=True,
    )
    install(op.get_bind(), "reconciliations")
