"""Data keys that were destroyed, until nothing is left of them in the files; deliveries and subsidies by whom they are about.

Revision ID: 0028
Revises: 0024
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "destroyed_key",
        sa.Column("subject_id", types.Words, nullable=False),
        sa.Column("destroyed_at", types.UtcTime(), nullable=False),
        sa.Column("gone_at", types.UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("subject_id"),
        sqlite_strict=True,
    )
    op.create_index(
        "destroyed_key_left",
        "destroyed_key",
        ["subject_id"],
        sqlite_where=sa.text("gone_at IS NULL"),
        postgresql_where=sa.text("gone_at IS NULL"),
    )
    op.create_index("webhook_delivery_about", "webhook_delivery", ["object_id"])
    op.create_index("subsidy_quota_of_person", "subsidy_quota", ["person_lookup"])
    _those_of_older_releases()


def _those_of_older_releases() -> None:
    """Their bytes may still be in the files: the worker finishes what an older release only deleted."""
    shopper = sa.table("shopper", sa.column("id"), sa.column("erased_at", types.UtcTime()))
    destroyed = sa.table("destroyed_key", sa.column("subject_id"), sa.column("destroyed_at", types.UtcTime()))
    erased = sa.select(shopper.c.id, shopper.c.erased_at).where(shopper.c.erased_at.is_not(None))
    op.execute(destroyed.insert().from_select(["subject_id", "destroyed_at"], erased))
