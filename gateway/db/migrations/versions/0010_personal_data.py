"""A data key per person, the consent log append-only, withdrawals, requests for erasure and for human review.

Revision ID: 0010
Revises: 0009
"""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

from gateway.db import types
from gateway.db.guards import install

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

FIRST_LOOK = timedelta(days=365)
"""When the data of people known before this revision is looked at."""


def upgrade() -> None:
    op.create_table(
        "subject_key",
        sa.Column("subject_id", types.Words, nullable=False),
        sa.Column("key_id", types.Words, nullable=False),
        sa.Column("wrapped", types.Bytes, nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("subject_id"),
        sqlite_strict=True,
    )
    op.create_index("subject_key_of_master", "subject_key", ["key_id", "subject_id"], unique=False)
    op.add_column("shopper", sa.Column("keep_until", types.Day(), nullable=True))
    op.add_column("shopper", sa.Column("erased_at", types.UtcTime(), nullable=True))
    op.create_index("shopper_to_keep", "shopper", ["keep_until", "id"], unique=False)
    shopper = sa.table("shopper", sa.column("keep_until", types.Day()))
    op.execute(shopper.update().values(keep_until=(datetime.now(UTC) + FIRST_LOOK).date()))
    _erasure_request()
    _human_review()
    op.create_index("consent_of_shopper", "consent", ["shopper_id"], unique=False)
    op.create_table(
        "consent_withdrawal",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("consent_id", types.Words, nullable=False),
        sa.Column("shopper_id", types.Words, nullable=False),
        sa.Column("channel", types.Words, nullable=False),
        sa.Column("withdrawn_at", types.UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["consent_id"], ["consent.id"]),
        sa.ForeignKeyConstraint(["shopper_id"], ["shopper.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("consent_id", name="one_withdrawal_per_consent"),
        sqlite_strict=True,
    )
    op.create_index("consent_withdrawal_of_shopper", "consent_withdrawal", ["shopper_id"], unique=False)
    install(op.get_bind(), "consents")


def _erasure_request():
    op.create_table(
        "erasure_request",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("shopper_id", types.Words, nullable=False),
        sa.Column("status", types.Words, nullable=False),
        sa.Column("reason", types.Words, nullable=True),
        sa.Column("frozen_until", types.Day(), nullable=True),
        sa.Column("requested_at", types.UtcTime(), nullable=False),
        sa.Column("decided_at", types.UtcTime(), nullable=True),
        sa.CheckConstraint("status IN ('frozen', 'erased', 'withdrawn')", name="status"),
        sa.CheckConstraint("(status = 'frozen') = (decided_at IS NULL)", name="decided"),
        sa.ForeignKeyConstraint(["shopper_id"], ["shopper.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index(
        "one_frozen_request",
        "erasure_request",
        ["shopper_id"],
        unique=True,
        sqlite_where=sa.text("status = 'frozen'"),
        postgresql_where=sa.text("status = 'frozen'"),
    )


def _human_review():
    op.create_table(
        "human_review",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("mode", types.Words, nullable=False),
        sa.Column("checkout_id", types.Words, nullable=False),
        sa.Column("shopper_id", types.Words, nullable=False),
        sa.Column("decision_id", types.Words, nullable=False),
        sa.Column("status", types.Words, nullable=False),
        sa.Column("requested_at", types.UtcTime(), nullable=False),
        sa.Column("resolved_at", types.UtcTime(), nullable=True),
        sa.Column("resolved_by", types.Words, nullable=True),
        sa.CheckConstraint("status IN ('requested', 'upheld', 'reconsider')", name="status"),
        sa.CheckConstraint("(status = 'requested') = (resolved_at IS NULL)", name="resolved"),
        sa.ForeignKeyConstraint(["shopper_id"], ["shopper.id"]),
        sa.ForeignKeyConstraint(["decision_id"], ["credit_decision.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("checkout_id", name="one_human_review_per_checkout"),
        sqlite_strict=True,
    )
    op.create_index("human_review_open", "human_review", ["status", "id"], unique=False)
    op.create_index("human_review_of_shopper", "human_review", ["shopper_id", "id"], unique=False)
