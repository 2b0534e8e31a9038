"""Tables of the audit log. Rows are only added: triggers refuse the rest, and a row that does not follow the last."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index
from sqlmodel import Field, SQLModel

from gateway.db.types import Day, Document, UtcTime, Whole, Words


class AuditEntry(SQLModel, table=True):
    """One privileged action. It holds identifiers and hashes, no personal data and no secret."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        CheckConstraint("actor_kind IN ('operator', 'member', 'client', 'system')", name="actor_kind"),
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        CheckConstraint("length(hash) = 64 AND length(previous_hash) = 64", name="hashes"),
        Index("audit_entry_of_merchant", "merchant_id", "number"),
        Index("audit_entry_about", "about", "number"),
    )

    number: int = Field(sa_column=Column(Whole, primary_key=True, autoincrement=False))
    """From 1 without gaps."""
    at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    """The machine's time, which no test clock moves."""
    actor_kind: str = Field(sa_column=Column(Words, nullable=False))
    actor_id: str = Field(sa_column=Column(Words, nullable=False))
    action: str = Field(sa_column=Column(Words, nullable=False))
    about: str = Field(sa_column=Column(Words, nullable=False))
    """Identifier of what was acted upon."""
    merchant_id: str | None = Field(default=None, sa_column=Column(Words, ForeignKey("merchant.id")))
    mode: str | None = Field(default=None, sa_column=Column(Words))
    """None for what both modes share, such as the merchant itself."""
    facts: dict[str, Any] = Field(sa_column=Column(Document, nullable=False))
    before_sha256: str | None = Field(default=None, sa_column=Column(Words))
    after_sha256: str | None = Field(default=None, sa_column=Column(Words))
    """SHA-256 of what the action found and left, where it changed something that has a text."""
    previous_hash: str = Field(sa_column=Column(Words, nullable=False))
    hash: str = Field(sa_column=Column(Words, nullable=False, unique=True))
    """SHA-256 of all the above as canonical JSON."""


class AuditRoot(SQLModel, table=True):
    """Where the log stood at the end of a day in Shanghai, signed by an older release: later roots are ``SignedRoot``.

    They prove their days for as long as they stand.
    """

    __tablename__ = "audit_root"
    __table_args__ = (CheckConstraint("length(hash) = 64", name="hash"),)

    day: date = Field(sa_column=Column(Day, primary_key=True))
    number: int = Field(sa_column=Column(Whole, ForeignKey("audit_entry.number"), nullable=False))
    hash: str = Field(sa_column=Column(Words, nullable=False))
    algorithm: str = Field(sa_column=Column(Words, nullable=False))
    key_id: str = Field(sa_column=Column(Words, nullable=False))
    signature: str = Field(sa_column=Column(Words, nullable=False))
    """Base64, of ``Root.signed_text``."""
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
