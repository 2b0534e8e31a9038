"""Tables of OAuth clients, their secrets, authorization codes and refresh tokens.

Nothing here can be used by who reads it: secrets, codes and refresh tokens are kept as keyed hashes. Codes and
refresh tokens share their client's mode by foreign key, so test and live never cross.
"""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from gateway.db.types import Document, UtcTime, Words

MODE = "mode IN ('test', 'live')"
ITS_CLIENT = (["client_id", "mode"], ["oauth_client.id", "oauth_client.mode"])


class OAuthClient(SQLModel, table=True):
    """A program that may ask for tokens: a merchant's server, or the portal (public: PKCE, no secret)."""

    __tablename__ = "oauth_client"
    __table_args__ = (
        CheckConstraint(MODE, name="mode"),
        CheckConstraint("kind IN ('server', 'portal')", name="kind"),
        CheckConstraint("(kind = 'server') = (merchant_id IS NOT NULL)", name="server_has_merchant"),
        CheckConstraint("substr(id, 1, 8) = 'ci_' || mode || '_'", name="id_names_mode"),
        UniqueConstraint("id", "mode", name="client_has_one_mode"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    kind: str = Field(sa_column=Column(Words, nullable=False))
    merchant_id: str | None = Field(default=None, sa_column=Column(Words, ForeignKey("merchant.id")))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    scopes: list[str] = Field(sa_column=Column(Document, nullable=False))
    redirect_uris: list[str] = Field(sa_column=Column(Document, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))

    @property
    def client_id(self) -> str:
        """The identifier under its OAuth name."""
        return self.id


class ClientSecret(SQLModel, table=True):
    """A secret of a client, as a keyed hash; several are valid while one replaces another."""

    __tablename__ = "client_secret"
    __table_args__ = (
        CheckConstraint("length(secret_lookup) = 64", name="lookup_is_sha256"),
        Index("client_secret_of_client", "client_id"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    client_id: str = Field(sa_column=Column(Words, ForeignKey("oauth_client.id"), nullable=False))
    secret_lookup: str = Field(sa_column=Column(Words, nullable=False))
    key_id: str = Field(sa_column=Column(Words, nullable=False))
    """Which key of the vault made the hash."""
    expires_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class AuthorizationCode(SQLModel, table=True):
    """A code on its way from the browser to the client: 60 seconds, once, bound to its PKCE challenge."""

    __tablename__ = "authorization_code"
    __table_args__ = (
        ForeignKeyConstraint(*ITS_CLIENT, name="code_keeps_mode"),
        CheckConstraint("length(code_challenge) = 43", name="challenge_is_s256"),
        CheckConstraint("length(code_lookup) = 64", name="lookup_is_sha256"),
    )

    code_lookup: str = Field(sa_column=Column(Words, primary_key=True))
    client_id: str = Field(sa_column=Column(Words, nullable=False))
    member_id: str = Field(sa_column=Column(Words, ForeignKey("team_member.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    redirect_uri: str = Field(sa_column=Column(Words, nullable=False))
    scope: str = Field(sa_column=Column(Words, nullable=False))
    code_challenge: str = Field(sa_column=Column(Words, nullable=False))
    family: str = Field(sa_column=Column(Words, nullable=False))
    """Names every token that descends from this code."""
    used_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    expires_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class RefreshToken(SQLModel, table=True):
    """A refresh token: used once, then replaced; a second use revokes its whole family."""

    __tablename__ = "refresh_token"
    __table_args__ = (
        ForeignKeyConstraint(*ITS_CLIENT, name="refresh_token_keeps_mode"),
        CheckConstraint("length(token_lookup) = 64", name="lookup_is_sha256"),
        Index("refresh_token_family", "family"),
    )

    token_lookup: str = Field(sa_column=Column(Words, primary_key=True))
    family: str = Field(sa_column=Column(Words, nullable=False))
    client_id: str = Field(sa_column=Column(Words, nullable=False))
    member_id: str = Field(sa_column=Column(Words, ForeignKey("team_member.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    scope: str = Field(sa_column=Column(Words, nullable=False))
    used_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    revoked_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    expires_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class RevokedToken(SQLModel, table=True):
    """An access token (by its ``jti``), or a family of them, that is refused before it expires."""

    __tablename__ = "revoked_token"

    id: str = Field(sa_column=Column(Words, primary_key=True))
    expires_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    """From when this need not be remembered: every token it names has expired by then."""
