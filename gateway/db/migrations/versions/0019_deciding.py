"""Applications are decided between two transactions; reviews have a promised time, a reason, and may lead to a new offer.

Revision ID: 0019
Revises: 0018
"""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

from gateway.db import types

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

PROMISE = timedelta(hours=24)
"""Whoever waits for a person already is answered within so long from the migration."""
BEFORE = "'identified', 'under_review'"
AFTER = "'identified', 'deciding', 'under_review'"
LIVE = "status IN ('open', 'identified', 'deciding', 'under_review', 'approved')"


def upgrade() -> None:
    op.add_column("checkout", sa.Column("review_due_at", types.UtcTime(), nullable=True))
    op.add_column("checkout", sa.Column("reopens", types.Words, nullable=True))
    for table, column in (
        ("one_time_code", "reference"),
        ("credit_decision", "note"),
        ("human_review", "note"),
    ):
        op.add_column(table, sa.Column(column, types.Words, nullable=True))
    for table in ("one_time_code", "invitation"):
        op.add_column(table, sa.Column("message_sealed", types.Bytes, nullable=True))
    op.add_column("invitation", sa.Column("sent_at", types.UtcTime(), nullable=True))
    _promises()
    _decision_request()
    op.drop_index("one_live_checkout_per_reference", "checkout")
    _allow_deciding()
    op.create_index(
        "one_live_checkout_per_reference",
        "checkout",
        ["merchant_id", "mode", "merchant_reference"],
        unique=True,
        sqlite_where=sa.text(LIVE),
        postgresql_where=sa.text(LIVE),
    )
    reviewed = sa.text("status = 'under_review'")
    op.create_index(
        "checkout_in_review",
        "checkout",
        ["review_due_at", "id"],
        sqlite_where=reviewed,
        postgresql_where=reviewed,
    )
    op.create_index("checkout_that_reopens", "checkout", ["reopens"])


def _promises():
    """The column of a promise is NOT NULL from here: who asked before is promised an answer, too."""
    due = datetime.now(UTC) + PROMISE
    checkout = sa.table("checkout", sa.column("status"), sa.column("review_due_at", types.UtcTime()))
    op.execute(checkout.update().where(checkout.c.status == "under_review").values(review_due_at=due))
    stored = due.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    op.add_column("human_review", sa.Column("due_at", types.UtcTime(), nullable=False, server_default=stored))
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("human_review", "due_at", server_default=None)
    op.drop_index("human_review_open", "human_review")
    op.create_index("human_review_due", "human_review", ["status", "due_at", "id"])


def _decision_request():
    op.create_table(
        "decision_request",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("mode", types.Words, nullable=False),
        sa.Column("checkout_id", types.Words, nullable=False),
        sa.Column("shopper_id", types.Words, nullable=False),
        sa.Column("amount_fen", types.Fen, nullable=False),
        sa.Column("ask_bureau", types.Flag(), nullable=False),
        sa.Column("person_decides", types.Flag(), nullable=False),
        sa.Column("features", types.Document(), nullable=False),
        sa.Column("link_signals", types.Document(), nullable=False),
        sa.Column("granted_by", types.Words, nullable=True),
        sa.Column("advice", types.Document(), nullable=True),
        sa.Column("task_id", types.Words, nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("asked_at", types.UtcTime(), nullable=False),
        sa.Column("decision_id", types.Words, nullable=True),
        sa.Column("decided_at", types.UtcTime(), nullable=True),
        sa.CheckConstraint("mode IN ('test', 'live')", name="mode"),
        sa.CheckConstraint("(decided_at IS NULL) = (decision_id IS NULL)", name="decided"),
        sa.ForeignKeyConstraint(["checkout_id"], ["checkout.id"]),
        sa.ForeignKeyConstraint(["shopper_id"], ["shopper.id"]),
        sa.ForeignKeyConstraint(["decision_id"], ["credit_decision.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("checkout_id", name="one_decision_request_per_checkout"),
        sqlite_strict=True,
    )
    op.create_index("decision_request_of_shopper", "decision_request", ["shopper_id", "created_at"])


def _allow_deciding():
    """The word ``deciding`` in the CHECK of a checkout's status."""
    bind = op.get_bind()
    if bind.dialect.name == "postgresql":
        op.drop_constraint("status", "checkout", type_="check")
        op.create_check_constraint(
            "status",
            "checkout",
            f"status IN ('open', {AFTER}, 'approved', 'declined', 'expired', 'canceled')",
        )
        return
    # SQLite changes no CHECK: the rows go into a new table of the same name, with its indexes and triggers again.
    # What refers to the table is checked at the end, when every row is back.
    made = dict(
        bind.exec_driver_sql(
            "SELECT name, sql FROM sqlite_master WHERE tbl_name = 'checkout' AND sql IS NOT NULL"
        ).all()
    )
    table = made.pop("checkout")
    assert table.count(BEFORE) == 1
    bind.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
    bind.exec_driver_sql("CREATE TEMPORARY TABLE kept AS SELECT * FROM checkout")
    bind.exec_driver_sql("DROP TABLE checkout")
    bind.exec_driver_sql(table.replace(BEFORE, AFTER))
    bind.exec_driver_sql("INSERT INTO checkout SELECT * FROM temp.kept")
    bind.exec_driver_sql("DROP TABLE temp.kept")
    for statement in made.values():
        bind.exec_driver_sql(statement)
