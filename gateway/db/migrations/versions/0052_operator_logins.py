"""Operators log in by a password and a code of their app: sessions, codes and refresh tokens of their own.

Revision ID: 0052
Revises: 0051
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE operator ADD COLUMN password TEXT")
    op.create_table(
        "operator_session",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("operator_id", types.Words, nullable=False),
        sa.Column("authenticated_at", types.UtcTime(), nullable=False),
        sa.Column("last_seen_at", types.UtcTime(), nullable=False),
        sa.Column("expires_at", types.UtcTime(), nullable=False),
        sa.Column("ended_at", types.UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["operator_id"], ["operator.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("operator_session_of", "operator_session", ["operator_id"])
    op.create_index("operator_session_expiry", "operator_session", ["expires_at"])
    op.create_table(
        "operator_code",
        sa.Column("code_lookup", types.Words, nullable=False),
        sa.Column("session_id", types.Words, nullable=False),
        sa.Column("redirect_uri", types.Words, nullable=False),
        sa.Column("scope", types.Words, nullable=False),
        sa.Column("code_challenge", types.Words, nullable=False),
        sa.Column("used_at", types.UtcTime(), nullable=True),
        sa.Column("expires_at", types.UtcTime(), nullable=False),
        sa.CheckConstraint("length(code_challenge) = 43", name="challenge_is_s256"),
        sa.CheckConstraint("length(code_lookup) = 64", name="lookup_is_sha256"),
        sa.ForeignKeyConstraint(["session_id"], ["operator_session.id"]),
        sa.PrimaryKeyConstraint("code_lookup"),
        sqlite_strict=True,
    )
    op.create_index("operator_code_of", "operator_code", ["session_id"])
    op.create_table(
        "operator_refresh_token",
        sa.Column("token_lookup", types.Words, nullable=False),
        sa.Column("session_id", types.Words, nullable=False),
        sa.Column("scope", types.Words, nullable=False),
        sa.Column("used_at", types.UtcTime(), nullable=True),
        sa.Column("expires_at", types.UtcTime(), nullable=False),
        sa.CheckConstraint("length(token_lookup) = 64", name="lookup_is_sha256"),
        sa.ForeignKeyConstraint(["session_id"], ["operator_session.id"]),
        sa.PrimaryKeyConstraint("token_lookup"),
        sqlite_strict=True,
    )
    op.create_index("operator_refresh_token_of", "operator_refresh_token", ["session_id"])
