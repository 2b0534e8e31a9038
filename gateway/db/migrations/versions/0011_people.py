"""People: second factors, recovery codes, invitations, and the sessions of the portal.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ROLE = "role IN ('owner', 'finance', 'operations', 'developer', 'viewer')"


def upgrade() -> None:
    op.add_column("team_member", sa.Column("removed_at", types.UtcTime(), nullable=True))
    op.create_table(
        "authenticator",
        sa.Column("member_id", types.Words, nullable=False),
        sa.Column("secret", types.Bytes, nullable=False),
        sa.Column("last_step", types.Whole, nullable=False),
        sa.Column("confirmed_at", types.UtcTime(), nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.CheckConstraint("last_step >= 0", name="last_step"),
        sa.ForeignKeyConstraint(["member_id"], ["team_member.id"]),
        sa.PrimaryKeyConstraint("member_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "passkey",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("member_id", types.Words, nullable=False),
        sa.Column("credential_id", types.Words, nullable=False),
        sa.Column("public_key", types.Bytes, nullable=False),
        sa.Column("sign_count", types.Whole, nullable=False),
        sa.Column("name", types.Words, nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("last_used_at", types.UtcTime(), nullable=True),
        sa.CheckConstraint("sign_count >= 0", name="sign_count"),
        sa.ForeignKeyConstraint(["member_id"], ["team_member.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("credential_id"),
        sqlite_strict=True,
    )
    op.create_index("passkey_of_member", "passkey", ["member_id"], unique=False)
    op.create_table(
        "used_challenge",
        sa.Column("challenge", types.Words, nullable=False),
        sa.Column("expires_at", types.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("challenge"),
        sqlite_strict=True,
    )
    op.create_table(
        "recovery_code",
        sa.Column("code_lookup", types.Words, nullable=False),
        sa.Column("member_id", types.Words, nullable=False),
        sa.Column("used_at", types.UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["member_id"], ["team_member.id"]),
        sa.PrimaryKeyConstraint("code_lookup"),
        sqlite_strict=True,
    )
    op.create_index("recovery_code_of_member", "recovery_code", ["member_id"], unique=False)
    op.create_table(
        "invitation",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("token_lookup", types.Words, nullable=False),
        sa.Column("merchant_id", types.Words, nullable=False),
        sa.Column("invited_by", types.Words, nullable=False),
        sa.Column("email", types.Words, nullable=False),
        sa.Column("name", types.Words, nullable=False),
        sa.Column("role", types.Words, nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("expires_at", types.UtcTime(), nullable=False),
        sa.Column("used_at", types.UtcTime(), nullable=True),
        sa.CheckConstraint(ROLE, name="role"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),
        sa.ForeignKeyConstraint(["invited_by"], ["team_member.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_lookup"),
        sqlite_strict=True,
    )
    op.create_index("invitation_of_merchant", "invitation", ["merchant_id", "id"], unique=False)
    op.create_table(
        "login_session",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("member_id", types.Words, nullable=False),
        sa.Column("amr", types.Document(), nullable=False),
        sa.Column("device", types.Words, nullable=False),
        sa.Column("home", types.Words, nullable=False),
        sa.Column("cookie_lookup", types.Words, nullable=False),
        sa.Column("authenticated_at", types.UtcTime(), nullable=False),
        sa.Column("last_seen_at", types.UtcTime(), nullable=False),
        sa.Column("expires_at", types.UtcTime(), nullable=False),
        sa.Column("ended_at", types.UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["member_id"], ["team_member.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("cookie_lookup"),
        sqlite_strict=True,
    )
    op.create_index("session_of_member", "login_session", ["member_id", "ended_at"], unique=False)
