"""Tables of payments: captures, refunds, disputes, and what the institution is told to collect and to return.

Amounts in fen.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from gateway.db.models import Keyed
from gateway.db.types import Document, Fen, UtcTime, Whole, Words
from gateway.payments.disputes import models as disputes
from gateway.payments.methods import models as methods
from gateway.payments.milestones import models as milestones

__all__ = ["disputes", "methods", "milestones"]

IS_CAPTURABLE = "amount_fen > captured_fen + voided_fen + expired_fen"
"""Something of the authorisation is left. A query that says it in these words finds such payments by the index; with
the sides changed, SQLite would not know the condition again."""
STATUS = (
    "CASE WHEN amount_fen > captured_fen + voided_fen + expired_fen"
    " THEN CASE WHEN captured_fen = 0 THEN 'authorized' ELSE 'partially_captured' END"
    " WHEN captured_fen = 0 THEN CASE WHEN expired_fen > 0 THEN 'expired' ELSE 'voided' END"
    " WHEN refunded_fen = 0 THEN 'captured'"
    " WHEN refunded_fen < captured_fen THEN 'partially_refunded' ELSE 'refunded' END"
)
"""What ``core.payment_status`` says, in SQL and in the words of an index."""


HAS_ORDER = "merchant_order_id IS NOT NULL"


class Payment(SQLModel, table=True):
    """What an approved checkout became. Its status is a pure function of its amounts (``core.payment_status``)."""

    __tablename__ = "payment"
    __table_args__ = (
        UniqueConstraint("checkout_id", name="one_payment_per_checkout"),
        UniqueConstraint("merchant_id", "mode", "merchant_reference", name="one_payment_per_reference"),
        CheckConstraint("amount_fen > 0", name="amount"),
        CheckConstraint("captured_fen >= 0 AND voided_fen >= 0 AND expired_fen >= 0", name="parts"),
        CheckConstraint("captured_fen + voided_fen + expired_fen <= amount_fen", name="capturable"),
        CheckConstraint("refunded_fen BETWEEN 0 AND captured_fen", name="refunded"),
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        Index("payment_of_tenant", "merchant_id", "mode", "id"),
        Index(
            "payment_with_store",
            "merchant_id",
            "mode",
            "store",
            "id",
            sqlite_where=text("store IS NOT NULL"),
            postgresql_where=text("store IS NOT NULL"),
        ),
        Index("payment_of_shopper", "shopper_id"),
        Index("payment_by_status", "merchant_id", "mode", text(f"({STATUS})"), "id"),
        Index("payment_by_day", "merchant_id", "mode", "created_at", "id"),
        Index("payment_by_amount", "merchant_id", "mode", "amount_fen", "id"),
        Index(
            "payment_by_order",
            "merchant_id",
            "mode",
            "merchant_order_id",
            sqlite_where=text(HAS_ORDER),
            postgresql_where=text(HAS_ORDER),
        ),
        Index(
            "payment_due",
            "next_moment_at",
            "merchant_id",
            "mode",
            sqlite_where=text(IS_CAPTURABLE),
            postgresql_where=text(IS_CAPTURABLE),
        ),
        Index(
            "payment_due_of_tenant",
            "merchant_id",
            "mode",
            "next_moment_at",
            sqlite_where=text(IS_CAPTURABLE),
            postgresql_where=text(IS_CAPTURABLE),
        ),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    checkout_id: str = Field(sa_column=Column(Words, nullable=False))
    shopper_id: str = Field(sa_column=Column(Words, ForeignKey("shopper.id"), nullable=False))
    merchant_reference: str = Field(sa_column=Column(Words, nullable=False))
    funder: str = Field(sa_column=Column(Words, nullable=False))
    amount_fen: int = Field(sa_column=Column(Fen, nullable=False))
    captured_fen: int = Field(sa_column=Column(Fen, nullable=False))
    voided_fen: int = Field(sa_column=Column(Fen, nullable=False))
    expired_fen: int = Field(sa_column=Column(Fen, nullable=False))
    refunded_fen: int = Field(sa_column=Column(Fen, nullable=False))
    planned_fen: int = Field(default=0, sa_column=Column(Fen, nullable=False, server_default="0"))
    """The part of what can still be captured that milestones stage."""
    term: int = Field(sa_column=Column(Whole, nullable=False))
    plan: dict[str, Any] = Field(sa_column=Column(Document, nullable=False))
    """The plan as disclosed and confirmed."""
    price: dict[str, Any] = Field(sa_column=Column(Document, nullable=False))
    """The catalogue line behind the plan, for the schedules of captures and refunds."""
    extra: dict[str, str] = Field(sa_column=Column("metadata", Document, nullable=False))
    government_subsidy: dict[str, Any] | None = Field(default=None, sa_column=Column(Document))
    """``{"programme", "amount"}`` that the merchant advanced, the amount in fen; not part of ``amount_fen``."""
    store: str | None = Field(default=None, sa_column=Column(Words))
    """Which of the merchant's stores sold, as its checkout says."""
    merchant_order_id: str | None = Field(default=None, sa_column=Column(Words))
    acknowledged_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    expires_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    """When the authorisation lapses unless it is extended."""
    extended_to: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    """When it lapses instead: the merchant may extend it once."""
    acknowledge_by: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    """When the authorisation is voided unless the shop has acknowledged its order; none before revision 0018."""
    next_moment_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    """The first of its moments that is still to come (see ``deadlines``); what was before it has been done."""
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))

    @property
    def lapses_at(self) -> datetime:
        """When the authorisation lapses."""
        return self.extended_to or self.expires_at

    @property
    def capturable_fen(self) -> int:
        """What can still be captured or voided, in fen."""
        return self.amount_fen - self.captured_fen - self.voided_fen - self.expired_fen


