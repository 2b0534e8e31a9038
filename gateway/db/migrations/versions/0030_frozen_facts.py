"""What never changes is refused: every column that no code ever changes, and the removal of facts.

Revision ID: 0030
Revises: 0029
"""

from alembic import op

from gateway.db.guards import install

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    install(op.get_bind(), "frozen")
