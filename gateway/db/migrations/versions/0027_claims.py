"""Claims on an ID number that is on file with another name or phone, who verified whom, and what a person had before.

Revision ID: 0027
Revises: 0024
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in ("claims_number_of", "found_to_be"):
        # Written by hand: SQLite takes the reference only together with the column.
        op.execute(f"ALTER TABLE shopper ADD COLUMN {column} TEXT REFERENCES shopper (id)")
    op.add_column("shopper", sa.Column("verified_at", types.UtcTime(), nullable=True))
    op.add_column("shopper", sa.Column("verified_by", types.Words, nullable=True))
    op.create_index("shopper_claims", "shopper", ["claims_number_of", "phone_lookup"])
    op.create_index("shopper_found_to_be", "shopper", ["found_to_be"])
    op.create_table(
        "former_particulars",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("shopper_id", types.Words, nullable=False),
        sa.Column("name_sealed", types.Bytes, nullable=False),
        sa.Column("phone_sealed", types.Bytes, nullable=False),
        sa.Column("held_until", types.UtcTime(), nullable=False),
        sa.Column("ended_by", types.Words, nullable=False),
        sa.ForeignKeyConstraint(["shopper_id"], ["shopper.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("former_particulars_of_shopper", "former_particulars", ["shopper_id", "id"])
    op.add_column("decision_request", sa.Column("real_name", types.Words, nullable=True))
