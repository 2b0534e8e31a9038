"""Which pages of a merchant may show a checkout inside themselves, by mode.

Revision ID: 0065
Revises: 0061
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types

revision = "0065"
down_revision = "0061"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("merchant", sa.Column("frame_origins", types.Document(), nullable=True))
