"""The ledger is hash-chained.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

from gateway.db.guards import install

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    install(op.get_bind(), "ledger_chain")
