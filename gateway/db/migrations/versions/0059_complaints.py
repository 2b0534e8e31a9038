"""Complaints of shoppers and their answers.

Revision ID: 0059
Revises: 0058
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types
from gateway.db.guards import install

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "complaint",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("mode", types.Words, nullable=False),
        sa.Column("shopper_id", types.Words, nullable=False),
        sa.Column("loan_id", types.Words, nullable=True),
        sa.Column("kind", types.Words, nullable=False),
        sa.Column("text_sealed", types.Bytes, nullable=False),
        sa.Column("due_on", types.Day(), nullable=False),
        sa.Column("status", types.Words, nullable=False),
        sa.Column("answer_sealed", types.Bytes, nullable=True),
        sa.Column("answered_by", types.Words, nullable=True),
        sa.Column("answered_at", types.UtcTime(), nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.CheckConstraint("kind IN ('complaint', 'hardship')", name="kind"),
        sa.CheckConstraint("status IN ('open', 'answered')", name="status"),
        sa.CheckConstraint("mode IN ('test', 'live')", name="mode"),
        sa.CheckConstraint(
            "(status = 'answered') = (answered_at IS NOT NULL) AND (answered_at IS NULL) = (answer_sealed IS NULL)"
            " AND (answered_at IS NULL) = (answered_by IS NULL)",
            name="answered",
        ),
        sa.ForeignKeyConstraint(["shopper_id"], ["shopper.id"]),
        sa.ForeignKeyConstraint(["loan_id"], ["loan.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("complaint_of_shopper", "complaint", ["shopper_id", "id"])
    is_open = sa.text("status = 'open'")
    op.create_index(
        "complaint_to_answer", "complaint", ["due_on", "id"], sqlite_where=is_open, postgresql_where=is_open
    )
    install(op.get_bind(), "complaints")
