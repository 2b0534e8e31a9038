"""Tables of settlement lines, batches, payouts and the accounts that these go to."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from gateway.db.models import Keyed
from gateway.db.types import Bytes, Day, Document, Fen, UtcTime, Whole, Words


class SettlementBatch(Keyed, table=True):
    """One merchant's settlement of one day. Amounts in fen, positive as named; ``batch.py`` has the equation."""

    __tablename__ = "settlement_batch"
    __table_args__ = (
        UniqueConstraint("merchant_id", "mode", "settled_on", name="one_batch_a_day"),
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        CheckConstraint(
            "opening_fen + captures_fen + subsidies_fen - merchant_fees_fen - merchant_subsidies_fen - refunds_fen"
            " - disputes_fen + adjustments_fen - reserve_change_fen = closing_fen + payout_fen",
            name="equation",
        ),
        CheckConstraint("payout_fen >= 0", name="payout"),
        Index("settlement_of_tenant", "merchant_id", "mode", "id"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    settled_on: date = Field(sa_column=Column(Day, nullable=False))
    opening_fen: int = Field(sa_column=Column(Fen, nullable=False))
    captures_fen: int = Field(sa_column=Column(Fen, nullable=False))
    subsidies_fen: int = Field(sa_column=Column(Fen, nullable=False))
    merchant_fees_fen: int = Field(sa_column=Column(Fen, nullable=False))
    merchant_subsidies_fen: int = Field(sa_column=Column(Fen, nullable=False))
    refunds_fen: int = Field(sa_column=Column(Fen, nullable=False))
    disputes_fen: int = Field(sa_column=Column(Fen, nullable=False))
    adjustments_fen: int = Field(sa_column=Column(Fen, nullable=False))
    reserve_change_fen: int = Field(sa_column=Column(Fen, nullable=False))
    closing_fen: int = Field(sa_column=Column(Fen, nullable=False))
    payout_fen: int = Field(sa_column=Column(Fen, nullable=False))
    payout_id: str | None = Field(default=None, sa_column=Column(Words))
    terms_id: str | None = Field(default=None, sa_column=Column(Words))
    """The terms in force; none where the merchant had the standard terms, and in batches of older releases."""
    lines_count: int | None = Field(default=None, sa_column=Column(Whole))
    lines_sha256: str | None = Field(default=None, sa_column=Column(Words))
    """Which lines it has (``batch.sha256_of``); none in batches of older releases, whose lines say it themselves."""
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class SettlementLine(Keyed, table=True):
    """One movement of what the merchant is due, on its way into a batch; ``batch.SIGNS`` says which way it goes."""

    __tablename__ = "settlement_line"
    __table_args__ = (
        UniqueConstraint("kind", "object_id", name="one_line_per_object"),
        CheckConstraint(
            "kind IN ('capture', 'refund', 'subsidy', 'subsidy_return', 'dispute', 'dispute_won', 'payout_returned',"
            " 'reserve_release', 'invoice_payment', 'stage_held', 'stage_released', 'stage_returned')",
            name="kind",
        ),
        CheckConstraint("net_fen = amount_fen - merchant_fee_fen - merchant_subsidy_fen", name="net"),
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        Index("settlement_line_ready", "merchant_id", "mode", "batch_id", "settlement_date", "id"),
        Index("settlement_line_of_batch", "batch_id", "id"),
        Index("settlement_line_of_payment", "payment_id", "kind"),
        Index("settlement_line_by_day", "merchant_id", "mode", "created_at"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    kind: str = Field(sa_column=Column(Words, nullable=False))
    object_id: str = Field(sa_column=Column(Words, nullable=False))
    """The capture, the part of a refund that falls on one capture, the dispute, the milestone, the part of a milestone
    that a refund took, the payout that came back, …"""
    payment_id: str = Field(sa_column=Column(Words, nullable=False))
    capture_id: str = Field(sa_column=Column(Words, nullable=False))
    merchant_reference: str = Field(sa_column=Column(Words, nullable=False))
    store: str | None = Field(default=None, sa_column=Column(Words))
    amount_fen: int = Field(sa_column=Column(Fen, nullable=False))
    merchant_fee_fen: int = Field(sa_column=Column(Fen, nullable=False))
    merchant_subsidy_fen: int = Field(sa_column=Column(Fen, nullable=False))
    net_fen: int = Field(sa_column=Column(Fen, nullable=False))
    from_pending_fen: int = Field(sa_column=Column(Fen, nullable=False))
    """How much of the net stands on ``merchant_pending`` until the batch closes."""
    settlement_date: date = Field(sa_column=Column(Day, nullable=False))
    batch_id: str | None = Field(default=None, sa_column=Column(Words, ForeignKey("settlement_batch.id")))
    test_failure: str | None = Field(default=None, sa_column=Column(Words))
    """Test mode: the payout of the batch with this line is played as failed, so."""
    entry_id: str = Field(sa_column=Column(Words, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class SettlementTerms(Keyed, table=True):
    """How a merchant is settled in a mode from a day on, until the first day of newer terms. Amounts in fen."""

    __tablename__ = "settlement_terms"
    __table_args__ = (
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        CheckConstraint("days IN ('banking', 'calendar')", name="days"),
        CheckConstraint(
            "t_plus >= 0 AND minimum_payout_fen >= 0 AND reserve_most_fen >= 0", name="not_negative"
        ),
        Index("settlement_terms_of_day", "merchant_id", "mode", "valid_from", "id"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    valid_from: date = Field(sa_column=Column(Day, nullable=False))
    t_plus: int = Field(sa_column=Column(Whole, nullable=False))
    """Days from the business date of a capture to its settlement."""
    days: str = Field(sa_column=Column(Words, nullable=False))
    """Which days count."""
    cutoff: str = Field(sa_column=Column(Words, nullable=False))
    """The time in Shanghai, ``HH:MM``, from which a capture belongs to the next business date."""
    minimum_payout_fen: int = Field(sa_column=Column(Fen, nullable=False))
    reserve_rate: str = Field(sa_column=Column(Words, nullable=False))
    reserve_days: int = Field(sa_column=Column(Whole, nullable=False))
    reserve_most_fen: int | None = Field(default=None, sa_column=Column(Fen))
    invoice_after_days: int | None = Field(default=None, sa_column=Column(Whole))
    """After how many days a debt is invoiced; none for never."""
    invoice_due_days: int = Field(sa_column=Column(Whole, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class SettlementTermsProposal(SQLModel, table=True):
    """Terms that one operator proposes and another confirms; what was proposed never changes."""

    __tablename__ = "settlement_terms_proposal"
    __table_args__ = (
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        CheckConstraint("status IN ('proposed', 'confirmed', 'rejected', 'withdrawn')", name="status"),
        CheckConstraint("(status = 'proposed') = (decided_at IS NULL)", name="decided"),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="by_somebody"),
        CheckConstraint("(status = 'confirmed') = (terms_id IS NOT NULL)", name="confirmed_terms"),
        CheckConstraint(
            "status IN ('proposed', 'withdrawn') OR decided_by <> proposed_by", name="two_people"
        ),
        Index("settlement_terms_proposal_of", "merchant_id", "mode", "id"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    status: str = Field(sa_column=Column(Words, nullable=False))
    valid_from: date = Field(sa_column=Column(Day, nullable=False))
    """The first day (Shanghai)."""
    changes: dict[str, Any] = Field(sa_column=Column(Document, nullable=False))
    """What is to differ from the terms of that day, by the columns of ``settlement_terms``."""
    proposed_by: str = Field(sa_column=Column(Words, ForeignKey("operator.id"), nullable=False))
    proposed_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    reason: str = Field(sa_column=Column(Words, nullable=False))
    decided_by: str | None = Field(default=None, sa_column=Column(Words, ForeignKey("operator.id")))
    decided_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    decision_reason: str | None = Field(default=None, sa_column=Column(Words))
    terms_id: str | None = Field(default=None, sa_column=Column(Words, ForeignKey("settlement_terms.id")))
    """The terms that the confirmation made."""


class MerchantInvoice(Keyed, table=True):
    """What a merchant is asked to pay of its debt (fen). What is left of it follows from its credits."""

    __tablename__ = "merchant_invoice"
    __table_args__ = (
        UniqueConstraint("merchant_id", "mode", "number", name="one_invoice_a_number"),
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        CheckConstraint("amount_fen > 0", name="amount"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    number: int = Field(sa_column=Column(Whole, nullable=False))
    """Counted from 1 for each merchant and mode."""
    amount_fen: int = Field(sa_column=Column(Fen, nullable=False))
    opened_on: date = Field(sa_column=Column(Day, nullable=False))
    due_on: date = Field(sa_column=Column(Day, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class InvoiceCredit(Keyed, table=True):
    """What has paid an invoice, in whole or in part: a settlement, or money that came from outside. Amounts in fen."""

    __tablename__ = "invoice_credit"
    __table_args__ = (
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        CheckConstraint("kind IN ('netting', 'payment')", name="kind"),
        CheckConstraint("amount_fen >= 0", name="amount"),
        CheckConstraint("(kind = 'netting') = (settlement_id IS NOT NULL)", name="netted_by"),
        CheckConstraint(
            "(kind = 'payment') = (reference IS NOT NULL) AND (kind = 'payment') = (received_fen IS NOT NULL)",
            name="paid_by",
        ),
        UniqueConstraint("merchant_id", "mode", "reference", name="one_payment_a_reference"),
        Index("invoice_credit_of_invoice", "invoice_id"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    invoice_id: str = Field(sa_column=Column(Words, ForeignKey("merchant_invoice.id"), nullable=False))
    kind: str = Field(sa_column=Column(Words, nullable=False))
    amount_fen: int = Field(sa_column=Column(Fen, nullable=False))
    """What it pays of the invoice."""
    received_fen: int | None = Field(default=None, sa_column=Column(Fen))
    """What came from outside, which may be more."""
    reference: str | None = Field(default=None, sa_column=Column(Words))
    """The bank's name of what came from outside."""
    settlement_id: str | None = Field(
        default=None, sa_column=Column(Words, ForeignKey("settlement_batch.id"))
    )
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class Payout(Keyed, table=True):
    """An instruction to the payment institution to pay a merchant; the gateway itself holds no money."""

    __tablename__ = "payout"
    __table_args__ = (
        CheckConstraint("amount_fen > 0", name="amount"),
        CheckConstraint("status IN ('pending', 'in_transit', 'paid', 'failed', 'returned')", name="status"),
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        Index("payout_of_tenant", "merchant_id", "mode", "id"),
        Index("payout_by_day", "merchant_id", "mode", "created_at"),
        Index("payout_reference", "reference", unique=True),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    settlement_id: str = Field(sa_column=Column(Words, ForeignKey("settlement_batch.id"), nullable=False))
    institution: str = Field(sa_column=Column(Words, nullable=False))
    funder: str = Field(sa_column=Column(Words, nullable=False))
    """The lender whose money is paid out."""
    reference: str | None = Field(default=None, sa_column=Column(Words))
    """What the institution knows it by (``core.references``); none where an older release instructed under the id."""
    amount_fen: int = Field(sa_column=Column(Fen, nullable=False))
    status: str = Field(sa_column=Column(Words, nullable=False))
    failure: str | None = Field(default=None, sa_column=Column(Words))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    paid_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    in_transit_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    """When the institution had accepted it without having paid yet."""
    account_id: str | None = Field(default=None, sa_column=Column(Words, ForeignKey("payout_account.id")))
    """Where it was sent, since the first sending; none where the merchant has named no account of this kind."""
    moved_fen: int | None = Field(default=None, sa_column=Column(Fen))
    """What the institution said last that it has moved under the reference, less what came back."""
    heard: list[dict[str, Any]] | None = Field(default=None, sa_column=Column(Document))
    """What the institution said at its look-ups, oldest first: the newest of them, and like answers as one."""


class PayoutAccount(Keyed, table=True):
    """An account that a merchant's payouts go to, from a moment on until the next one's."""

    __tablename__ = "payout_account"
    __table_args__ = (
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        CheckConstraint("kind IN ('bank_card', 'bank_account', 'institution_account')", name="kind"),
        CheckConstraint("effective_at >= created_at", name="effective"),
        CheckConstraint("(canceled_at IS NULL) = (canceled_by IS NULL)", name="canceled"),
        Index("payout_account_of_tenant", "merchant_id", "mode", "effective_at"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    kind: str = Field(sa_column=Column(Words, nullable=False))
    details_sealed: bytes = Field(sa_column=Column(Bytes, nullable=False))
    """Number and holder, sealed in the vault."""
    last4: str = Field(sa_column=Column(Words, nullable=False))
    bank: str | None = Field(default=None, sa_column=Column(Words))
    asked_by: str = Field(sa_column=Column(Words, nullable=False))
    """The member of the team, or who acted at the command line."""
    reason: str | None = Field(default=None, sa_column=Column(Words))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    effective_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    """From when on payouts are sent there, by the merchant's time: after the cooling-off."""
    canceled_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    canceled_by: str | None = Field(default=None, sa_column=Column(Words))
