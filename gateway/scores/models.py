"""Tables of the scores that partner institutions asked for."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index
from sqlmodel import Field

from gateway.db.models import Keyed
from gateway.db.types import Day, Document, UtcTime, Whole, Words


class PartnerScore(Keyed, table=True):
    """One answer: what was scored, by which model, and what came out; enough to repeat and to explain it."""

    __tablename__ = "partner_score"
    __table_args__ = (
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        Index("partner_score_of_merchant", "merchant_id", "mode", "id"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    reference: str = Field(sa_column=Column(Words, nullable=False))
    """The partner's own name for the case; never one that names a person."""
    features: dict[str, Any] = Field(sa_column=Column(Document, nullable=False))
    """The scorer's input; nothing in it names a person."""
    consents: list[dict[str, Any]] = Field(sa_column=Column(Document, nullable=False))
    """Consents that the partner says it holds: source, reference and time."""
    answer: dict[str, Any] = Field(sa_column=Column(Document, nullable=False))
    """Exact scores, probabilities and reasons; what was answered is coarser."""
    model: str = Field(sa_column=Column(Words, nullable=False))
    model_sha256: str = Field(sa_column=Column(Words, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class ScoreUsage(Keyed, table=True):
    """How many scores a partner has had on a day (Asia/Shanghai); the row is the lock of its quota."""

    __tablename__ = "score_usage"
    __table_args__ = (CheckConstraint("scores >= 0", name="scores"),)

    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), primary_key=True))
    mode: str = Field(sa_column=Column(Words, primary_key=True))
    day: date = Field(sa_column=Column(Day, primary_key=True))
    scores: int = Field(sa_column=Column(Whole, nullable=False))
