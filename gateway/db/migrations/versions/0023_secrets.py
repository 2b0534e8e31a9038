"""Each secret of a webhook endpoint is a row with an end of its own.

Revision ID: 0023
Revises: 0022
"""

import secrets
from datetime import timedelta

import sqlalchemy as sa
from alembic import op

from gateway.core.identifiers import IdSource
from gateway.db import types

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

OVERLAP = timedelta(hours=24)


def upgrade() -> None:
    op.create_table(
        "webhook_secret",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("endpoint_id", types.Words, nullable=False),
        sa.Column("secret", types.Bytes, nullable=False),
        sa.Column("sealed_as", types.Words, nullable=True),
        sa.Column("expires_at", types.UtcTime(), nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.CheckConstraint("sealed_as IN ('secret', 'old_secret')", name="sealed_as"),
        sa.ForeignKeyConstraint(["endpoint_id"], ["webhook_endpoint.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("webhook_secret_of_endpoint", "webhook_secret", ["endpoint_id"])
    op.create_index("webhook_secret_over", "webhook_secret", ["expires_at"])
    op.create_index("client_secret_over", "client_secret", ["expires_at"])
    _move()
    for column in ("secret", "old_secret", "old_secret_expires_at"):
        op.drop_column("webhook_endpoint", column)


def _move():
    """The sealed bytes come along as they are: a migration has no keys. The next resealing binds them to their row."""
    endpoint = sa.table(
        "webhook_endpoint",
        sa.column("id"),
        sa.column("secret", types.Bytes),
        sa.column("old_secret", types.Bytes),
        sa.column("old_secret_expires_at", types.UtcTime()),
        sa.column("deleted_at", types.UtcTime()),
        sa.column("created_at", types.UtcTime()),
    )
    secret = sa.table(
        "webhook_secret",
        sa.column("id"),
        sa.column("endpoint_id"),
        sa.column("secret", types.Bytes),
        sa.column("sealed_as"),
        sa.column("expires_at", types.UtcTime()),
        sa.column("created_at", types.UtcTime()),
    )
    connection = op.get_bind()
    for row in connection.execute(sa.select(endpoint).where(endpoint.c.deleted_at.is_(None))).all():
        rotated = row.old_secret_expires_at - OVERLAP if row.old_secret_expires_at else row.created_at
        found = [("secret", row.secret, None, rotated)]
        if row.old_secret:
            found.append(("old_secret", row.old_secret, row.old_secret_expires_at, row.created_at))
        for sealed_as, sealed, expires_at, created_at in found:
            moment = int(created_at.timestamp() * 1000)
            ids = IdSource(lambda moment=moment: moment, secrets.randbits)
            values = {"id": ids.new("whs"), "endpoint_id": row.id, "secret": sealed, "sealed_as": sealed_as}
            connection.execute(secret.insert().values(**values, expires_at=expires_at, created_at=created_at))
