"""Terms by category and lender, trade-in subsidies, down payments, signed contracts.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("category", "funder", "fee_timing", "fee_rate_per_period"):
        op.add_column("plan_price", sa.Column(name, types.Words, nullable=True))
    op.add_column("checkout", sa.Column("prices", types.Document(), nullable=True))
