"""Merkle trees over the chain of the ledger, signed as the chain is.

Revision ID: 0042
Revises: 0041
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types
from gateway.db.guards import TRIGGER, install, statements

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

CHAINS = "chain IN ('audit', 'ledger', 'trees')"


def upgrade() -> None:
    op.create_table(
        "ledger_tree",
        sa.Column("number", types.Whole, nullable=False, autoincrement=False),
        sa.Column("first_position", types.Whole, nullable=False),
        sa.Column("last_position", types.Whole, nullable=False),
        sa.Column("root", types.Words, nullable=False),
        sa.Column("chunks", types.Bytes, nullable=False),
        sa.Column("previous_hash", types.Words, nullable=False),
        sa.Column("hash", types.Words, nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.CheckConstraint("first_position > 0 AND last_position >= first_position", name="span"),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
    )
    op.create_index("ledger_tree_ends", "ledger_tree", ["last_position"], unique=True)
    install(op.get_bind(), "ledger_trees")
    with op.batch_alter_table("signed_root", table_kwargs={"sqlite_strict": True}) as batch:
        batch.drop_constraint("chain", type_="check")
        batch.create_check_constraint("chain", CHAINS)
    if op.get_context().dialect.name == "sqlite":  # which has made the table anew, without its triggers
        for statement in statements("roots", "sqlite"):
            match = TRIGGER.search(statement)
            if match and match[2] == "signed_root":
                op.execute(statement)
