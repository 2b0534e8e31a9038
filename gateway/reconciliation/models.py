"""Tables of reconciliations: the file, how its columns are read, and what did not agree."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from gateway.db.types import Bytes, Day, Document, Fen, UtcTime, Whole, Words

HAS_FILE = text("file_deleted_at IS NULL")


class Reconciliation(SQLModel, table=True):
    """One file of a merchant's, and how it compared with what happened here."""

    __tablename__ = "reconciliation"
    __table_args__ = (
        UniqueConstraint("merchant_id", "mode", "kind", "file_sha256", name="one_of_each_file"),
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        CheckConstraint("kind IN ('shop_orders', 'bank_statement', 'institution_file')", name="kind"),
        CheckConstraint("status IN ('mapping', 'running', 'completed', 'failed')", name="status"),
        Index("reconciliation_of_tenant", "merchant_id", "mode", "id"),
        Index("reconciliation_with_file", "created_at", sqlite_where=HAS_FILE, postgresql_where=HAS_FILE),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    kind: str = Field(sa_column=Column(Words, nullable=False))
    status: str = Field(sa_column=Column(Words, nullable=False))
    file_name: str = Field(sa_column=Column(Words, nullable=False))
    file_form: str = Field(sa_column=Column(Words, nullable=False))
    file_sha256: str = Field(sa_column=Column(Words, nullable=False))
    file_bytes: int = Field(sa_column=Column(Whole, nullable=False))
    file_deleted_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    heading_row: int = Field(sa_column=Column(Whole, nullable=False))
    headings: list[str] = Field(sa_column=Column(Document, nullable=False))
    columns: dict[str, str] = Field(sa_column=Column(Document, nullable=False))
    """By field the heading of its column: guessed until confirmed."""
    columns_from: str = Field(sa_column=Column(Words, nullable=False))
    """Where they come from: ``guessed``, ``remembered`` or ``confirmed``."""
    tolerance: int = Field(sa_column=Column(Fen, nullable=False))
    window_days: int | None = Field(default=None, sa_column=Column(Whole))
    memo_contains: str | None = Field(default=None, sa_column=Column(Words))
    attempt: int = Field(default=0, sa_column=Column(Whole, nullable=False))
    """Which attempt of the job may write; one that lost its row of the outbox may not."""
    done: int = Field(default=0, sa_column=Column(Whole, nullable=False))
    """Progress of the job, in percent."""
    rows: int | None = Field(default=None, sa_column=Column(Whole))
    first_day: date | None = Field(default=None, sa_column=Column(Day))
    last_day: date | None = Field(default=None, sa_column=Column(Day))
    counts: dict[str, int] | None = Field(default=None, sa_column=Column(Document))
    faults: list[dict[str, Any]] = Field(sa_column=Column(Document, nullable=False))
    """Why it failed: file, row, column and what to do, up to a hundred."""
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))


class ReconciliationFilePart(SQLModel, table=True):
    """A part of a file, compressed and sealed, so that no row of the table is large."""

    __tablename__ = "reconciliation_file_part"

    reconciliation_id: str = Field(sa_column=Column(Words, ForeignKey("reconciliation.id"), primary_key=True))
    number: int = Field(sa_column=Column(Whole, primary_key=True, autoincrement=False))
    content_sealed: bytes = Field(sa_column=Column(Bytes, nullable=False))


class ReconciliationItem(SQLModel, table=True):
    """One row that does not agree, of the file or of ours, and who resolved it. Amounts in fen."""

    __tablename__ = "reconciliation_item"
    __table_args__ = (
        CheckConstraint(
            "verdict IN ('amount_differs', 'missing_here', 'missing_there', 'duplicate', 'status_differs',"
            " 'fee_differs')",
            name="verdict",
        ),
        Index("reconciliation_item_in_order", "reconciliation_id", "number", unique=True),
        Index("reconciliation_item_by_verdict", "reconciliation_id", "verdict", "number"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    reconciliation_id: str = Field(sa_column=Column(Words, ForeignKey("reconciliation.id"), nullable=False))
    number: int = Field(sa_column=Column(Whole, nullable=False))
    """Counts down, so that what comes first in the file comes first in a list."""
    line: int | None = Field(default=None, sa_column=Column(Whole))
    verdict: str = Field(sa_column=Column(Words, nullable=False))
    theirs: int | None = Field(default=None, sa_column=Column(Fen))
    ours_id: str | None = Field(default=None, sa_column=Column(Words))
    ours: int | None = Field(default=None, sa_column=Column(Fen))
    difference: int = Field(sa_column=Column(Fen, nullable=False))
    suggestion: dict[str, Any] | None = Field(default=None, sa_column=Column(Document))
    note: str | None = Field(default=None, sa_column=Column(Words))
    proposed_by: str | None = Field(default=None, sa_column=Column(Words))
    proposed_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    resolved_by: str | None = Field(default=None, sa_column=Column(Words))
    resolved_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))


class ReconciliationColumns(SQLModel, table=True):
    """What a merchant confirmed about files with these headings, for the next of them."""

    __tablename__ = "reconciliation_columns"

    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), primary_key=True))
    mode: str = Field(sa_column=Column(Words, primary_key=True))
    kind: str = Field(sa_column=Column(Words, primary_key=True))
    fingerprint: str = Field(sa_column=Column(Words, primary_key=True))
    """Hash of the headings in their order."""
    columns: dict[str, str] = Field(sa_column=Column(Document, nullable=False))
    confirmed_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
