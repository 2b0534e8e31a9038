"""Clients with keys, pushed authorisation requests, tokens bound to a key, and proofs that are taken once.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("oauth_client", sa.Column("assertion_alg", types.Words, nullable=True))
    op.add_column("oauth_client", sa.Column("jwks", types.Document(), nullable=True))
    for name in ("require_par", "require_dpop"):
        op.add_column("oauth_client", sa.Column(name, types.Flag, nullable=False, server_default=sa.false()))
    op.add_column("authorization_code", sa.Column("dpop_jkt", types.Words, nullable=True))
    op.add_column("refresh_token", sa.Column("jkt", types.Words, nullable=True))
    op.create_table(
        "pushed_request",
        sa.Column("uri_lookup", types.Words, nullable=False),
        sa.Column("client_id", types.Words, nullable=False),
        sa.Column("mode", types.Words, nullable=False),
        sa.Column("parameters", types.Document(), nullable=False),
        sa.Column("expires_at", types.UtcTime(), nullable=False),
        sa.Column("opened_at", types.UtcTime(), nullable=True),
        sa.Column("used_at", types.UtcTime(), nullable=True),
        sa.CheckConstraint("length(uri_lookup) = 64", name="lookup_is_sha256"),
        sa.ForeignKeyConstraint(
            ["client_id", "mode"],
            ["oauth_client.id", "oauth_client.mode"],
            name="pushed_request_keeps_mode",
        ),
        sa.PrimaryKeyConstraint("uri_lookup"),
        sqlite_strict=True,
    )
    op.create_index("pushed_request_expiry", "pushed_request", ["expires_at"], unique=False)
    op.create_table(
        "spent_proof",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("expires_at", types.UtcTime(), nullable=False),
        sa.CheckConstraint("length(id) = 64", name="id_is_sha256"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("spent_proof_expiry", "spent_proof", ["expires_at"], unique=False)
