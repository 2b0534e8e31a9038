"""Tables of milestones: the stages of a payment, what happened to them, and stops of a seller's stages."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, UniqueConstraint, text
from sqlmodel import Field

from gateway.db.models import Keyed
from gateway.db.types import Day, Document, Fen, UtcTime, Whole, Words

MOVES = "status IN ('planned', 'claimed')"
"""Stages that time alone may release. A query that says it in these words finds them by the index."""


class Milestone(Keyed, table=True):
    """A stage of a payment: a part of what is captured, which is settled once the stage is done. Amounts in fen."""

    __tablename__ = "milestone"
    __table_args__ = (
        CheckConstraint("amount_fen > 0", name="amount"),
        CheckConstraint("kind IN ('delivery', 'lesson', 'other')", name="kind"),
        CheckConstraint(
            "status IN ('planned', 'claimed', 'contested', 'released', 'canceled')", name="status"
        ),
        CheckConstraint("returned_fen BETWEEN 0 AND amount_fen", name="returned"),
        CheckConstraint("held_fen BETWEEN 0 AND amount_fen", name="held"),
        CheckConstraint("(capture_id IS NULL) = (held_fen IS NULL)", name="captured"),
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        Index("milestone_of_payment", "merchant_id", "mode", "payment_id", "id"),
        Index("milestone_in_payment", "payment_id", "id"),
        Index("milestone_of_capture", "capture_id", "id"),
        Index(
            "milestone_to_release",
            "merchant_id",
            "mode",
            "releases_at",
            sqlite_where=text(MOVES),
            postgresql_where=text(MOVES),
        ),
        Index(
            "milestone_overdue",
            "merchant_id",
            "mode",
            "due",
            sqlite_where=text("status = 'planned'"),
            postgresql_where=text("status = 'planned'"),
        ),
        Index(
            "milestone_contested",
            "merchant_id",
            "mode",
            "id",
            sqlite_where=text("status = 'contested'"),
            postgresql_where=text("status = 'contested'"),
        ),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    payment_id: str = Field(sa_column=Column(Words, ForeignKey("payment.id"), nullable=False))
    kind: str = Field(sa_column=Column(Words, nullable=False))
    description: str | None = Field(default=None, sa_column=Column(Words))
    amount_fen: int = Field(sa_column=Column(Fen, nullable=False))
    """The part of the payment that it stages."""
    due: date | None = Field(default=None, sa_column=Column(Day))
    hold_days: int | None = Field(default=None, sa_column=Column(Whole))
    """Of a capture that waits for its delivery report: after how many days it is settled without one."""
    capture_id: str | None = Field(default=None, sa_column=Column(Words, ForeignKey("capture.id")))
    """The capture that it stages; none until it is captured."""
    held_fen: int | None = Field(default=None, sa_column=Column(Fen))
    """What is kept back for it of the capture's net: what the merchant would have been paid."""
    returned_fen: int = Field(default=0, sa_column=Column(Fen, nullable=False))
    """The part of ``amount_fen`` that refunds and lost disputes have taken from it."""
    status: str = Field(sa_column=Column(Words, nullable=False))
    releases_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    """When it is released if nobody says anything; none while nothing runs, or the shopper is not told of a claim."""
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))

    @property
    def open_fen(self) -> int:
        """The part of the amount that no refund has taken."""
        return self.amount_fen - self.returned_fen

    @property
    def declared(self) -> bool:
        """Whether the merchant declared it; else a capture waits for its delivery."""
        return self.hold_days is None


class MilestoneEvent(Keyed, table=True):
    """Something that happened to a milestone. Never changed: its state is what these say in their order."""

    __tablename__ = "milestone_event"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('claimed', 'told', 'contested', 'answered', 'released', 'returned', 'canceled')",
            name="kind",
        ),
        CheckConstraint("amount_fen >= 0", name="amount"),
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        Index("milestone_event_of_milestone", "milestone_id", "id"),
        Index("milestone_event_of_payment", "payment_id", "id"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    payment_id: str = Field(sa_column=Column(Words, ForeignKey("payment.id"), nullable=False))
    milestone_id: str = Field(sa_column=Column(Words, ForeignKey("milestone.id"), nullable=False))
    kind: str = Field(sa_column=Column(Words, nullable=False))
    said_by: str = Field(sa_column=Column(Words, nullable=False))
    """Who or what: ``merchant``, ``message``, ``shopper``, ``silence``, ``delivery``, ``days``, ``void``, the id
    of a refund or a dispute, or ``person:`` and a name."""
    amount_fen: int = Field(default=0, sa_column=Column(Fen, nullable=False))
    """What a refund or a dispute took from it."""
    words: str | None = Field(default=None, sa_column=Column(Words))
    files: list[dict[str, Any]] | None = Field(default=None, sa_column=Column(Document))
    """Files that the merchant keeps: ``{"name", "sha256", "size"}`` each, the size in bytes."""
    until: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    """Of the message that told of a claim: when the shopper's window ends."""
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class MilestoneStop(Keyed, table=True):
    """Nothing that waits for a stage of the merchant is released from a moment on, until the stop is lifted."""

    __tablename__ = "milestone_stop"
    __table_args__ = (
        UniqueConstraint("cause", name="one_stop_for_a_cause"),
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        CheckConstraint(
            "(lifted_at IS NULL) = (lifted_by IS NULL) AND (lifted_at IS NULL) = (lifted_because IS NULL)",
            name="lifted",
        ),
        Index("milestone_stop_of_tenant", "merchant_id", "mode", "id"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    reason: str = Field(sa_column=Column(Words, nullable=False))
    cause: str | None = Field(default=None, sa_column=Column(Words, ForeignKey("milestone.id")))
    """The milestone that was not claimed in time or contested, where no person has stopped it."""
    stopped_by: str = Field(sa_column=Column(Words, nullable=False))
    stopped_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    lifted_by: str | None = Field(default=None, sa_column=Column(Words))
    lifted_because: str | None = Field(default=None, sa_column=Column(Words))
    lifted_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
