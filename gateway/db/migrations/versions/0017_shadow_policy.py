"""The policy of a challenger's recommendation.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("shadow_score", sa.Column("policy", types.Words, nullable=False, server_default=""))
    op.execute(
        "UPDATE shadow_score SET policy = coalesce("
        "(SELECT policy FROM credit_decision WHERE credit_decision.id = shadow_score.decision_id), '')"
    )
