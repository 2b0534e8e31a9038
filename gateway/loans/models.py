"""Tables of loans, their schedules, and what falls due and is paid. Amounts in fen, days in Shanghai.

A schedule is never changed: a refund writes its next version, which holds the rows still to come. A row that falls due
becomes a bill, and its figures stay. What is paid of a bill, its late interest and the shopper's credit follow from the
facts (bills, repayments, principal reductions, credit changes) by ``replay``; ``standing`` writes them.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from gateway.db.models import Keyed
from gateway.db.types import Day, Document, Fen, Flag, UtcTime, Whole, Words


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
        Index("loan_due", "next_due_date", "merchant_id", "mode"),
        Index("loan_due_of_tenant", "merchant_id", "mode", "next_due_date", "id"),
        Index("loan_overdue", "merchant_id", "mode", "overdue_since"),
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
    base_version: int = Field(default=1, sa_column=Column(Whole, nullable=False))
    """The schedule at the newest bill: refunds since then are computed from it together, so that splitting one
    changes nothing."""
    billed_periods: int = Field(default=0, sa_column=Column(Whole, nullable=False))
    next_due_date: date | None = Field(default=None, sa_column=Column(Day))
    """When the next row falls due; none when all have."""
    repaid_fen: int = Field(default=0, sa_column=Column(Fen, nullable=False))
    """Principal that the shopper has repaid."""
    written_off_fen: int = Field(default=0, sa_column=Column(Fen, nullable=False))
    """Principal that the lender has given up."""
    written_off_charges_fen: int = Field(default=0, sa_column=Column(Fen, nullable=False))
    """Interest, fees and late interest that the lender has given up with it."""
    recovered_fen: int = Field(default=0, sa_column=Column(Fen, nullable=False))
    """What was paid after the write-off, at most what was given up."""
    credit_fen: int = Field(default=0, sa_column=Column(Fen, nullable=False))
    """Owed to the shopper: paid above what was due, until something falls due."""
    subsidy_fen: int = Field(default=0, sa_column=Column(Fen, nullable=False))
    """The merchant's subsidy taken at the drawdown."""
    subsidy_earned_fen: int = Field(default=0, sa_column=Column(Fen, nullable=False))
    subsidy_returned_fen: int = Field(default=0, sa_column=Column(Fen, nullable=False))
    subsidy_base_fen: int = Field(default=0, sa_column=Column(Fen, nullable=False))
    """What of the subsidy was unearned and not returned at the newest bill."""
    late_daily_rate: str = Field(default="0.0005", sa_column=Column(Words, nullable=False))
    late_grace_days: int = Field(default=3, sa_column=Column(Whole, nullable=False))
    early_settlement_policy: str = Field(default="pro_rata_day", sa_column=Column(Words, nullable=False))
    overdue_since: date | None = Field(default=None, sa_column=Column(Day))
    """Due date of the oldest bill that is open beyond its grace."""
    charges_waived_on: date | None = Field(default=None, sa_column=Column(Day))
    """When charges that were open were waived, because a lost dispute left no principal."""
    settlement_reference: str | None = Field(default=None, sa_column=Column(Words))
    """What the early settlement was asked for with: asking again changes nothing."""
    late_entries: int = Field(default=0, sa_column=Column(Whole, nullable=False))
    """Counts the postings of late interest, and so names them."""
    credit_entries: int = Field(default=0, sa_column=Column(Whole, nullable=False))
    """Counts the postings of what the shopper's credit paid and of what was waived, and so names them."""
    missed_through: int = Field(default=0, sa_column=Column(Whole, nullable=False))
    """Test mode: collections up to this period are played as failed."""
    ended_on: date | None = Field(default=None, sa_column=Column(Day))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class LoanInstalment(SQLModel, table=True):
    """One row of one version of a schedule; amounts in fen.

    Version 1 has all rows; a later one has those that were still to come.
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


class LoanBill(SQLModel, table=True):
    """An instalment that fell due: what is owed of it and what is paid. An early settlement is also one."""

    __tablename__ = "loan_bill"
    __table_args__ = (
        CheckConstraint(
            "principal_fen >= 0 AND interest_fen >= 0 AND fee_fen >= 0 AND late_fen >= 0", name="owed"
        ),
        CheckConstraint("paid_principal_fen BETWEEN 0 AND principal_fen", name="paid_principal"),
        CheckConstraint("paid_interest_fen BETWEEN 0 AND interest_fen", name="paid_interest"),
        CheckConstraint("paid_fee_fen BETWEEN 0 AND fee_fen", name="paid_fee"),
        CheckConstraint("paid_late_fen >= 0", name="paid_late"),
        Index("loan_bill_open", "paid_on", "due_date"),
    )

    loan_id: str = Field(sa_column=Column(Words, ForeignKey("loan.id"), primary_key=True))
    period: int = Field(sa_column=Column(Whole, primary_key=True))
    due_date: date = Field(sa_column=Column(Day, nullable=False))
    principal_fen: int = Field(sa_column=Column(Fen, nullable=False))
    interest_fen: int = Field(sa_column=Column(Fen, nullable=False))
    fee_fen: int = Field(sa_column=Column(Fen, nullable=False))
    late_fen: int = Field(default=0, sa_column=Column(Fen, nullable=False))
    """Late interest in the books so far, minus what is waived."""
    returned_fen: int = Field(default=0, sa_column=Column(Fen, nullable=False))
    """Principal that refunds took off."""
    waived_interest_fen: int = Field(default=0, sa_column=Column(Fen, nullable=False))
    waived_fee_fen: int = Field(default=0, sa_column=Column(Fen, nullable=False))
    paid_principal_fen: int = Field(default=0, sa_column=Column(Fen, nullable=False))
    paid_interest_fen: int = Field(default=0, sa_column=Column(Fen, nullable=False))
    paid_fee_fen: int = Field(default=0, sa_column=Column(Fen, nullable=False))
    paid_late_fen: int = Field(default=0, sa_column=Column(Fen, nullable=False))
    paid_on: date | None = Field(default=None, sa_column=Column(Day))
    """When nothing was left owed; none while the bill is open."""


class LoanRepayment(Keyed, table=True):
    """Money of the shopper that the institution has confirmed, and how it was booked.

    The parts are what the booking changed: a part is below 0 where money reported late moved what others had paid.
    """

    __tablename__ = "loan_repayment"
    __table_args__ = (
        UniqueConstraint("mode", "reference", name="one_repayment_per_reference"),
        CheckConstraint("amount_fen > 0", name="amount"),
        CheckConstraint(
            "amount_fen = late_interest_fen + fee_fen + interest_fen + principal_fen + credit_fen + recovered_fen",
            name="parts",
        ),
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        Index("loan_repayment_of_loan", "loan_id", "id"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    loan_id: str = Field(sa_column=Column(Words, ForeignKey("loan.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    reference: str = Field(sa_column=Column(Words, nullable=False))
    """The institution's reference: the same money is never booked twice."""
    received_on: date = Field(sa_column=Column(Day, nullable=False))
    amount_fen: int = Field(sa_column=Column(Fen, nullable=False))
    late_interest_fen: int = Field(sa_column=Column(Fen, nullable=False))
    fee_fen: int = Field(sa_column=Column(Fen, nullable=False))
    interest_fen: int = Field(sa_column=Column(Fen, nullable=False))
    principal_fen: int = Field(sa_column=Column(Fen, nullable=False))
    credit_fen: int = Field(sa_column=Column(Fen, nullable=False))
    recovered_fen: int = Field(default=0, sa_column=Column(Fen, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class PrincipalReduction(SQLModel, table=True):
    """When and by how much a refund lowered the principal of a bill."""

    __tablename__ = "loan_principal_reduction"
    __table_args__ = (
        CheckConstraint("amount_fen > 0", name="amount"),
        Index("loan_principal_reduction_of_bill", "loan_id", "period"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    loan_id: str = Field(sa_column=Column(Words, ForeignKey("loan.id"), nullable=False))
    period: int = Field(sa_column=Column(Whole, nullable=False))
    on: date = Field(sa_column=Column("reduced_on", Day, nullable=False))
    amount_fen: int = Field(sa_column=Column(Fen, nullable=False))
    waives_late: bool = Field(default=True, sa_column=Column(Flag, nullable=False))
    """Whether it counts as never lent, or as paid on this day: the kind of the refund decides."""


class CreditChange(SQLModel, table=True):
    """What was added to or taken from the shopper's credit other than by a repayment and by what falls due."""

    __tablename__ = "loan_credit_change"
    __table_args__ = (
        CheckConstraint("amount_fen <> 0", name="amount"),
        Index("loan_credit_change_of_loan", "loan_id"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    loan_id: str = Field(sa_column=Column(Words, ForeignKey("loan.id"), nullable=False))
    on: date = Field(sa_column=Column("changed_on", Day, nullable=False))
    amount_fen: int = Field(sa_column=Column(Fen, nullable=False))
    """Above 0 what is owed to the shopper since then, below 0 what was paid back."""
    about: str = Field(sa_column=Column(Words, nullable=False))
    """The dispute or the return to the shopper that it comes from."""
