"""References to the outside that survive a restore, when an effect was begun, and which keys belong to the database.

Revision ID: 0030
Revises: 0029
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # What is on its way was instructed under its id and keeps that: no reference means the id.
    for table in ("collection", "shopper_return", "payout"):
        op.add_column(table, sa.Column("reference", types.Words, nullable=True))
        op.create_index(f"{table}_reference", table, ["reference"], unique=True)
    op.add_column("outbox", sa.Column("sent_at", types.UtcTime(), nullable=True))
    op.create_table(
        "key_in_use",
        sa.Column("kind", types.Words, nullable=False),
        sa.Column("key_id", types.Words, nullable=False),
        sa.Column("recorded_at", types.UtcTime(), nullable=False),
        sa.CheckConstraint("kind IN ('sealing', 'lookup', 'people', 'contracts', 'tokens')", name="kind"),
        sa.PrimaryKeyConstraint("kind", "key_id"),
        sqlite_strict=True,
    )
    # The newest of a phone are found without reading all of them.
    op.drop_index("shopper_of_phone", "shopper")
    op.create_index("shopper_of_phone", "shopper", ["mode", "phone_lookup", "id"])
