"""Settlement terms are proposed by one operator and confirmed by another.

Revision ID: 0053
Revises: 0052
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types
from gateway.db.guards import install

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "settlement_terms_proposal",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("merchant_id", types.Words, nullable=False),
        sa.Column("mode", types.Words, nullable=False),
        sa.Column("status", types.Words, nullable=False),
        sa.Column("valid_from", types.Day(), nullable=False),
        sa.Column("changes", types.Document(), nullable=False),
        sa.Column("proposed_by", types.Words, nullable=False),
        sa.Column("proposed_at", types.UtcTime(), nullable=False),
        sa.Column("reason", types.Words, nullable=False),
        sa.Column("decided_by", types.Words, nullable=True),
        sa.Column("decided_at", types.UtcTime(), nullable=True),
        sa.Column("decision_reason", types.Words, nullable=True),
        sa.Column("terms_id", types.Words, nullable=True),
        sa.CheckConstraint("mode IN ('test', 'live')", name="mode"),
        sa.CheckConstraint("status IN ('proposed', 'confirmed', 'rejected', 'withdrawn')", name="status"),
        sa.CheckConstraint("(status = 'proposed') = (decided_at IS NULL)", name="decided"),
        sa.CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="by_somebody"),
        sa.CheckConstraint("(status = 'confirmed') = (terms_id IS NOT NULL)", name="confirmed_terms"),
        sa.CheckConstraint(
            "status IN ('proposed', 'withdrawn') OR decided_by <> proposed_by", name="two_people"
        ),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),
        sa.ForeignKeyConstraint(["proposed_by"], ["operator.id"]),
        sa.ForeignKeyConstraint(["decided_by"], ["operator.id"]),
        sa.ForeignKeyConstraint(["terms_id"], ["settlement_terms.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index(
        "settlement_terms_proposal_of", "settlement_terms_proposal", ["merchant_id", "mode", "id"]
    )
    install(op.get_bind(), "terms_proposals")
