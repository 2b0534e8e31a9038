"""Tables of events, of the outbox, and of the addresses that want to be told."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from gateway.db.types import Bytes, Document, Flag, UtcTime, Whole, Words


class Event(SQLModel, table=True):
    """One change of state, as the merchant may see it: no personal data. The source of truth behind webhooks."""

    __tablename__ = "event"
    __table_args__ = (
        UniqueConstraint("object_id", "sequence", name="event_sequence"),
        Index("event_of_tenant", "merchant_id", "mode", "id"),
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    type: str = Field(sa_column=Column(Words, nullable=False))
    object_id: str = Field(sa_column=Column(Words, nullable=False))
    sequence: int = Field(sa_column=Column(Whole, nullable=False))
    """Counts the events of one object from 1, so that a merchant sees a gap or a reordering."""
    data: dict[str, Any] = Field(sa_column=Column(Document, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class WebhookEndpoint(SQLModel, table=True):
    """An address of the merchant that is told of events, and the sealed secret its deliveries are signed with."""

    __tablename__ = "webhook_endpoint"
    __table_args__ = (
        Index("webhook_endpoint_of_tenant", "merchant_id", "mode"),
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    url: str = Field(sa_column=Column(Words, nullable=False))
    secret: bytes = Field(sa_column=Column(Bytes, nullable=False))
    enabled: bool = Field(sa_column=Column(Flag, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class OutboxItem(SQLModel, table=True):
    """Something that must leave the gateway; written in the transaction of its cause, drained afterwards."""

    __tablename__ = "outbox"
    __table_args__ = (Index("outbox_due", "done_at", "next_at"),)

    id: str = Field(sa_column=Column(Words, primary_key=True))
    topic: str = Field(sa_column=Column(Words, nullable=False))
    payload: dict[str, Any] = Field(sa_column=Column(Document, nullable=False))
    attempts: int = Field(sa_column=Column(Whole, nullable=False))
    next_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    done_at: datetime | None = Field(default=None, sa_column=Column(UtcTime, nullable=True))
    last_error: str | None = Field(default=None, sa_column=Column(Words, nullable=True))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
