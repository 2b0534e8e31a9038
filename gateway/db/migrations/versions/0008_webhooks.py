"""Webhook endpoints are kept by the API, each delivery and attempt is a row, and events have an order to walk along.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types
from gateway.db.guards import install

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

PENDING = sa.text("status = 'pending'")
TESTS = sa.text("cause = 'test'")


def upgrade() -> None:
    _order_of_events()
    _endpoint()
    _delivery()
    install(op.get_bind(), "deliveries")
    _attempt()
    _move_waiting()


def _order_of_events():
    op.add_column("event", sa.Column("position", types.Whole, server_default="0", nullable=False))
    op.execute(
        "UPDATE event SET position = ranked.position FROM"
        " (SELECT id, row_number() OVER (ORDER BY id) AS position FROM event) AS ranked WHERE event.id = ranked.id"
    )
    op.create_index("event_in_order", "event", ["merchant_id", "mode", "position"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE SEQUENCE event_position")
        op.execute("SELECT setval('event_position', coalesce(max(position), 0) + 1, false) FROM event")


def _endpoint():
    for column in (
        sa.Column("description", types.Words, nullable=True),
        sa.Column("enabled_events", types.Document(), server_default='["*"]', nullable=False),
        sa.Column("api_version", types.Words, server_default="2026-11-23", nullable=False),
        sa.Column("old_secret", types.Bytes, nullable=True),
        sa.Column("old_secret_expires_at", types.UtcTime(), nullable=True),
        sa.Column("disabled_reason", types.Words, nullable=True),
        sa.Column("disabled_at", types.UtcTime(), nullable=True),
        sa.Column("failing_since", types.UtcTime(), nullable=True),
        sa.Column("slow", types.Flag(), server_default=sa.text("false"), nullable=False),
        sa.Column("deleted_at", types.UtcTime(), nullable=True),
    ):
        op.add_column("webhook_endpoint", column)


def _delivery():
    op.create_table(
        "webhook_delivery",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("merchant_id", types.Words, nullable=False),
        sa.Column("mode", types.Words, nullable=False),
        sa.Column("endpoint_id", types.Words, nullable=False),
        sa.Column("event_id", types.Words, nullable=False),
        sa.Column("type", types.Words, nullable=False),
        sa.Column("object_id", types.Words, nullable=False),
        sa.Column("sequence", types.Whole, nullable=False),
        sa.Column("cause", types.Words, nullable=False),
        sa.Column("sample", types.Document(), nullable=True),
        sa.Column("status", types.Words, nullable=False),
        sa.Column("attempts", types.Whole, nullable=False),
        sa.Column("failures", types.Whole, nullable=False),
        sa.Column("next_at", types.UtcTime(), nullable=False),
        sa.Column("claims", types.Whole, nullable=False),
        sa.Column("leased_until", types.UtcTime(), nullable=True),
        sa.Column("first_attempt_at", types.UtcTime(), nullable=True),
        sa.Column("finished_at", types.UtcTime(), nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.CheckConstraint("mode IN ('test', 'live')", name="mode"),
        sa.CheckConstraint("status IN ('pending', 'succeeded', 'failed', 'canceled')", name="status"),
        sa.CheckConstraint("cause IN ('event', 'replay', 'test')", name="cause"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),
        sa.ForeignKeyConstraint(["endpoint_id"], ["webhook_endpoint.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("webhook_delivery_of_endpoint", "webhook_delivery", ["endpoint_id", "id"])
    op.create_index("webhook_delivery_over", "webhook_delivery", ["finished_at"])
    op.create_index(
        "webhook_delivery_tests",
        "webhook_delivery",
        ["endpoint_id", "created_at"],
        postgresql_where=TESTS,
        sqlite_where=TESTS,
    )
    for name, columns in (
        ("webhook_delivery_due", ["endpoint_id", "next_at", "id"]),
        ("webhook_delivery_of_object", ["endpoint_id", "object_id", "sequence"]),
    ):
        op.create_index(name, "webhook_delivery", columns, postgresql_where=PENDING, sqlite_where=PENDING)


def _attempt():
    op.create_table(
        "webhook_attempt",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("delivery_id", types.Words, nullable=False),
        sa.Column("number", types.Whole, nullable=False),
        sa.Column("url", types.Words, nullable=False),
        sa.Column("request_headers", types.Document(), nullable=False),
        sa.Column("response_status", types.Whole, nullable=True),
        sa.Column("response_body", types.Words, nullable=True),
        sa.Column("error", types.Words, nullable=True),
        sa.Column("duration_ms", types.Whole, nullable=False),
        sa.Column("next_at", types.UtcTime(), nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["delivery_id"], ["webhook_delivery.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("delivery_id", "number", name="webhook_attempt_number"),
        sqlite_strict=True,
    )


def _move_waiting():
    """What waited in the general outbox for an endpoint waits in its own table now, under the same identifier."""
    sqlite = op.get_bind().dialect.name == "sqlite"  # which knows ->> only from version 3.38 on
    field = "json_extract(o.payload, '$.{}')" if sqlite else "o.payload ->> '{}'"
    event, endpoint = field.format("event"), field.format("endpoint")
    op.execute(
        "INSERT INTO webhook_delivery (id, merchant_id, mode, endpoint_id, event_id, type, object_id, sequence, cause,"
        " status, attempts, failures, next_at, claims, created_at)"
        f" SELECT o.id, e.merchant_id, e.mode, {endpoint}, e.id, e.type, e.object_id, e.sequence, 'event',"
        " 'pending', o.attempts, o.attempts, o.next_at, o.attempts, o.created_at"
        f" FROM outbox AS o JOIN event AS e ON e.id = {event}"
        " WHERE o.topic = 'webhook.delivery' AND o.done_at IS NULL"
    )
    op.execute("DELETE FROM outbox WHERE topic = 'webhook.delivery'")
