"""Tables of people: team members, their second factors, invitations, logins tried, and open sessions.

Nothing here helps a reader to log in: passwords are argon2id, the secrets of authenticator apps are sealed,
recovery codes, invitations and cookies are kept as keyed hashes; of a passkey only the public half is known.
"""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index
from sqlmodel import Field, SQLModel

from gateway.db.models import Keyed
from gateway.db.types import Bytes, Document, UtcTime, Whole, Words

ROLE = "role IN ('owner', 'finance', 'operations', 'developer', 'viewer')"
MEMBER = "team_member.id"


class TeamMember(SQLModel, table=True):
    """A person who works for a merchant and logs in to the portal, in both modes."""

    __tablename__ = "team_member"
    __table_args__ = (
        CheckConstraint(ROLE, name="role"),
        CheckConstraint("substr(password, 1, 10) = '$argon2id$'", name="password_is_argon2id"),
        Index("team_of_merchant", "merchant_id"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    email: str = Field(sa_column=Column(Words, nullable=False, unique=True))
    """In lower case; for a removed person, only the identifier."""
    name: str = Field(sa_column=Column(Words, nullable=False))
    role: str = Field(sa_column=Column(Words, nullable=False))
    password: str = Field(sa_column=Column(Words, nullable=False))
    """argon2id, in its own text form."""
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    removed_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))


class LoginAttempt(SQLModel, table=True):
    """Logins tried for an address, known or not, since a moment; the address itself is not kept."""

    __tablename__ = "login_attempt"
    __table_args__ = (CheckConstraint("tries > 0", name="tries"), Index("login_attempt_age", "since"))

    email_lookup: str = Field(sa_column=Column(Words, primary_key=True))
    tries: int = Field(sa_column=Column(Whole, nullable=False))
    since: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class Authenticator(SQLModel, table=True):
    """The authenticator app of a person (RFC 6238); before ``confirmed_at`` it counts for nothing."""

    __tablename__ = "authenticator"
    __table_args__ = (CheckConstraint("last_step >= 0", name="last_step"),)

    member_id: str = Field(sa_column=Column(Words, ForeignKey(MEMBER), primary_key=True))
    secret: bytes = Field(sa_column=Column(Bytes, nullable=False))
    """Base32, sealed in the vault."""
    last_step: int = Field(sa_column=Column(Whole, nullable=False))
    """The newest 30-second step whose code was taken: that code and those before it are used up."""
    confirmed_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class Passkey(SQLModel, table=True):
    """A passkey (WebAuthn credential) of a person."""

    __tablename__ = "passkey"
    __table_args__ = (
        CheckConstraint("sign_count >= 0", name="sign_count"),
        Index("passkey_of_member", "member_id"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    member_id: str = Field(sa_column=Column(Words, ForeignKey(MEMBER), nullable=False))
    credential_id: str = Field(sa_column=Column(Words, nullable=False, unique=True))
    """base64url."""
    public_key: bytes = Field(sa_column=Column(Bytes, nullable=False))
    sign_count: int = Field(sa_column=Column(Whole, nullable=False))
    name: str = Field(sa_column=Column(Words, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    last_used_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))


class UsedChallenge(SQLModel, table=True):
    """A WebAuthn challenge that was answered: it is not answered twice."""

    __tablename__ = "used_challenge"
    __table_args__ = (Index("used_challenge_expiry", "expires_at"),)

    challenge: str = Field(sa_column=Column(Words, primary_key=True))
    expires_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class RecoveryCode(SQLModel, table=True):
    """One of ten codes that stand in, each once, for a lost second factor."""

    __tablename__ = "recovery_code"
    __table_args__ = (Index("recovery_code_of_member", "member_id"),)

    code_lookup: str = Field(sa_column=Column(Words, primary_key=True))
    member_id: str = Field(sa_column=Column(Words, ForeignKey(MEMBER), nullable=False))
    used_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))


class Invitation(Keyed, table=True):
    """A link by which somebody joins a team: 72 hours, once."""

    __tablename__ = "invitation"
    __table_args__ = (
        CheckConstraint(ROLE, name="role"),
        Index("invitation_of_merchant", "merchant_id", "id"),
        Index("invitation_expiry", "expires_at"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    token_lookup: str = Field(sa_column=Column(Words, nullable=False, unique=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    invited_by: str = Field(sa_column=Column(Words, ForeignKey(MEMBER), nullable=False))
    email: str = Field(sa_column=Column(Words, nullable=False))
    name: str = Field(sa_column=Column(Words, nullable=False))
    role: str = Field(sa_column=Column(Words, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    used_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    """When somebody joined by it, or it was withdrawn."""
    message_sealed: bytes | None = Field(default=None, sa_column=Column(Bytes))
    """The link, sealed for as long as it waits to be sent."""
    sent_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))


class LoginSession(SQLModel, table=True):
    """One login of a person: how it was proved and when; its id is the ``sid`` of the tokens that descend from it."""

    __tablename__ = "login_session"
    __table_args__ = (
        Index("session_of_member", "member_id", "ended_at"),
        Index("session_end", "ended_at"),
        Index("session_expiry", "expires_at"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    member_id: str = Field(sa_column=Column(Words, ForeignKey(MEMBER), nullable=False))
    amr: list[str] = Field(sa_column=Column(Document, nullable=False))
    """How, by the names of RFC 8176: pwd, otp, hwk, mfa."""
    device: str = Field(sa_column=Column(Words, nullable=False))
    """What the browser calls itself, for the person to recognise."""
    home: str = Field(sa_column=Column(Words, nullable=False))
    """Where the portal is."""
    cookie_lookup: str = Field(sa_column=Column(Words, nullable=False, unique=True))
    """The cookie of the gateway's own account pages, as a keyed hash."""
    authenticated_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    last_seen_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
