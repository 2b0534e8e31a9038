"""What it takes to compute a score again, and the scores of challengers.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("credit_decision", sa.Column("fraud_probability", types.Number, nullable=True))
    op.add_column("credit_decision", sa.Column("default_probability", types.Number, nullable=True))
    op.add_column("credit_decision", sa.Column("policy", types.Words, nullable=True))
    op.add_column(
        "credit_decision", sa.Column("recommended_limit_fen", types.Fen, nullable=False, server_default="0")
    )
    op.create_table(
        "shadow_score",
        sa.Column("decision_id", types.Words, nullable=False),
        sa.Column("challenger", types.Words, nullable=False),
        sa.Column("model", types.Words, nullable=False),
        sa.Column("model_sha256", types.Words, nullable=False),
        sa.Column("fraud_probability", types.Number, nullable=True),
        sa.Column("default_probability", types.Number, nullable=True),
        sa.Column("credit_score", types.Whole, nullable=True),
        sa.Column("outcome", types.Words, nullable=False),
        sa.Column("limit_fen", types.Fen, nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["decision_id"], ["credit_decision.id"]),
        sa.PrimaryKeyConstraint("decision_id", "challenger"),
        sqlite_strict=True,
    )
