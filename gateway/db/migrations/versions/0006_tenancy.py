"""What belongs together has one merchant and one mode, by the database's own word.

Revision ID: 0006
Revises: 0005
"""

from alembic import op

from gateway.db.guards import install

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    install(op.get_bind(), "tenancy")
