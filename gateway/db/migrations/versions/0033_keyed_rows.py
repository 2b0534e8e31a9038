"""Rows are hashed with a key that is not in the database: those written once, in a column of their own.

What stands here already has no such hash: the key is not at hand in a migration. ``keys init`` writes it down.

Revision ID: 0033
Revises: 0032
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types
from gateway.db.guards import TRIGGER, statements

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

WRITTEN_ONCE = (
    "captured_serial",
    "checkout",
    "collection",
    "consent",
    "consent_withdrawal",
    "credit_decision",
    "decision_request",
    "destroyed_key",
    "event",
    "invitation",
    "limit_movement",
    "loan_repayment",
    "partner_score",
    "payment_line",
    "payout",
    "publishable_key",
    "score_usage",
    "settlement_batch",
    "settlement_line",
    "shadow_score",
    "subsidy_claim",
)
KINDS = "kind IN ('sealing', 'lookup', 'people', 'contracts', 'tokens', 'rows')"


def upgrade() -> None:
    for table in WRITTEN_ONCE:
        op.add_column(table, sa.Column("keyed_hash", types.Words, nullable=True))
    with op.batch_alter_table("key_in_use", table_kwargs={"sqlite_strict": True}) as batch:
        batch.drop_constraint("kind", type_="check")
        batch.create_check_constraint("kind", KINDS)
    if op.get_context().dialect.name == "sqlite":  # which has made the table anew, without its triggers
        for statement in statements("frozen", "sqlite"):
            match = TRIGGER.search(statement)
            if match and match[2] == "key_in_use":
                op.execute(statement)
