"""An authorisation can be extended, once: until when it lasts instead.

Revision ID: 0039
Revises: 0037
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types
from gateway.db.guards import install

revision = "0039"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payment", sa.Column("extended_to", types.UtcTime(), nullable=True))
    install(op.get_bind(), "extension")