class Capture(SQLModel, table=True):
    """One capture; it drew one loan."""

    __tablename__ = "capture"
    __table_args__ = (
        CheckConstraint("amount_fen > 0", name="amount"),
        CheckConstraint("refunded_fen BETWEEN 0 AND amount_fen", name="refunded"),
        CheckConstraint("merchant_fee_fen >= 0 AND merchant_subsidy_fen >= 0", name="charges"),
        CheckConstraint("refunded_with_fee_fen BETWEEN 0 AND amount_fen", name="refunded_with_fee"),
        CheckConstraint("goods_returned_fen BETWEEN 0 AND amount_fen", name="goods_returned"),
        Index("capture_of_payment", "payment_id", "id"),
        Index("capture_of_loan", "loan_id", unique=True),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    payment_id: str = Field(sa_column=Column(Words, ForeignKey("payment.id"), nullable=False))
    amount_fen: int = Field(sa_column=Column(Fen, nullable=False))
    refunded_fen: int = Field(sa_column=Column(Fen, nullable=False))
    merchant_fee_fen: int = Field(sa_column=Column(Fen, nullable=False))
    """Merchant fee including VAT."""
    refunded_with_fee_fen: int = Field(default=0, sa_column=Column(Fen, nullable=False))
    """The part of what was refunded with which the merchant's fee came back."""
    goods_returned_fen: int = Field(default=0, sa_column=Column(Fen, nullable=False))
    """The part of what was refunded because goods came back."""
    staged_fen: int = Field(default=0, sa_column=Column(Fen, nullable=False, server_default="0"))
    """The part of it that waits for its stages."""
    vat_fen: int = Field(sa_column=Column(Fen, nullable=False))
    merchant_subsidy_fen: int = Field(sa_column=Column(Fen, nullable=False))
    loan_id: str = Field(sa_column=Column(Words, ForeignKey("loan.id"), nullable=False))
    delivery: dict[str, Any] | None = Field(default=None, sa_column=Column(Document))
    """``{"carrier", "tracking_number", "delivered_at"}`` as reported, the time in RFC 3339."""
    captured_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class CapturedSerial(Keyed, table=True):
    """A serial number that left the shop: the same one never leaves twice."""

    __tablename__ = "captured_serial"
    __table_args__ = (Index("captured_serial_of_capture", "capture_id"),)

    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), primary_key=True))
    mode: str = Field(sa_column=Column(Words, primary_key=True))
    serial_number: str = Field(sa_column=Column(Words, primary_key=True))
    capture_id: str = Field(sa_column=Column(Words, ForeignKey("capture.id"), nullable=False))


class PaymentLine(Keyed, table=True):
    """One line of the order behind a payment, and its share of the payment's amount. Never changed (trigger)."""

    __tablename__ = "payment_line"
    __table_args__ = (
        CheckConstraint("line > 0 AND ordered > 0", name="ordered"),
        CheckConstraint("amount_fen >= 0 AND subsidy_fen >= 0", name="amounts"),
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
    )

    payment_id: str = Field(sa_column=Column(Words, ForeignKey("payment.id"), primary_key=True))
    line: int = Field(sa_column=Column(Whole, primary_key=True, autoincrement=False))
    """Its place in the order, from 1."""
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    name: str = Field(sa_column=Column(Words, nullable=False))
    category: str = Field(sa_column=Column(Words, nullable=False))
    subsidy_category: str | None = Field(default=None, sa_column=Column(Words))
    ordered: int = Field(sa_column=Column(Whole, nullable=False))
    """Pieces."""
    amount_fen: int = Field(sa_column=Column(Fen, nullable=False))
    """What of the financed amount all its pieces are worth (``core.order_lines``)."""
    subsidy_fen: int = Field(sa_column=Column(Fen, nullable=False))
    """The part of the order's government subsidy that was claimed for it."""


