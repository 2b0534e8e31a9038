"""Tables of decisions and of shoppers' credit limits."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from gateway.db.models import Keyed
from gateway.db.types import Document, Fen, Flag, Number, UtcTime, Whole, Words


class CreditDecision(Keyed, table=True):
    """One decision: what the scorer recommended, what the named lender decided, and what is needed to explain it."""

    __tablename__ = "credit_decision"
    __table_args__ = (
        CheckConstraint("outcome IN ('approve', 'review', 'decline')", name="outcome"),
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        Index("credit_decision_of_checkout", "checkout_id", "created_at", "decided_by", unique=True),
        Index("credit_decision_of_shopper", "shopper_id", "created_at"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    checkout_id: str = Field(sa_column=Column(Words, nullable=False))
    shopper_id: str = Field(sa_column=Column(Words, ForeignKey("shopper.id"), nullable=False))
    amount_fen: int = Field(sa_column=Column(Fen, nullable=False))
    recommended: str = Field(sa_column=Column(Words, nullable=False))
    """What the scorer recommended; ``unavailable`` when there was no scorer to ask."""
    outcome: str = Field(sa_column=Column(Words, nullable=False))
    decided_by: str = Field(sa_column=Column(Words, nullable=False))
    """The lender (or, after a review, the person) that decided."""
    limit_fen: int = Field(sa_column=Column(Fen, nullable=False))
    reasons: list[dict[str, str]] = Field(sa_column=Column(Document, nullable=False))
    """Reasons for the shopper: code and text in Chinese and English."""
    signals: list[str] = Field(default_factory=list, sa_column=Column(Document, nullable=False))
    """Codes of everything that raised the risk, for the lender's reviewer; never for shopper or merchant."""
    features: dict[str, Any] = Field(sa_column=Column(Document, nullable=False))
    """The scorer's input, so that the decision can be replayed; nothing in it identifies a person."""
    fraud_probability: float | None = Field(default=None, sa_column=Column(Number))
    default_probability: float | None = Field(default=None, sa_column=Column(Number))
    """Calibrated, 0 to 1; from ``features``, by the same model and policy, they come out again."""
    fraud_score: int | None = Field(default=None, sa_column=Column(Whole))
    credit_score: int | None = Field(default=None, sa_column=Column(Whole))
    policy: str | None = Field(default=None, sa_column=Column(Words))
    recommended_limit_fen: int = Field(default=0, sa_column=Column(Fen, nullable=False, server_default="0"))
    model: str | None = Field(default=None, sa_column=Column(Words))
    model_sha256: str | None = Field(default=None, sa_column=Column(Words))
    price_tier: str | None = Field(default=None, sa_column=Column(Words))
    annual_rate_bp: int | None = Field(default=None, sa_column=Column(Whole))
    """Only in decisions of earlier releases: price tier and annual rate in basis points; never charged."""
    green_uplift_fen: int = Field(default=0, sa_column=Column(Fen, nullable=False, server_default="0"))
    """What of the limit is there for this order's green goods, in fen."""
    sandbox: str | None = Field(default=None, sa_column=Column(Words))
    """Test mode only: the outcome that the phone number asked for, instead of the scorer's."""
    latency_us: int = Field(sa_column=Column(Whole, nullable=False))
    """From the shopper's confirmation to the ruling."""
    note: str | None = Field(default=None, sa_column=Column(Words))
    """Why a person decided so, for the lender's file; never for shopper or merchant."""
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class DecisionRequest(Keyed, table=True):
    """An application on its way to a decision; its id is the reference under which bureau and lender are asked.

    What is asked is written down before it is asked, so that the same is asked after a crash.
    """

    __tablename__ = "decision_request"
    __table_args__ = (
        UniqueConstraint("checkout_id", name="one_decision_request_per_checkout"),
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        CheckConstraint("(decided_at IS NULL) = (decision_id IS NULL)", name="decided"),
        Index("decision_request_of_shopper", "shopper_id", "created_at"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    checkout_id: str = Field(sa_column=Column(Words, ForeignKey("checkout.id"), nullable=False))
    shopper_id: str = Field(sa_column=Column(Words, ForeignKey("shopper.id"), nullable=False))
    amount_fen: int = Field(sa_column=Column(Fen, nullable=False))
    ask_bureau: bool = Field(sa_column=Column(Flag, nullable=False))
    """Whether the shopper consents that a bureau is asked."""
    person_decides: bool = Field(sa_column=Column(Flag, nullable=False))
    """Whether a review found the shopper wronged, so that a person decides what the scorer would decline."""
    features: dict[str, Any] = Field(sa_column=Column(Document, nullable=False))
    """The scorer's input but for the bureau's."""
    link_signals: list[str] = Field(sa_column=Column(Document, nullable=False))
    """The rules on links that fired."""
    granted_by: str | None = Field(default=None, sa_column=Column(Words))
    """The person who found, reviewing a decline of this order, that it should be approved."""
    real_name: str | None = Field(default=None, sa_column=Column(Words))
    """What the real-name check said of name, ID number and phone; none while, or where, nobody was asked."""
    advice: dict[str, Any] | None = Field(default=None, sa_column=Column(Document))
    """What is submitted to the lender; none until the bureau has answered and the scorer has recommended."""
    task_id: str = Field(sa_column=Column(Words, nullable=False))
    """The row of the outbox by which the worker goes on when the request was interrupted."""
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    asked_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    """The machine's time of the confirmation, whatever a test clock says."""
    decision_id: str | None = Field(default=None, sa_column=Column(Words, ForeignKey("credit_decision.id")))
    decided_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))


