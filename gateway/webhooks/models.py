"""Tables of events, of the addresses that want to be told, and of what they are told."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from gateway.db.models import Keyed
from gateway.db.types import Bytes, Document, Flag, Packed, UtcTime, Whole, Words

PENDING = text("status = 'pending'")
TESTS = text("cause = 'test'")
PENDING_LEASED = text("status = 'pending' AND leased_until IS NOT NULL")


class Event(Keyed, table=True):
    """One change of state, as the merchant may see it: no personal data. The source of truth behind webhooks."""

    __tablename__ = "event"
    __table_args__ = (
        UniqueConstraint("object_id", "sequence", name="event_sequence"),
        Index("event_of_tenant", "merchant_id", "mode", "id"),
        Index("event_in_order", "merchant_id", "mode", "position"),
        Index("event_of_type", "merchant_id", "mode", "type", "id"),
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    type: str = Field(sa_column=Column(Words, nullable=False))
    object_id: str = Field(sa_column=Column(Words, nullable=False))
    sequence: int = Field(sa_column=Column(Whole, nullable=False))
    """Counts the events of one object from 1, so that a merchant sees a gap or a reordering."""
    position: int = Field(sa_column=Column(Whole, nullable=False, server_default="0"))
    """Rises with every event of a merchant and mode; ``/v1/events?after=`` walks along it (see ``ordering``)."""
    data: dict[str, Any] = Field(sa_column=Column(Packed, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class WebhookEndpoint(SQLModel, table=True):
    """An address of the merchant that receives events, and the sealed secret its deliveries are signed with."""

    __tablename__ = "webhook_endpoint"
    __table_args__ = (
        Index("webhook_endpoint_of_tenant", "merchant_id", "mode"),
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    client_id: str | None = Field(default=None, sa_column=Column(Words))
    member_id: str | None = Field(default=None, sa_column=Column(Words))
    """The client, and the person by it, that set the address or the events last: it is told what these may read. Of an
    endpoint without either, it is what its merchant has agreed."""
    url: str = Field(sa_column=Column(Words, nullable=False))
    description: str | None = Field(default=None, sa_column=Column(Words, nullable=True))
    enabled_events: list[str] = Field(sa_column=Column(Document, nullable=False, server_default='["*"]'))
    """Types of events that are sent here; ``["*"]`` takes all, also those that do not exist yet."""
    api_version: str = Field(sa_column=Column(Words, nullable=False, server_default="2026-11-23"))
    enabled: bool = Field(sa_column=Column(Flag, nullable=False))
    disabled_reason: str | None = Field(default=None, sa_column=Column(Words, nullable=True))
    """``requested``, ``gone`` (it answered 410) or ``failing`` (five days without a success)."""
    disabled_at: datetime | None = Field(default=None, sa_column=Column(UtcTime, nullable=True))
    failing_since: datetime | None = Field(default=None, sa_column=Column(UtcTime, nullable=True))
    """First failure after the last success."""
    slow: bool = Field(sa_column=Column(Flag, nullable=False, server_default=text("false")))
    """Did not answer, or took over a second: delivered in the lane where it delays only others like it."""
    deleted_at: datetime | None = Field(default=None, sa_column=Column(UtcTime, nullable=True))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class WebhookSecret(SQLModel, table=True):
    """A secret that signs an endpoint's deliveries until its end; the current one has none."""

    __tablename__ = "webhook_secret"
    __table_args__ = (
        Index("webhook_secret_of_endpoint", "endpoint_id"),
        Index("webhook_secret_over", "expires_at"),
        CheckConstraint("sealed_as IN ('secret', 'old_secret')", name="sealed_as"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    endpoint_id: str = Field(sa_column=Column(Words, ForeignKey("webhook_endpoint.id"), nullable=False))
    secret: bytes = Field(sa_column=Column(Bytes, nullable=False))
    sealed_as: str | None = Field(default=None, sa_column=Column(Words, nullable=True))
    """The column of the endpoint that an older release sealed it for; None once it is sealed for this row."""
    expires_at: datetime | None = Field(default=None, sa_column=Column(UtcTime, nullable=True))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class WebhookDelivery(SQLModel, table=True):
    """One event on its way to one endpoint: a row of a separate outbox, written beside the event."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        Index("webhook_delivery_of_endpoint", "endpoint_id", "id"),
        Index("webhook_delivery_over", "finished_at"),
        Index("webhook_delivery_about", "object_id"),
        Index(
            "webhook_delivery_tests",
            "endpoint_id",
            "created_at",
            postgresql_where=TESTS,
            sqlite_where=TESTS,
        ),
        Index(
            "webhook_delivery_due",
            "endpoint_id",
            "next_at",
            "id",
            postgresql_where=PENDING,
            sqlite_where=PENDING,
        ),
        Index(
            "webhook_delivery_of_object",
            "endpoint_id",
            "object_id",
            "sequence",
            postgresql_where=PENDING,
            sqlite_where=PENDING,
        ),
        Index(
            "webhook_delivery_leased",
            "leased_until",
            postgresql_where=PENDING_LEASED,
            sqlite_where=PENDING_LEASED,
        ),
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        CheckConstraint("status IN ('pending', 'succeeded', 'failed', 'canceled')", name="status"),
        CheckConstraint("cause IN ('event', 'replay', 'test')", name="cause"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    endpoint_id: str = Field(sa_column=Column(Words, ForeignKey("webhook_endpoint.id"), nullable=False))
    event_id: str = Field(sa_column=Column(Words, nullable=False))
    """The event, or for a test the identifier of a sample that is in no list of events."""
    type: str = Field(sa_column=Column(Words, nullable=False))
    object_id: str = Field(sa_column=Column(Words, nullable=False))
    sequence: int = Field(sa_column=Column(Whole, nullable=False))
    cause: str = Field(sa_column=Column(Words, nullable=False))
    sample: dict[str, Any] | None = Field(default=None, sa_column=Column(Document, nullable=True))
    """The payload of a test."""
    status: str = Field(sa_column=Column(Words, nullable=False))
    attempts: int = Field(sa_column=Column(Whole, nullable=False))
    failures: int = Field(sa_column=Column(Whole, nullable=False))
    """Failed attempts since the first or since it was asked for again: the row of the table of waits."""
    next_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    claims: int = Field(sa_column=Column(Whole, nullable=False))
    """Counts the workers that took the row; only the last of them may write what became of it."""
    leased_until: datetime | None = Field(default=None, sa_column=Column(UtcTime, nullable=True))
    first_attempt_at: datetime | None = Field(default=None, sa_column=Column(UtcTime, nullable=True))
    finished_at: datetime | None = Field(default=None, sa_column=Column(UtcTime, nullable=True))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class WebhookAttempt(SQLModel, table=True):
    """One request of a delivery and its answer. The body is not kept: it is rebuilt from the event."""

    __tablename__ = "webhook_attempt"
    __table_args__ = (UniqueConstraint("delivery_id", "number", name="webhook_attempt_number"),)

    id: str = Field(sa_column=Column(Words, primary_key=True))
    delivery_id: str = Field(
        sa_column=Column(Words, ForeignKey("webhook_delivery.id", ondelete="CASCADE"), nullable=False)
    )
    number: int = Field(sa_column=Column(Whole, nullable=False))
    url: str = Field(sa_column=Column(Words, nullable=False))
    request_headers: dict[str, str] = Field(sa_column=Column(Document, nullable=False))
    response_status: int | None = Field(default=None, sa_column=Column(Whole, nullable=True))
    response_body: str | None = Field(default=None, sa_column=Column(Words, nullable=True))
    """The beginning of the answer, masked; None again after some days (``history.forget_old_answers``)."""
    error: str | None = Field(default=None, sa_column=Column(Words, nullable=True))
    duration_ms: int = Field(sa_column=Column(Whole, nullable=False))
    next_at: datetime | None = Field(default=None, sa_column=Column(UtcTime, nullable=True))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