class CapturedLine(SQLModel, table=True):
    """Pieces of a line that left with a capture, and how many of them came back."""

    __tablename__ = "captured_line"
    __table_args__ = (
        ForeignKeyConstraint(["payment_id", "line"], ["payment_line.payment_id", "payment_line.line"]),
        CheckConstraint("quantity > 0 AND amount_fen >= 0", name="quantity"),
        CheckConstraint("returned BETWEEN 0 AND quantity", name="returned"),
        CheckConstraint("returned_fen BETWEEN 0 AND amount_fen", name="returned_fen"),
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        Index("captured_line_of_payment", "payment_id", "line"),
    )

    capture_id: str = Field(sa_column=Column(Words, ForeignKey("capture.id"), primary_key=True))
    line: int = Field(sa_column=Column(Whole, primary_key=True, autoincrement=False))
    payment_id: str = Field(sa_column=Column(Words, ForeignKey("payment.id"), nullable=False))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    quantity: int = Field(sa_column=Column(Whole, nullable=False))
    amount_fen: int = Field(sa_column=Column(Fen, nullable=False))
    """What the pieces were captured for."""
    returned: int = Field(sa_column=Column(Whole, nullable=False))
    returned_fen: int = Field(sa_column=Column(Fen, nullable=False))
    """What of ``amount_fen`` belongs to the pieces that came back."""


