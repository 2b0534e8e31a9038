"""The store that sells: kept on the checkout, the payment and each line of the settlement.

Revision ID: 0024
Revises: 0023
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("checkout", "payment", "settlement_line"):
        op.add_column(table, sa.Column("store", types.Words, nullable=True))
    for table in ("checkout", "payment"):
        op.create_index(f"{table}_of_store", table, ["merchant_id", "mode", "store", "id"])
