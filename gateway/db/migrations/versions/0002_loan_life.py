"""Loans are billed, repaid, settled, unwound and written off; disputes; test clocks.

Revision ID: 0002
Revises: 0001
"""

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
