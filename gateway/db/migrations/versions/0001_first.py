"""The first schema (frozen before the first landing).

Revision ID: 0001
Revises:
"""

from alembic import op

from gateway.db.guards import install
from gateway.db.tables import metadata

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    metadata().create_all(op.get_bind())
    install(op.get_bind())


def downgrade() -> None:
    raise NotImplementedError("the first schema is not taken back: drop the database instead")
