"""Repayment methods: what instalments are collected from, and which of them a collection used.

Revision ID: 0057
Revises: 0055
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types
from gateway.db.guards import install

revision = "0057"
down_revision = "0055"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "repayment_method",
        sa.Column("keyed_hash", types.Words, nullable=True),
        sa.Column("id", types.Words, nullable=False),
        sa.Column("shopper_id", types.Words, nullable=False),
        sa.Column("mode", types.Words, nullable=False),
        sa.Column("reference", types.Words, nullable=False),
        sa.Column("place", types.Words, nullable=False),
        sa.Column("language", types.Words, nullable=False),
        sa.Column("status", types.Words, nullable=False),
        sa.Column("kind", types.Words, nullable=True),
        sa.Column("brand", types.Words, nullable=True),
        sa.Column("last4", types.Words, nullable=True),
        sa.Column("exp_year", types.Whole, nullable=True),
        sa.Column("exp_month", types.Whole, nullable=True),
        sa.Column("token_sealed", types.Bytes, nullable=True),
        sa.Column("failure", types.Words, nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("set_up_by", types.UtcTime(), nullable=False),
        sa.Column("attached_at", types.UtcTime(), nullable=True),
        sa.Column("ended_at", types.UtcTime(), nullable=True),
        sa.Column("ended_because", types.Words, nullable=True),
        sa.Column("detached_at", types.UtcTime(), nullable=True),
        sa.CheckConstraint("mode IN ('test', 'live')", name="mode"),
        sa.CheckConstraint("status IN ('pending', 'active', 'failed', 'detached')", name="status"),
        sa.CheckConstraint("kind IN ('card', 'mandate')", name="kind"),
        sa.CheckConstraint("length(last4) IN (0, 4)", name="last4"),
        sa.CheckConstraint("exp_month BETWEEN 1 AND 12", name="exp_month"),
        sa.CheckConstraint("(exp_year IS NULL) = (exp_month IS NULL)", name="expiry"),
        sa.CheckConstraint("(attached_at IS NULL) = (brand IS NULL)", name="attached"),
        sa.CheckConstraint(
            "NOT (status = 'active') OR (token_sealed IS NOT NULL AND ended_at IS NULL)", name="active"
        ),
        sa.CheckConstraint("(ended_at IS NULL) = (status IN ('pending', 'active'))", name="ended"),
        sa.ForeignKeyConstraint(["shopper_id"], ["shopper.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("repayment_method_reference", "repayment_method", ["reference"], unique=True)
    op.create_index("repayment_method_of_shopper", "repayment_method", ["shopper_id", "id"])
    active = sa.text("status = 'active'")
    op.create_index(
        "one_active_repayment_method",
        "repayment_method",
        ["shopper_id"],
        unique=True,
        sqlite_where=active,
        postgresql_where=active,
    )
    # By hand: SQLite takes a reference with a new column, which Alembic would make a constraint of its own.
    op.execute("ALTER TABLE collection ADD COLUMN method_id text REFERENCES repayment_method (id)")
    install(op.get_bind(), "methods")
