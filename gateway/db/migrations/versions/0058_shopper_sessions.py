"""Sessions of shoppers in their own pages.

Revision ID: 0058
Revises: 0057
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shopper_session",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("shopper_id", types.Words, nullable=False),
        sa.Column("secret_lookup", types.Words, nullable=False),
        sa.Column("device", types.Words, nullable=False),
        sa.Column("began_at", types.UtcTime(), nullable=False),
        sa.Column("last_seen_at", types.UtcTime(), nullable=False),
        sa.Column("expires_at", types.UtcTime(), nullable=False),
        sa.Column("proved_at", types.UtcTime(), nullable=True),
        sa.Column("ended_at", types.UtcTime(), nullable=True),
        sa.CheckConstraint("length(secret_lookup) = 64", name="secret_is_sha256"),
        sa.ForeignKeyConstraint(["shopper_id"], ["shopper.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("shopper_session_of_shopper", "shopper_session", ["shopper_id", "id"])
    op.create_index("shopper_session_expiry", "shopper_session", ["expires_at"])
