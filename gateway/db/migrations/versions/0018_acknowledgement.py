"""Payments know their deadlines, merchants how long an order may stay unacknowledged, the outbox whose its rows are.

Revision ID: 0018
Revises: 0017
"""

import json
from datetime import datetime, timedelta

import sqlalchemy as sa
from alembic import op

from gateway.db import types
from gateway.db.guards import install

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

CAPTURABLE = sa.text("amount_fen > captured_fen + voided_fen + expired_fen")
WAITS = sa.text("done_at IS NULL")
OWNERS = {
    "payout.instruct": ("payout", "SELECT merchant_id, mode FROM payout WHERE id = :id"),
    "collection.instruct": ("collection", "SELECT merchant_id, mode FROM collection WHERE id = :id"),
    "return.instruct": ("return", "SELECT merchant_id, mode FROM shopper_return WHERE id = :id"),
    "test_clock.advance": ("test_clock", "SELECT merchant_id, mode FROM test_clock WHERE id = :id"),
}
"""Where the merchant and mode of what still waits in the outbox are found: the payload's key, and the query."""


def upgrade() -> None:
    op.add_column("merchant", sa.Column("acknowledge_days", types.Whole, nullable=True))
    op.add_column("payment", sa.Column("acknowledge_by", types.UtcTime(), nullable=True))
    op.add_column("payment", sa.Column("next_moment_at", types.UtcTime(), nullable=True))
    _plan_payments()
    op.drop_index("payment_lapsing", "payment")
    _index("payment_due", "payment", ["next_moment_at", "merchant_id", "mode"], CAPTURABLE)
    _index("payment_due_of_tenant", "payment", ["merchant_id", "mode", "next_moment_at"], CAPTURABLE)
    op.create_index("checkout_due_of_tenant", "checkout", ["merchant_id", "mode", "status", "expires_at"])
    op.add_column("outbox", sa.Column("merchant_id", types.Words, nullable=True))
    op.add_column("outbox", sa.Column("mode", types.Words, nullable=True))
    op.add_column("outbox", sa.Column("leased_until", types.UtcTime(), nullable=True))
    _own_outbox()
    op.drop_index("outbox_due", "outbox")
    _index("outbox_due", "outbox", ["topic", "mode", "next_at", "id"], WAITS)
    _index("outbox_of_tenant", "outbox", ["merchant_id", "mode", "topic", "next_at"], WAITS)
    install(op.get_bind(), "outbox")


def _index(name: str, table: str, columns: list[str], where: sa.TextClause) -> None:
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)


def _plan_payments() -> None:
    """Authorisations of before are not voided for want of a word that nobody asked for; they only lapse, as promised."""
    connection = op.get_bind()
    payment = sa.table(
        "payment",
        sa.column("id", types.Words),
        sa.column("expires_at", types.UtcTime()),
        sa.column("next_moment_at", types.UtcTime()),
    )
    found = connection.execute(sa.select(payment.c.id, payment.c.expires_at).where(CAPTURABLE)).all()
    for id, expires_at in found:
        first: datetime = expires_at - timedelta(days=7)
        connection.execute(sa.update(payment).where(payment.c.id == id).values(next_moment_at=first))


def _own_outbox() -> None:
    connection = op.get_bind()
    for id, topic, payload in connection.execute(
        sa.text("SELECT id, topic, payload FROM outbox WHERE done_at IS NULL")
    ).all():
        key, query = OWNERS.get(topic, ("", ""))
        content = json.loads(payload) if isinstance(payload, str) else payload
        owner = connection.execute(sa.text(query), {"id": content.get(key)}).first() if query else None
        if owner is not None:
            connection.execute(
                sa.text("UPDATE outbox SET merchant_id = :merchant, mode = :mode WHERE id = :id"),
                {"merchant": owner[0], "mode": owner[1], "id": id},
            )