class Refund(SQLModel, table=True):
    """Money the merchant gives back; it lowers the loan first."""

    __tablename__ = "refund"
    __table_args__ = (
        UniqueConstraint("payment_id", "refund_reference", name="one_refund_per_reference"),
        CheckConstraint("amount_fen > 0", name="amount"),
        CheckConstraint("status IN ('pending', 'succeeded', 'failed')", name="status"),
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        Index("refund_of_tenant", "merchant_id", "mode", "id"),
        Index("refund_of_payment", "merchant_id", "mode", "payment_id", "id"),
        Index("refund_by_reference", "merchant_id", "mode", "refund_reference", "id"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    payment_id: str = Field(sa_column=Column(Words, ForeignKey("payment.id"), nullable=False))
    capture_id: str | None = Field(default=None, sa_column=Column(Words))
    refund_reference: str = Field(sa_column=Column(Words, nullable=False))
    """The merchant's own reference, or the refund's id when none was given."""
    kind: str = Field(sa_column=Column(Words, nullable=False))
    reason: str = Field(sa_column=Column(Words, nullable=False))
    amount_fen: int = Field(sa_column=Column(Fen, nullable=False))
    loan_reduction_fen: int = Field(sa_column=Column(Fen, nullable=False))
    to_shopper_fen: int = Field(sa_column=Column(Fen, nullable=False))
    merchant_fee_returned_fen: int = Field(sa_column=Column(Fen, nullable=False))
    merchant_subsidy_returned_fen: int = Field(sa_column=Column(Fen, nullable=False))
    status: str = Field(sa_column=Column(Words, nullable=False))
    initiated_by: str = Field(sa_column=Column(Words, nullable=False))
    items: list[dict[str, int]] | None = Field(default=None, sa_column=Column(Document))
    """Pieces that came back, ``{"line", "quantity"}`` each; None for refunds of older releases."""
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class Collection(Keyed, table=True):
    """An instruction to collect one bill from the shopper: a claim of nobody until the institution confirms it."""

    __tablename__ = "collection"
    __table_args__ = (
        UniqueConstraint("loan_id", "period", "attempt", name="one_collection_per_attempt"),
        Index("collection_reference", "reference", unique=True),
        CheckConstraint("amount_fen > 0", name="amount"),
        CheckConstraint("status IN ('pending', 'succeeded', 'failed', 'canceled')", name="status"),
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    loan_id: str = Field(sa_column=Column(Words, ForeignKey("loan.id"), nullable=False))
    period: int = Field(sa_column=Column(Whole, nullable=False))
    attempt: int = Field(sa_column=Column(Whole, nullable=False))
    reference: str | None = Field(default=None, sa_column=Column(Words))
    """What the institution knows it by (``core.references``); none where an older release instructed under the id."""
    amount_fen: int = Field(sa_column=Column(Fen, nullable=False))
    status: str = Field(sa_column=Column(Words, nullable=False))
    failure: str | None = Field(default=None, sa_column=Column(Words))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    decided_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    method_id: str | None = Field(default=None, sa_column=Column(Words, ForeignKey("repayment_method.id")))
    """What it is collected from, since just before the first sending; none where the person had given nothing here."""


class ShopperReturn(SQLModel, table=True):
    """An instruction to pay a shopper back: what a refund leaves beyond the debt, or what is owed of a loan."""

    __tablename__ = "shopper_return"
    __table_args__ = (
        CheckConstraint("amount_fen > 0", name="amount"),
        CheckConstraint("status IN ('pending', 'succeeded', 'failed')", name="status"),
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        Index("shopper_return_of_loan", "loan_id"),
        Index("shopper_return_reference", "reference", unique=True),
        Index("shopper_return_of_refund", "refund_id"),
        Index("shopper_return_of_shopper", "shopper_id"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    shopper_id: str = Field(sa_column=Column(Words, ForeignKey("shopper.id"), nullable=False))
    loan_id: str = Field(sa_column=Column(Words, ForeignKey("loan.id"), nullable=False))
    refund_id: str | None = Field(default=None, sa_column=Column(Words, ForeignKey("refund.id")))
    """The refund that waits for it, if there is one."""
    reference: str | None = Field(default=None, sa_column=Column(Words))
    """What the institution knows it by (``core.references``); none where an older release instructed under the id."""
    amount_fen: int = Field(sa_column=Column(Fen, nullable=False))
    status: str = Field(sa_column=Column(Words, nullable=False))
    failure: str | None = Field(default=None, sa_column=Column(Words))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    decided_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))


class Dispute(SQLModel, table=True):
    """A shopper contests a capture; its amount is set aside until somebody has decided."""

    __tablename__ = "dispute"
    __table_args__ = (
        CheckConstraint("amount_fen > 0", name="amount"),
        CheckConstraint(
            "status IN ('needs_response', 'under_review', 'won', 'lost', 'accepted', 'canceled')",
            name="status",
        ),
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        Index("dispute_of_tenant", "merchant_id", "mode", "id"),
        Index("dispute_of_capture", "capture_id"),
        Index("dispute_of_payment", "payment_id"),
        Index("dispute_listed", "merchant_id", "mode", "payment_id", "id"),
        Index("dispute_to_answer", "status", "respond_by"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    payment_id: str = Field(sa_column=Column(Words, ForeignKey("payment.id"), nullable=False))
    capture_id: str = Field(sa_column=Column(Words, ForeignKey("capture.id"), nullable=False))
    amount_fen: int = Field(sa_column=Column(Fen, nullable=False))
    reason: str = Field(sa_column=Column(Words, nullable=False))
    status: str = Field(sa_column=Column(Words, nullable=False))
    evidence: str | None = Field(default=None, sa_column=Column(Words))
    """What the merchant answered."""
    respond_by: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    decided_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))


class SubsidyClaim(Keyed, table=True):
    """A trade-in subsidy that the merchant has advanced with a capture, and that its programme owes."""

    __tablename__ = "subsidy_claim"
    __table_args__ = (
        UniqueConstraint("capture_id", name="one_subsidy_claim_per_capture"),
        CheckConstraint("amount_fen > 0", name="amount"),
        CheckConstraint("returned_fen BETWEEN 0 AND amount_fen", name="returned"),
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        Index("subsidy_claim_of_tenant", "merchant_id", "mode", "id"),
        Index("subsidy_claim_of_payment", "payment_id"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    payment_id: str = Field(sa_column=Column(Words, ForeignKey("payment.id"), nullable=False))
    capture_id: str = Field(sa_column=Column(Words, ForeignKey("capture.id"), nullable=False))
    programme: str = Field(sa_column=Column(Words, nullable=False))
    amount_fen: int = Field(sa_column=Column(Fen, nullable=False))
    returned_fen: int = Field(sa_column=Column(Fen, nullable=False))
    paid_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    """When the programme has paid."""
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class SubsidyQuota(SQLModel, table=True):
    """One person's trade-in subsidy of one category of a programme: one row, so nobody has it twice."""

    __tablename__ = "subsidy_quota"
    __table_args__ = (
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        Index("subsidy_quota_of_payment", "payment_id"),
        Index("subsidy_quota_of_person", "person_lookup"),
    )

    mode: str = Field(sa_column=Column(Words, primary_key=True))
    programme: str = Field(sa_column=Column(Words, primary_key=True))
    category: str = Field(sa_column=Column(Words, primary_key=True))
    person_lookup: str = Field(sa_column=Column(Words, primary_key=True))
    """Keyed hash of the ID number: it stays when the person is erased, or the quota could be had again."""
    payment_id: str = Field(sa_column=Column(Words, ForeignKey("payment.id"), nullable=False))
    reserved_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    used_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    """When the goods were captured: used for good, also when they come back. Until then the quota may be freed."""
