"""Tables of the dated price catalogue, of its rate cards, and of the dated rules of government subsidies."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from gateway.db.types import Day, Document, Fen, UtcTime, Whole, Words


class PlanPrice(SQLModel, table=True):
    """The price of one term at one merchant, from a day on. Rates are decimal text: ``"0.156"`` is 15.6 %.

    A row without category or funder holds for all; which of several rows wins is told in ``catalogue``.
    """

    __tablename__ = "plan_price"
    __table_args__ = (
        CheckConstraint("term BETWEEN 3 AND 12", name="term"),
        CheckConstraint(
            "method IN ('equal_installment', 'equal_principal', 'flat_fee', 'interest_free')", name="method"
        ),
        CheckConstraint("min_amount_fen > 0 AND min_amount_fen <= max_amount_fen", name="bounds"),
        Index("plan_price_of_merchant", "merchant_id", "term", "valid_from"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    category: str | None = Field(default=None, sa_column=Column(Words))
    """Category of the order, one of ``merchants.service.CATEGORIES``."""
    funder: str | None = Field(default=None, sa_column=Column(Words))
    """Name of the lender."""
    term: int = Field(sa_column=Column(Whole, nullable=False))
    method: str = Field(sa_column=Column(Words, nullable=False))
    annual_rate: str | None = Field(default=None, sa_column=Column(Words))
    """Nominal yearly rate for the two interest methods."""
    fee_rate_total: str | None = Field(default=None, sa_column=Column(Words))
    """Fee over the whole term, of the original principal."""
    fee_timing: str | None = Field(default=None, sa_column=Column(Words))
    """When ``fee_rate_total`` is paid: ``spread`` (also when missing) or ``first_period``."""
    fee_rate_per_period: str | None = Field(default=None, sa_column=Column(Words))
    """Fee each period, of the original principal."""
    merchant_fee_rate: str = Field(sa_column=Column(Words, nullable=False))
    merchant_subsidy_rate: str = Field(sa_column=Column(Words, nullable=False))
    min_amount_fen: int = Field(sa_column=Column(Fen, nullable=False))
    max_amount_fen: int = Field(sa_column=Column(Fen, nullable=False))
    valid_from: date = Field(sa_column=Column(Day, nullable=False))
    valid_to: date | None = Field(default=None, sa_column=Column(Day))
    """The last day in force (Shanghai); without it the row holds until another ends it."""
    rate_card_id: str | None = Field(default=None, sa_column=Column(Words, ForeignKey("rate_card.id")))
    """The card that it came into force with; None for the prices from before the merchant's first card."""


class RateCard(SQLModel, table=True):
    """All that is agreed with a merchant about prices, from a day on: proposed by one operator, confirmed by another.

    What was proposed is never changed. The card in force on a day is the confirmed one with the newest first day.
    """

    __tablename__ = "rate_card"
    __table_args__ = (
        CheckConstraint("status IN ('proposed', 'confirmed', 'rejected', 'withdrawn')", name="status"),
        CheckConstraint("(status = 'proposed') = (decided_at IS NULL)", name="decided"),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="by_somebody"),
        CheckConstraint(
            "status IN ('proposed', 'withdrawn') OR decided_by <> proposed_by", name="two_people"
        ),
        Index("rate_card_in_order", "merchant_id", "status", "first_day"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    status: str = Field(sa_column=Column(Words, nullable=False))
    first_day: date = Field(sa_column=Column(Day, nullable=False))
    """From when it is in force (Shanghai)."""
    prices: list[dict[str, Any]] = Field(sa_column=Column(Document, nullable=False))
    """Rows as ``cards.content`` knows them; at the confirmation they become rows of ``plan_price``."""
    subsidy_programmes: list[dict[str, Any]] = Field(sa_column=Column(Document, nullable=False))
    """The programmes that the merchant takes part in, with their days."""
    proposed_by: str = Field(sa_column=Column(Words, ForeignKey("operator.id"), nullable=False))
    proposed_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    reason: str = Field(sa_column=Column(Words, nullable=False))
    decided_by: str | None = Field(default=None, sa_column=Column(Words, ForeignKey("operator.id")))
    decided_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    decision_reason: str | None = Field(default=None, sa_column=Column(Words))


class SubsidyProgramme(SQLModel, table=True):
    """What a government programme grants on one category of goods, between two days (Shanghai, both inclusive).

    A programme of one place has its own code; ``region`` only says which place that is.
    """

    __tablename__ = "subsidy_programme"
    __table_args__ = (
        UniqueConstraint("code", "category", "valid_from", name="one_rule_per_category_and_day"),
        CheckConstraint("amount_cap_fen > 0 AND price_cap_fen > 0", name="caps"),
        CheckConstraint("valid_from <= valid_to", name="days"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    code: str = Field(sa_column=Column(Words, nullable=False))
    category: str = Field(sa_column=Column(Words, nullable=False))
    """Kind of goods, one of ``subsidies.CATEGORIES``."""
    grade: int | None = Field(default=None, sa_column=Column(Whole))
    """Energy or water efficiency grade the goods must have; None where none is asked for."""
    rate: str = Field(sa_column=Column(Words, nullable=False))
    """Share of the final price, as decimal text."""
    price_cap_fen: int | None = Field(default=None, sa_column=Column(Fen))
    """Highest final price that is subsidised."""
    amount_cap_fen: int = Field(sa_column=Column(Fen, nullable=False))
    valid_from: date = Field(sa_column=Column(Day, nullable=False))
    valid_to: date = Field(sa_column=Column(Day, nullable=False))
    region: str | None = Field(default=None, sa_column=Column(Words))
