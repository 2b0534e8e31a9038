"""Counter-offers: what a declined order may be changed to, and the most that a shop lets a shopper pay at once.

Revision ID: 0066
Revises: 0065
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types
from gateway.db.guards import install

revision = "0066"
down_revision = "0065"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("merchant", sa.Column("max_down_payment_percent", types.Whole, nullable=True))
    op.add_column("checkout", sa.Column("counter_offer", types.Document(), nullable=True))
    op.add_column("checkout", sa.Column("counter_offer_of", types.Words, nullable=True))
    install(op.get_bind(), "counter_offers")
