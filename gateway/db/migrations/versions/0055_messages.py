"""Messages to shoppers: what is told, in one of three places of a person's day, and in which language.

Revision ID: 0055
Revises: 0053
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types
from gateway.db.guards import install

revision = "0055"
down_revision = "0053"
branch_labels = None
depends_on = None

WAITS = "status IN ('planned', 'sending')"


def upgrade() -> None:
    dialect = op.get_context().dialect.name
    _message_slot(dialect)
    _message(dialect)
    op.create_table(
        "message_progress",
        sa.Column("merchant_id", types.Words, nullable=False),
        sa.Column("mode", types.Words, nullable=False),
        sa.Column("position", types.Whole, nullable=False),
        sa.Column("due_through", types.Day(), nullable=True),
        sa.CheckConstraint("mode IN ('test', 'live')", name="mode"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),
        sa.PrimaryKeyConstraint("merchant_id", "mode"),
        sqlite_strict=True,
    )
    # What happened before is not told: it is too late for it.
    op.execute(
        "INSERT INTO message_progress (merchant_id, mode, position)"
        " SELECT merchant_id, mode, max(position) FROM event GROUP BY merchant_id, mode"
    )
    op.add_column("checkout", sa.Column("language", types.Words, nullable=True))
    install(op.get_bind(), "messages")


def _by_day(column: str, dialect: str) -> str:
    """08:00 to 22:00 in Shanghai is 00:00 to 14:00 in UTC."""
    if dialect == "sqlite":
        return f"substr({column}, 12, 2) BETWEEN '00' AND '13'"
    return f"extract(hour FROM {column} AT TIME ZONE 'UTC') BETWEEN 0 AND 13"


def _on_day(column: str, dialect: str) -> str:
    if dialect == "sqlite":
        return f"day = substr({column}, 1, 10)"
    return f"day = ({column} AT TIME ZONE 'UTC')::date"


def _message_slot(dialect: str) -> None:
    op.create_table(
        "message_slot",
        sa.Column("shopper_id", types.Words, nullable=False),
        sa.Column("day", types.Day(), nullable=False),
        sa.Column("number", types.Whole, nullable=False, autoincrement=False),
        sa.Column("taken_at", types.UtcTime(), nullable=False),
        sa.CheckConstraint("number BETWEEN 1 AND 3", name="number"),
        sa.CheckConstraint(_by_day("taken_at", dialect), name="taken_by_day"),
        sa.CheckConstraint(_on_day("taken_at", dialect), name="taken_on_its_day"),
        sa.ForeignKeyConstraint(["shopper_id"], ["shopper.id"]),
        sa.PrimaryKeyConstraint("shopper_id", "day", "number"),
        sqlite_strict=True,
    )


def _message(dialect: str) -> None:
    op.create_table(
        "message",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("merchant_id", types.Words, nullable=False),
        sa.Column("mode", types.Words, nullable=False),
        sa.Column("shopper_id", types.Words, nullable=False),
        sa.Column("kind", types.Words, nullable=False),
        sa.Column("about", types.Words, nullable=False),
        sa.Column("facts", types.Document(), nullable=False),
        sa.Column("status", types.Words, nullable=False),
        sa.Column("why", types.Words, nullable=True),
        sa.Column("planned_at", types.UtcTime(), nullable=False),
        sa.Column("useful_until", types.UtcTime(), nullable=True),
        sa.Column("left_at", types.UtcTime(), nullable=True),
        sa.Column("day", types.Day(), nullable=True),
        sa.Column("slot", types.Whole, nullable=True),
        sa.Column("text_sealed", types.Bytes, nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.CheckConstraint("mode IN ('test', 'live')", name="mode"),
        sa.CheckConstraint("status IN ('planned', 'sending', 'sent', 'failed', 'dropped')", name="status"),
        sa.CheckConstraint(
            "(left_at IS NULL) = (day IS NULL) AND (left_at IS NULL) = (slot IS NULL)", name="left_in_a_slot"
        ),
        sa.CheckConstraint("(status IN ('sending', 'sent', 'failed')) = (left_at IS NOT NULL)", name="left"),
        sa.CheckConstraint(_by_day("planned_at", dialect), name="planned_by_day"),
        sa.CheckConstraint(_by_day("left_at", dialect), name="left_by_day"),
        sa.CheckConstraint(_on_day("left_at", dialect), name="left_on_its_day"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),
        sa.ForeignKeyConstraint(["shopper_id"], ["shopper.id"]),
        sa.ForeignKeyConstraint(
            ["shopper_id", "day", "slot"],
            ["message_slot.shopper_id", "message_slot.day", "message_slot.number"],
            name="message_has_its_slot",
        ),
        sa.UniqueConstraint("mode", "kind", "about", name="one_message_about_it"),
        sa.UniqueConstraint("shopper_id", "day", "slot", name="one_message_in_a_slot"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("message_of_shopper", "message", ["shopper_id", "id"])
    op.create_index("message_of_tenant", "message", ["merchant_id", "mode", "id"])
    op.create_index(
        "message_that_waits",
        "message",
        ["merchant_id", "mode", "planned_at"],
        sqlite_where=sa.text(WAITS),
        postgresql_where=sa.text(WAITS),
    )
