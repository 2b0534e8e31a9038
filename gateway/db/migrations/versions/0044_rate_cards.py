"""Rate cards: proposed by one operator and confirmed by another; prices that come with a card name it.

Revision ID: 0044
Revises: 0043
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types
from gateway.db.guards import install

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "operator",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("name", types.Words, nullable=False),
        sa.Column("secret", types.Bytes, nullable=False),
        sa.Column("last_step", types.Whole, nullable=False),
        sa.Column("failures", types.Whole, nullable=False),
        sa.Column("failures_since", types.UtcTime(), nullable=True),
        sa.Column("added_by", types.Words, nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("confirmed_at", types.UtcTime(), nullable=True),
        sa.Column("removed_at", types.UtcTime(), nullable=True),
        sa.CheckConstraint("last_step >= 0", name="last_step"),
        sa.CheckConstraint("failures >= 0", name="failures"),
        sa.ForeignKeyConstraint(["added_by"], ["operator.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
        sqlite_strict=True,
    )
    op.create_table(
        "rate_card",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("merchant_id", types.Words, nullable=False),
        sa.Column("status", types.Words, nullable=False),
        sa.Column("first_day", types.Day(), nullable=False),
        sa.Column("prices", types.Document(), nullable=False),
        sa.Column("subsidy_programmes", types.Document(), nullable=False),
        sa.Column("proposed_by", types.Words, nullable=False),
        sa.Column("proposed_at", types.UtcTime(), nullable=False),
        sa.Column("reason", types.Words, nullable=False),
        sa.Column("decided_by", types.Words, nullable=True),
        sa.Column("decided_at", types.UtcTime(), nullable=True),
        sa.Column("decision_reason", types.Words, nullable=True),
        sa.CheckConstraint("status IN ('proposed', 'confirmed', 'rejected', 'withdrawn')", name="status"),
        sa.CheckConstraint("(status = 'proposed') = (decided_at IS NULL)", name="decided"),
        sa.CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="by_somebody"),
        sa.CheckConstraint(
            "status IN ('proposed', 'withdrawn') OR decided_by <> proposed_by", name="two_people"
        ),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),
        sa.ForeignKeyConstraint(["proposed_by"], ["operator.id"]),
        sa.ForeignKeyConstraint(["decided_by"], ["operator.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("rate_card_in_order", "rate_card", ["merchant_id", "status", "first_day"])
    op.execute("ALTER TABLE plan_price ADD COLUMN rate_card_id TEXT REFERENCES rate_card (id)")
    install(op.get_bind(), "rate_cards")
