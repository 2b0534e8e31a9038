"""Scores for partner institutions, and what of their daily quota is used.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types
from gateway.db.guards import install

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "partner_score",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("merchant_id", types.Words, nullable=False),
        sa.Column("mode", types.Words, nullable=False),
        sa.Column("reference", types.Words, nullable=False),
        sa.Column("features", types.Document(), nullable=False),
        sa.Column("consents", types.Document(), nullable=False),
        sa.Column("answer", types.Document(), nullable=False),
        sa.Column("model", types.Words, nullable=False),
        sa.Column("model_sha256", types.Words, nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.CheckConstraint("mode IN ('test', 'live')", name="mode"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("partner_score_of_merchant", "partner_score", ["merchant_id", "mode", "id"])
    op.create_table(
        "score_usage",
        sa.Column("merchant_id", types.Words, nullable=False),
        sa.Column("mode", types.Words, nullable=False),
        sa.Column("day", types.Day(), nullable=False),
        sa.Column("scores", types.Whole, nullable=False),
        sa.CheckConstraint("scores >= 0", name="scores"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),
        sa.PrimaryKeyConstraint("merchant_id", "mode", "day"),
        sqlite_strict=True,
    )
    install(op.get_bind(), "scores")
