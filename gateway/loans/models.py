"""Tables of loans and of their schedules. A schedule is never changed: a refund writes its next version."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from gateway.db.types import Day, Document, Fen, UtcTime, Whole, Words


class Loan(SQLModel, table=True):
    """One drawdown: the lender's claim on the shopper for one capture."""

    __tablename__ = "loan"
    __table_args__ = (
        UniqueConstraint("capture_id", name="one_loan_per_capture"),
        CheckConstraint("principal_fen > 0", name="principal"),
        CheckConstraint("refunded_fen BETWEEN 0 AND principal_fen", name="refunded"),
        CheckConstraint(
            "status IN ('active', 'overdue', 'settled', 'refunded', 'unwound', 'written_off')", name="status"
        ),
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        Index("loan_of_payment", "payment_id"),
        Index("loan_of_shopper", "shopper_id"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    shopper_id: str = Field(sa_column=Column(Words, ForeignKey("shopper.id"), nullable=False))
    payment_id: str = Field(sa_column=Column(Words, nullable=False))
    capture_id: str = Field(sa_column=Column(Words, nullable=False))
    funder: str = Field(sa_column=Column(Words, nullable=False))
    status: str = Field(sa_column=Column(Words, nullable=False))
    principal_fen: int = Field(sa_column=Column(Fen, nullable=False))
    refunded_fen: int = Field(sa_column=Column(Fen, nullable=False))
    """Principal that refunds have taken off."""
    price: dict[str, Any] = Field(sa_column=Column(Document, nullable=False))
    """The line of the price catalogue that was disclosed and confirmed."""
    contract_date: date = Field(sa_column=Column(Day, nullable=False))
    """Day of the drawdown in Shanghai; due dates are anchored on it."""
    schedule_version: int = Field(sa_column=Column(Whole, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class LoanInstalment(SQLModel, table=True):
    """One row of one version of a schedule; amounts in fen.

    A row of a tiny last capture may be a few fen below 0: it is the difference of two schedules, whose sum is right.
    """

    __tablename__ = "loan_instalment"
    __table_args__ = (
        CheckConstraint("payment_fen = principal_fen + interest_fen + fee_fen", name="payment"),
    )

    loan_id: str = Field(sa_column=Column(Words, ForeignKey("loan.id"), primary_key=True))
    version: int = Field(sa_column=Column(Whole, primary_key=True))
    period: int = Field(sa_column=Column(Whole, primary_key=True))
    due_date: date = Field(sa_column=Column(Day, nullable=False))
    principal_fen: int = Field(sa_column=Column(Fen, nullable=False))
    interest_fen: int = Field(sa_column=Column(Fen, nullable=False))
    fee_fen: int = Field(sa_column=Column(Fen, nullable=False))
    payment_fen: int = Field(sa_column=Column(Fen, nullable=False))
    balance_fen: int = Field(sa_column=Column(Fen, nullable=False))