class CreditLimit(SQLModel, table=True):
    """What one shopper may owe at one lender, and how much of it is held; the row is the lock of every movement."""

    __tablename__ = "credit_limit"
    __table_args__ = (
        UniqueConstraint("shopper_id", "funder", name="one_limit_per_lender"),
        CheckConstraint("held_fen >= 0", name="held"),
        CheckConstraint("limit_fen BETWEEN 0 AND 10000000", name="limit"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    shopper_id: str = Field(sa_column=Column(Words, ForeignKey("shopper.id"), nullable=False))
    funder: str = Field(sa_column=Column(Words, nullable=False))
    limit_fen: int = Field(sa_column=Column(Fen, nullable=False))
    held_fen: int = Field(sa_column=Column(Fen, nullable=False))
    """Authorised and not yet released, plus principal outstanding."""


class LimitMovement(Keyed, table=True):
    """One change of a limit or of what is held of it, with its reason."""

    __tablename__ = "limit_movement"
    __table_args__ = (
        UniqueConstraint("limit_id", "reason", "about", name="limit_movement_once"),
        CheckConstraint(
            "reason IN ('granted', 'authorized', 'voided', 'expired', 'refunded', 'repaid', 'unwound')",
            name="reason",
        ),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    limit_id: str = Field(sa_column=Column(Words, ForeignKey("credit_limit.id"), nullable=False))
    reason: str = Field(sa_column=Column(Words, nullable=False))
    amount_fen: int = Field(sa_column=Column(Fen, nullable=False))
    """What is held rises (+) or falls (-) by this; for ``granted`` the new limit."""
    about: str = Field(sa_column=Column(Words, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class ShadowScore(Keyed, table=True):
    """What a challenger would have recommended about a decision; it decided nothing."""

    __tablename__ = "shadow_score"

    decision_id: str = Field(sa_column=Column(Words, ForeignKey("credit_decision.id"), primary_key=True))
    challenger: str = Field(sa_column=Column(Words, primary_key=True))
    model: str = Field(sa_column=Column(Words, nullable=False))
    model_sha256: str = Field(sa_column=Column(Words, nullable=False))
    fraud_probability: float | None = Field(default=None, sa_column=Column(Number))
    default_probability: float | None = Field(default=None, sa_column=Column(Number))
    credit_score: int | None = Field(default=None, sa_column=Column(Whole))
    outcome: str = Field(sa_column=Column(Words, nullable=False))
    limit_fen: int = Field(sa_column=Column(Fen, nullable=False))
    policy: str = Field(sa_column=Column(Words, nullable=False, server_default=""))
    """The policy it recommends by: sources required of the champion are also required of the challenger."""
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class ListEntry(SQLModel, table=True):
    """One person on a list of the lender, by the keyed hash of a phone or an ID number, and why."""

    __tablename__ = "list_entry"
    __table_args__ = (
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        CheckConstraint("kind IN ('blocked', 'watched', 'trusted')", name="kind"),
        Index("list_entry_of_person", "mode", "lookup"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    kind: str = Field(sa_column=Column(Words, nullable=False))
    lookup: str = Field(sa_column=Column(Words, nullable=False))
    note: str = Field(sa_column=Column(Words, nullable=False))
    added_by: str = Field(sa_column=Column(Words, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))


class ApplicantLink(SQLModel, table=True):
    """A shopper used something in an application (a keyed hash of it), is bad or good after all, or was erased.

    Positions rise and never come again, so that every process reads each line once.
    """

    __tablename__ = "applicant_link"
    __table_args__ = (
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        CheckConstraint(
            "kind IN ('device', 'phone', 'address', 'card', 'referrer', 'bad', 'good', 'erased')", name="kind"
        ),
        CheckConstraint("(value_lookup IS NULL) = (kind IN ('bad', 'good', 'erased'))", name="value"),
        Index("applicant_link_of_shopper", "shopper_id", "kind"),
        Index("applicant_link_by_age", "seen_at"),
        Index(
            "applicant_link_labels",
            "shopper_id",
            "position",
            sqlite_where=text("kind IN ('bad', 'good')"),
            postgresql_where=text("kind IN ('bad', 'good')"),
        ),
        {"sqlite_autoincrement": True},
    )

    position: int | None = Field(default=None, sa_column=Column(Whole, primary_key=True, autoincrement=True))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    kind: str = Field(sa_column=Column(Words, nullable=False))
    value_lookup: str | None = Field(default=None, sa_column=Column(Words))
    shopper_id: str = Field(sa_column=Column(Words, ForeignKey("shopper.id"), nullable=False))
    seen_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    """Business time of the confirmation, or when the default became known."""


class HumanReview(SQLModel, table=True):
    """A declined shopper asks for a person to look at the decision; once for each checkout."""

    __tablename__ = "human_review"
    __table_args__ = (
        UniqueConstraint("checkout_id", name="one_human_review_per_checkout"),
        CheckConstraint("status IN ('requested', 'upheld', 'reconsider')", name="status"),
        CheckConstraint("(status = 'requested') = (resolved_at IS NULL)", name="resolved"),
        Index("human_review_due", "status", "due_at", "id"),
        Index("human_review_of_shopper", "shopper_id", "id"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    checkout_id: str = Field(sa_column=Column(Words, nullable=False))
    shopper_id: str = Field(sa_column=Column(Words, ForeignKey("shopper.id"), nullable=False))
    decision_id: str = Field(sa_column=Column(Words, ForeignKey("credit_decision.id"), nullable=False))
    status: str = Field(sa_column=Column(Words, nullable=False))
    requested_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    resolved_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    resolved_by: str | None = Field(default=None, sa_column=Column(Words))
    """The person at the lender who reviewed it."""
    due_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    """Until when the shopper was promised an answer."""
    note: str | None = Field(default=None, sa_column=Column(Words))
    """Why it was answered so, for the lender's file."""
