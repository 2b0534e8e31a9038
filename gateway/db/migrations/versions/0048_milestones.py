"""Milestones: what is captured may wait for stages before it is settled; a seller's stages can be stopped.

Revision ID: 0048
Revises: 0047
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types
from gateway.db.guards import install

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

KINDS = (
    "kind IN ('capture', 'refund', 'subsidy', 'subsidy_return', 'dispute', 'dispute_won', 'payout_returned',"
    " 'reserve_release', 'invoice_payment', 'stage_held', 'stage_released', 'stage_returned')"
)
MOVES = "status IN ('planned', 'claimed')"


def upgrade() -> None:
    op.add_column("payment", sa.Column("planned_fen", types.Fen, nullable=False, server_default="0"))
    op.add_column("capture", sa.Column("staged_fen", types.Fen, nullable=False, server_default="0"))
    op.add_column("merchant", sa.Column("delivery_hold_days", types.Whole, nullable=True))
    _milestone()
    _milestone_event()
    _milestone_stop()
    install(op.get_bind(), "milestones")
    _settlement_lines()


def _milestone() -> None:
    op.create_table(
        "milestone",
        sa.Column("keyed_hash", types.Words, nullable=True),
        sa.Column("id", types.Words, nullable=False),
        sa.Column("merchant_id", types.Words, nullable=False),
        sa.Column("mode", types.Words, nullable=False),
        sa.Column("payment_id", types.Words, nullable=False),
        sa.Column("kind", types.Words, nullable=False),
        sa.Column("description", types.Words, nullable=True),
        sa.Column("amount_fen", types.Fen, nullable=False),
        sa.Column("due", types.Day(), nullable=True),
        sa.Column("hold_days", types.Whole, nullable=True),
        sa.Column("capture_id", types.Words, nullable=True),
        sa.Column("held_fen", types.Fen, nullable=True),
        sa.Column("returned_fen", types.Fen, nullable=False),
        sa.Column("status", types.Words, nullable=False),
        sa.Column("releases_at", types.UtcTime(), nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.CheckConstraint("amount_fen > 0", name="amount"),
        sa.CheckConstraint("kind IN ('delivery', 'lesson', 'other')", name="kind"),
        sa.CheckConstraint(
            "status IN ('planned', 'claimed', 'contested', 'released', 'canceled')", name="status"
        ),
        sa.CheckConstraint("returned_fen BETWEEN 0 AND amount_fen", name="returned"),
        sa.CheckConstraint("held_fen BETWEEN 0 AND amount_fen", name="held"),
        sa.CheckConstraint("(capture_id IS NULL) = (held_fen IS NULL)", name="captured"),
        sa.CheckConstraint("mode IN ('test', 'live')", name="mode"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"]),
        sa.ForeignKeyConstraint(["capture_id"], ["capture.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("milestone_of_payment", "milestone", ["merchant_id", "mode", "payment_id", "id"])
    op.create_index("milestone_in_payment", "milestone", ["payment_id", "id"])
    op.create_index("milestone_of_capture", "milestone", ["capture_id", "id"])
    for name, column, where in (
        ("milestone_to_release", "releases_at", MOVES),
        ("milestone_overdue", "due", "status = 'planned'"),
        ("milestone_contested", "id", "status = 'contested'"),
    ):
        op.create_index(
            name,
            "milestone",
            ["merchant_id", "mode", column],
            sqlite_where=sa.text(where),
            postgresql_where=sa.text(where),
        )


def _milestone_event() -> None:
    op.create_table(
        "milestone_event",
        sa.Column("keyed_hash", types.Words, nullable=True),
        sa.Column("id", types.Words, nullable=False),
        sa.Column("merchant_id", types.Words, nullable=False),
        sa.Column("mode", types.Words, nullable=False),
        sa.Column("payment_id", types.Words, nullable=False),
        sa.Column("milestone_id", types.Words, nullable=False),
        sa.Column("kind", types.Words, nullable=False),
        sa.Column("said_by", types.Words, nullable=False),
        sa.Column("amount_fen", types.Fen, nullable=False),
        sa.Column("words", types.Words, nullable=True),
        sa.Column("files", types.Document(), nullable=True),
        sa.Column("until", types.UtcTime(), nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('claimed', 'contested', 'answered', 'released', 'returned', 'canceled')", name="kind"
        ),
        sa.CheckConstraint("amount_fen >= 0", name="amount"),
        sa.CheckConstraint("mode IN ('test', 'live')", name="mode"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"]),
        sa.ForeignKeyConstraint(["milestone_id"], ["milestone.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("milestone_event_of_milestone", "milestone_event", ["milestone_id", "id"])
    op.create_index("milestone_event_of_payment", "milestone_event", ["payment_id", "id"])


def _milestone_stop() -> None:
    op.create_table(
        "milestone_stop",
        sa.Column("keyed_hash", types.Words, nullable=True),
        sa.Column("id", types.Words, nullable=False),
        sa.Column("merchant_id", types.Words, nullable=False),
        sa.Column("mode", types.Words, nullable=False),
        sa.Column("reason", types.Words, nullable=False),
        sa.Column("cause", types.Words, nullable=True),
        sa.Column("stopped_by", types.Words, nullable=False),
        sa.Column("stopped_at", types.UtcTime(), nullable=False),
        sa.Column("lifted_by", types.Words, nullable=True),
        sa.Column("lifted_because", types.Words, nullable=True),
        sa.Column("lifted_at", types.UtcTime(), nullable=True),
        sa.CheckConstraint("mode IN ('test', 'live')", name="mode"),
        sa.CheckConstraint(
            "(lifted_at IS NULL) = (lifted_by IS NULL) AND (lifted_at IS NULL) = (lifted_because IS NULL)",
            name="lifted",
        ),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),
        sa.ForeignKeyConstraint(["cause"], ["milestone.id"]),
        sa.UniqueConstraint("cause", name="one_stop_for_a_cause"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("milestone_stop_of_tenant", "milestone_stop", ["merchant_id", "mode", "id"])


def _settlement_lines() -> None:
    """Lines of stages: what a capture leaves waiting, and what comes of it."""
    on_sqlite = op.get_context().dialect.name == "sqlite"  # which makes the table again, without its triggers
    triggers = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'settlement_line'"
    kept = list(op.get_bind().execute(sa.text(triggers)).scalars()) if on_sqlite else []
    with op.batch_alter_table("settlement_line", table_kwargs={"sqlite_strict": True}) as batch:
        batch.drop_constraint("kind", type_="check")
        batch.create_check_constraint("kind", KINDS)
    for trigger in kept:
        op.get_bind().exec_driver_sql(trigger)
