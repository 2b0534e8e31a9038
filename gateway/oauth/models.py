"""Tables of OAuth clients, their secrets, team members, authorization codes and refresh tokens.

Nothing here can be used by who reads it: secrets, codes and refresh tokens are kept as keyed hashes, passwords as argon2id.
"""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index
from sqlmodel import Field, SQLModel

from gateway.db.types import Document, UtcTime, Words

MODE = "mode IN ('test', 'live')"


class OAuthClient(SQLModel, table=True):
    """A program that may ask for tokens: a merchant's server, or the portal."""

    __tablename__ = "oauth_client"
    __table_args__ = (
        CheckConstraint(MODE, name="mode"),
        CheckConstraint("kind IN ('server', 'portal')", name="kind"),
        CheckConstraint("(kind = 'server') = (merchant_id IS NOT NULL)", name="server_has_merchant"),
        CheckConstraint("id LIKE 'ci_' || mode || '_%'", name="id_names_mode"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    kind: str = Field(sa_column=Column(Words, nullable=False))
    merchant_id: str | None = Field(default=None, sa_column=Column(Words, ForeignKey("merchant.id")))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    scopes: list[str] = Field(sa_column=Column(Document, nullable=False))
    redirect_uris: list[str] = Field(sa_column=Column(Document, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class ClientSecret(SQLModel, table=True):
    """A secret of a client, as a keyed hash; several are valid while one replaces another."""

    __tablename__ = "client_secret"
    __table_args__ = (Index("client_secret_of_client", "client_id"),)

    id: str = Field(sa_column=Column(Words, primary_key=True))
    client_id: str = Field(sa_column=Column(Words, ForeignKey("oauth_client.id"), nullable=False))
    secret_lookup: str = Field(sa_column=Column(Words, nullable=False))
    expires_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class TeamMember(SQLModel, table=True):
    """A person who works for a merchant and logs in to the portal."""

    __tablename__ = "team_member"
    __table_args__ = (
        CheckConstraint("role IN ('owner', 'finance', 'operations', 'developer', 'viewer')", name="role"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    email: str = Field(sa_column=Column(Words, nullable=False, unique=True))
    name: str = Field(sa_column=Column(Words, nullable=False))
    role: str = Field(sa_column=Column(Words, nullable=False))
    password: str = Field(sa_column=Column(Words, nullable=False))
    """argon2id, in its own text form."""
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class AuthorizationCode(SQLModel, table=True):
    """A code on its way from the browser to the client: 60 seconds, once, bound to its PKCE challenge."""

    __tablename__ = "authorization_code"
    __table_args__ = (CheckConstraint(MODE, name="mode"),)

    code_lookup: str = Field(sa_column=Column(Words, primary_key=True))
    client_id: str = Field(sa_column=Column(Words, ForeignKey("oauth_client.id"), nullable=False))
    member_id: str = Field(sa_column=Column(Words, ForeignKey("team_member.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    redirect_uri: str = Field(sa_column=Column(Words, nullable=False))
    scope: str = Field(sa_column=Column(Words, nullable=False))
    code_challenge: str = Field(sa_column=Column(Words, nullable=False))
    family: str = Field(sa_column=Column(Words, nullable=False))
    """Refresh tokens that descend from this code."""
    used_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    expires_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class RefreshToken(SQLModel, table=True):
    """A refresh token: used once, then replaced; a second use revokes its whole family."""

    __tablename__ = "refresh_token"
    __table_args__ = (CheckConstraint(MODE, name="mode"), Index("refresh_token_family", "family"))

    token_lookup: str = Field(sa_column=Column(Words, primary_key=True))
    family: str = Field(sa_column=Column(Words, nullable=False))
    client_id: str = Field(sa_column=Column(Words, ForeignKey("oauth_client.id"), nullable=False))
    member_id: str = Field(sa_column=Column(Words, ForeignKey("team_member.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    scope: str = Field(sa_column=Column(Words, nullable=False))
    used_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    revoked_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    expires_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
