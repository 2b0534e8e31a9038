"""A merchant's agreement, whose rights a webhook endpoint has, and how often codes were sent and guessed.

Revision ID: 0026
Revises: 0024
"""

import json

import sqlalchemy as sa
from alembic import op

from gateway.db import types

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

STANDARD = [
    "checkouts:write",
    "checkouts:read",
    "payments:write",
    "payments:read",
    "refunds:write",
    "settlements:read",
    "reconciliations:write",
    "events:read",
    "webhooks:write",
]
FURTHER = "scores:write"


def upgrade() -> None:
    standard = json.dumps(STANDARD, separators=(",", ":"))
    op.add_column(
        "merchant",
        sa.Column("scopes", types.Document, nullable=False, server_default=sa.text(f"'{standard}'")),
    )
    for name in ("client_id", "member_id"):
        op.add_column("webhook_endpoint", sa.Column(name, types.Words, nullable=True))
    op.create_table(
        "code_count",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("times", types.Whole, nullable=False),
        sa.Column("since", types.UtcTime(), nullable=False),
        sa.Column("last_at", types.UtcTime(), nullable=False),
        sa.CheckConstraint("times > 0", name="times"),
        sa.CheckConstraint("length(id) = 64", name="id_is_sha256"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("code_count_age", "code_count", ["since"])
    _keep_what_was_agreed()
    _say_who_made_the_endpoints()


def _keep_what_was_agreed():
    """Whoever has a client that may ask for scores was given it by an operator: that is their agreement."""
    client = sa.table(
        "oauth_client", sa.column("merchant_id"), sa.column("kind"), sa.column("scopes", types.Document)
    )
    merchant = sa.table("merchant", sa.column("id"), sa.column("scopes", types.Document))
    connection = op.get_bind()
    for row in connection.execute(sa.select(client).where(client.c.kind == "server")).all():
        if FURTHER in row.scopes:
            changed = merchant.update().where(merchant.c.id == row.merchant_id)
            connection.execute(changed.values(scopes=[*STANDARD, FURTHER]))


def _say_who_made_the_endpoints():
    """The audit log knows; an endpoint that is not in it has the rights of its merchant."""
    entry = sa.table(
        "audit_entry",
        sa.column("about"),
        sa.column("action"),
        sa.column("actor_kind"),
        sa.column("actor_id"),
        sa.column("mode"),
    )
    endpoint = sa.table("webhook_endpoint", sa.column("id"), sa.column("client_id"), sa.column("member_id"))
    connection = op.get_bind()
    made = entry.c.action == "create_webhook_endpoint"
    for row in connection.execute(sa.select(entry).where(made)).all():
        who = {"client_id": row.actor_id}
        if row.actor_kind == "member":
            who = {"client_id": f"ci_{row.mode}_portal", "member_id": row.actor_id}
        connection.execute(endpoint.update().where(endpoint.c.id == row.about).values(**who))
