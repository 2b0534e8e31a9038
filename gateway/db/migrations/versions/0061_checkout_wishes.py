"""A checkout knows the language of the shop, and why it was canceled.

Revision ID: 0061
Revises: 0059
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types
from gateway.db.guards import install

revision = "0061"
down_revision = "0059"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("checkout", sa.Column("locale", types.Words, nullable=True))
    op.add_column("checkout", sa.Column("cancel_reason", types.Words, nullable=True))
    install(op.get_bind(), "checkout_wishes")
