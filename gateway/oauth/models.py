"""Tables of OAuth clients, their secrets, authorization codes and refresh tokens.

Nothing here can be used by who reads it: secrets, codes and refresh tokens are kept as keyed hashes. Codes and refresh
tokens share their client's mode by foreign key, so test and live never cross.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    false,
)
from sqlmodel import Field, SQLModel

from gateway.db.types import Document, Flag, UtcTime, Words

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
    assertion_alg: str | None = Field(default=None, sa_column=Column(Words))
    """The one algorithm of its assertions (``private_key_jwt``); such a client has keys instead of secrets."""
    jwks: dict[str, Any] | None = Field(default=None, sa_column=Column(Document))
    """Its public keys (RFC 7517)."""
    require_par: bool = Field(default=False, sa_column=Column(Flag, nullable=False, server_default=false()))
    """It may begin a login only by a pushed request (RFC 9126)."""
    require_dpop: bool = Field(default=False, sa_column=Column(Flag, nullable=False, server_default=false()))
    """It gets only tokens that are bound to a key (RFC 9449, section 5.2)."""
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
        Index("client_secret_over", "expires_at"),
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
    dpop_jkt: str | None = Field(default=None, sa_column=Column(Words))
    """Thumbprint of the only key that may use it, when the request named one (RFC 9449, section 10)."""
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
    jkt: str | None = Field(default=None, sa_column=Column(Words))
    """Thumbprint of the only key that may use it."""
    used_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    revoked_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    expires_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class OperatorCode(SQLModel, table=True):
    """A code of an operator's login on its way to their program: 60 seconds, once, bound to its PKCE challenge."""

    __tablename__ = "operator_code"
    __table_args__ = (
        CheckConstraint("length(code_challenge) = 43", name="challenge_is_s256"),
        CheckConstraint("length(code_lookup) = 64", name="lookup_is_sha256"),
        Index("operator_code_of", "session_id"),
    )

    code_lookup: str = Field(sa_column=Column(Words, primary_key=True))
    session_id: str = Field(sa_column=Column(Words, ForeignKey("operator_session.id"), nullable=False))
    redirect_uri: str = Field(sa_column=Column(Words, nullable=False))
    scope: str = Field(sa_column=Column(Words, nullable=False))
    code_challenge: str = Field(sa_column=Column(Words, nullable=False))
    used_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    expires_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class OperatorRefreshToken(SQLModel, table=True):
    """A refresh token of an operator's login: used once, then replaced; a second use ends the login."""

    __tablename__ = "operator_refresh_token"
    __table_args__ = (
        CheckConstraint("length(token_lookup) = 64", name="lookup_is_sha256"),
        Index("operator_refresh_token_of", "session_id"),
    )

    token_lookup: str = Field(sa_column=Column(Words, primary_key=True))
    session_id: str = Field(sa_column=Column(Words, ForeignKey("operator_session.id"), nullable=False))
    scope: str = Field(sa_column=Column(Words, nullable=False))
    used_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    expires_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class RevokedToken(SQLModel, table=True):
    """An access token (by its ``jti``), or a family of them, that is refused before it expires."""

    __tablename__ = "revoked_token"
    __table_args__ = (Index("revoked_token_expiry", "expires_at"),)

    id: str = Field(sa_column=Column(Words, primary_key=True))
    expires_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    """From when this need not be remembered: every token it names has expired by then."""


class PushedRequest(SQLModel, table=True):
    """An authorisation request that a client sent ahead (RFC 9126): opened within 90 seconds, answered once."""

    __tablename__ = "pushed_request"
    __table_args__ = (
        ForeignKeyConstraint(*ITS_CLIENT, name="pushed_request_keeps_mode"),
        CheckConstraint("length(uri_lookup) = 64", name="lookup_is_sha256"),
        Index("pushed_request_expiry", "expires_at"),
    )

    uri_lookup: str = Field(sa_column=Column(Words, primary_key=True))
    client_id: str = Field(sa_column=Column(Words, nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    parameters: dict[str, str] = Field(sa_column=Column(Document, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    """Until when a browser may open it."""
    opened_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    used_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))


class SpentProof(SQLModel, table=True):
    """A client assertion or DPoP proof that was taken, so that it is never taken again."""

    __tablename__ = "spent_proof"
    __table_args__ = (
        CheckConstraint("length(id) = 64", name="id_is_sha256"),
        Index("spent_proof_expiry", "expires_at"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    """Hash of its kind, of whose it is, and of its ``jti``."""
    expires_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    """From when it would be refused for its age."""
