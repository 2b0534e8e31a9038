"""The table of what must leave the gateway."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, text
from sqlmodel import Field, SQLModel

from gateway.db.types import Document, UtcTime, Whole, Words

WAITS = "done_at IS NULL"
"""A row of the outbox that is not carried out. A query that says it in these words finds such rows by the index."""
LEASED = text(f"{WAITS} AND leased_until IS NOT NULL")


class OutboxItem(SQLModel, table=True):
    """Something that must leave the gateway; written in the transaction of its cause, drained afterwards."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "outbox_due",
            "topic",
            "mode",
            "next_at",
            "id",
            sqlite_where=text(WAITS),
            postgresql_where=text(WAITS),
        ),
        Index(
            "outbox_of_tenant",
            "merchant_id",
            "mode",
            "topic",
            "next_at",
            sqlite_where=text(WAITS),
            postgresql_where=text(WAITS),
        ),
        Index("outbox_leased", "leased_until", sqlite_where=LEASED, postgresql_where=LEASED),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str | None = Field(default=None, sa_column=Column(Words))
    mode: str | None = Field(default=None, sa_column=Column(Words))
    """Whose it is; none where it belongs to no merchant."""
    topic: str = Field(sa_column=Column(Words, nullable=False))
    payload: dict[str, Any] = Field(sa_column=Column(Document, nullable=False))
    attempts: int = Field(sa_column=Column(Whole, nullable=False))
    next_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    leased_until: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    """Until then a worker has the row in hand."""
    sent_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    """When its effect was last begun; none where nothing was ever sent, or by an older release."""
    done_at: datetime | None = Field(default=None, sa_column=Column(UtcTime, nullable=True))
    last_error: str | None = Field(default=None, sa_column=Column(Words, nullable=True))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
