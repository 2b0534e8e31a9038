"""Tables of operators and their logins.

Who reads them cannot act as one: the secrets of authenticator apps are sealed, and passwords are argon2id.
"""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index
from sqlmodel import Field, SQLModel

from gateway.db.types import Bytes, UtcTime, Whole, Words


class Operator(SQLModel, table=True):
    """One of the gateway's own people, with an authenticator app; before ``confirmed_at`` the app counts for nothing.

    A name is never given to a second person, so that nobody confirms under it what its first owner has proposed.
    """

    __tablename__ = "operator"
    __table_args__ = (
        CheckConstraint("last_step >= 0", name="last_step"),
        CheckConstraint("failures >= 0", name="failures"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    name: str = Field(sa_column=Column(Words, nullable=False, unique=True))
    """In lower case, such as ``li.na``."""
    secret: bytes = Field(sa_column=Column(Bytes, nullable=False))
    """Base32, sealed in the vault."""
    last_step: int = Field(sa_column=Column(Whole, nullable=False))
    """The newest 30-second step whose code was taken: that code and those before it are used up."""
    failures: int = Field(default=0, sa_column=Column(Whole, nullable=False))
    """Codes tried since ``failures_since`` without a right one."""
    failures_since: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    added_by: str | None = Field(default=None, sa_column=Column(Words, ForeignKey("operator.id")))
    """Who vouched; None for the first one."""
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    confirmed_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    """When the app first showed a right code."""
    removed_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    password: str | None = Field(default=None, sa_column=Column(Words))
    """argon2id, in its own text form; None for people who only work at the command line."""


class OperatorSession(SQLModel, table=True):
    """One login of an operator by password and code; its id is the ``sid`` of the tokens that descend from it."""

    __tablename__ = "operator_session"
    __table_args__ = (
        Index("operator_session_of", "operator_id"),
        Index("operator_session_expiry", "expires_at"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    operator_id: str = Field(sa_column=Column(Words, ForeignKey("operator.id"), nullable=False))
    authenticated_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    last_seen_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
