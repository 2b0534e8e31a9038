"""Tables of exports: what was asked for, the file in parts, and the merchant's own account codes."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, text
from sqlmodel import Field, SQLModel

from gateway.db.types import Bytes, Day, Document, UtcTime, Whole, Words

HAS_FILE = text("file_deleted_at IS NULL")


class Export(SQLModel, table=True):
    """One file that a merchant has asked for, and how far it is."""

    __tablename__ = "export"
    __table_args__ = (
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        CheckConstraint("status IN ('running', 'completed', 'failed', 'expired')", name="status"),
        Index("export_of_tenant", "merchant_id", "mode", "id"),
        Index("export_with_file", "expires_at", sqlite_where=HAS_FILE, postgresql_where=HAS_FILE),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    kind: str = Field(sa_column=Column(Words, nullable=False))
    format: str = Field(sa_column=Column(Words, nullable=False))
    first_day: date | None = Field(default=None, sa_column=Column(Day))
    last_day: date | None = Field(default=None, sa_column=Column(Day))
    filters: dict[str, Any] = Field(sa_column=Column(Document, nullable=False))
    status: str = Field(sa_column=Column(Words, nullable=False))
    attempt: int = Field(default=0, sa_column=Column(Whole, nullable=False))
    """Which attempt of the job may write; one that lost its row of the outbox may not."""
    lines_done: int = Field(default=0, sa_column=Column(Whole, nullable=False))
    file_bytes: int | None = Field(default=None, sa_column=Column(Whole))
    file_sha256: str | None = Field(default=None, sa_column=Column(Words))
    fault: str | None = Field(default=None, sa_column=Column(Words))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    expires_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    file_deleted_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))


class ExportFilePart(SQLModel, table=True):
    """A part of a file, compressed, so that no row of the table is large."""

    __tablename__ = "export_file_part"

    export_id: str = Field(sa_column=Column(Words, ForeignKey("export.id"), primary_key=True))
    number: int = Field(sa_column=Column(Whole, primary_key=True, autoincrement=False))
    content: bytes = Field(sa_column=Column(Bytes, nullable=False))


class VoucherAccounts(SQLModel, table=True):
    """The codes and names of a merchant's own accounts, by what they stand for; what is not here is by default."""

    __tablename__ = "voucher_accounts"

    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), primary_key=True))
    mode: str = Field(sa_column=Column(Words, primary_key=True))
    accounts: dict[str, Any] = Field(sa_column=Column(Document, nullable=False))
    changed_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
