"""Links between applicants, as a log that is read along its positions.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "applicant_link",
        sa.Column("position", types.Whole, autoincrement=True, nullable=False),
        sa.Column("mode", types.Words, nullable=False),
        sa.Column("kind", types.Words, nullable=False),
        sa.Column("value_lookup", types.Words, nullable=True),
        sa.Column("shopper_id", types.Words, nullable=False),
        sa.Column("seen_at", types.UtcTime(), nullable=False),
        sa.CheckConstraint("mode IN ('test', 'live')", name="mode"),
        sa.CheckConstraint(
            "kind IN ('device', 'phone', 'address', 'card', 'referrer', 'bad', 'good', 'erased')", name="kind"
        ),
        sa.CheckConstraint("(value_lookup IS NULL) = (kind IN ('bad', 'good', 'erased'))", name="value"),
        sa.ForeignKeyConstraint(["shopper_id"], ["shopper.id"]),
        sa.PrimaryKeyConstraint("position"),
        sqlite_strict=True,
        sqlite_autoincrement=True,
    )
    op.create_index("applicant_link_of_shopper", "applicant_link", ["shopper_id", "kind"], unique=False)
    op.create_index("applicant_link_by_age", "applicant_link", ["seen_at"], unique=False)
    op.create_index(
        "applicant_link_labels",
        "applicant_link",
        ["shopper_id", "position"],
        unique=False,
        sqlite_where=sa.text("kind IN ('bad', 'good')"),
        postgresql_where=sa.text("kind IN ('bad', 'good')"),
    )
