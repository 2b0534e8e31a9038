"""Tables of checkouts and of the consents given in them."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, UniqueConstraint, text
from sqlmodel import Field

from gateway.db.models import Keyed
from gateway.db.types import Bytes, Document, Fen, UtcTime, Whole, Words

LIVE = ("open", "identified", "deciding", "under_review", "approved")
IS_LIVE = f"status IN {LIVE}"
"""Checkouts of which an order has at most one. A query that says it in these words finds it by the index."""
IS_UNDECIDED = "status IN ('open', 'identified', 'deciding', 'under_review')"
"""Checkouts on their way. A query that says it in these words finds them by the index."""


class Checkout(Keyed, table=True):
    """A shop's order on its way to a plan. Immutable but for its progress: its disclosure binds it."""

    __tablename__ = "checkout"
    __table_args__ = (
        CheckConstraint(
            "status IN ('open', 'identified', 'deciding', 'under_review', 'approved', 'declined', 'expired',"
            " 'canceled')",
            name="status",
        ),
        CheckConstraint("amount_fen BETWEEN 1 AND 10000000", name="amount"),
        CheckConstraint("(status = 'approved') = (payment_id IS NOT NULL)", name="approved_has_payment"),
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        Index("checkout_of_tenant", "merchant_id", "mode", "id"),
        Index(
            "one_live_checkout_per_reference",
            "merchant_id",
            "mode",
            "merchant_reference",
            unique=True,
            sqlite_where=text(IS_LIVE),
            postgresql_where=text(IS_LIVE),
        ),
        Index("checkout_of_order", "merchant_id", "mode", "merchant_reference", "id"),
        Index(
            "checkout_with_store",
            "merchant_id",
            "mode",
            "store",
            "id",
            sqlite_where=text("store IS NOT NULL"),
            postgresql_where=text("store IS NOT NULL"),
        ),
        Index("checkout_of_shopper", "shopper_id"),
        Index(
            "checkout_undecided",
            "status",
            "expires_at",
            sqlite_where=text(IS_UNDECIDED),
            postgresql_where=text(IS_UNDECIDED),
        ),
        Index(
            "checkout_in_review",
            "review_due_at",
            "id",
            sqlite_where=text("status = 'under_review'"),
            postgresql_where=text("status = 'under_review'"),
        ),
        Index("checkout_that_reopens", "reopens"),
        Index(
            "checkout_undecided_of_tenant",
            "merchant_id",
            "mode",
            "status",
            "expires_at",
            sqlite_where=text(IS_UNDECIDED),
            postgresql_where=text(IS_UNDECIDED),
        ),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    status: str = Field(sa_column=Column(Words, nullable=False))
    merchant_reference: str = Field(sa_column=Column(Words, nullable=False))
    request_sha256: str = Field(sa_column=Column(Words, nullable=False))
    amount_fen: int = Field(sa_column=Column(Fen, nullable=False))
    """What the shopper pays for the order: the down payment and what is financed."""
    down_payment_fen: int = Field(default=0, sa_column=Column(Fen, nullable=False, server_default="0"))
    government_subsidy: dict[str, Any] | None = Field(default=None, sa_column=Column(Document))
    """``{"programme", "amount"}``, the amount in fen; not part of ``amount_fen``."""
    merchant_discount_fen: int = Field(sa_column=Column(Fen, nullable=False))
    category: str = Field(sa_column=Column(Words, nullable=False))
    items: list[dict[str, Any]] = Field(sa_column=Column(Document, nullable=False))
    terms: list[int] | None = Field(default=None, sa_column=Column(Document))
    return_url: str = Field(sa_column=Column(Words, nullable=False))
    cancel_url: str = Field(sa_column=Column(Words, nullable=False))
    store: str | None = Field(default=None, sa_column=Column(Words))
    """Which of the merchant's stores sells, in the merchant's words."""
    locale: str | None = Field(default=None, sa_column=Column(Words))
    """The language in which the shop speaks to the shopper, as it says: the pages begin in it and lead back in it."""
    extra: dict[str, str] = Field(sa_column=Column("metadata", Document, nullable=False))
    plans: list[dict[str, Any]] = Field(sa_column=Column(Document, nullable=False))
    """The plans offered when the checkout was made, or recomputed on the day the shopper chooses."""
    prices: dict[str, dict[str, Any]] | None = Field(default=None, sa_column=Column(Document))
    """The catalogue's price behind each plan, by term; not for the shopper. None before revision 0004."""
    unavailable: list[dict[str, Any]] = Field(sa_column=Column(Document, nullable=False))
    term: int | None = Field(default=None, sa_column=Column(Whole))
    """The chosen term; until somebody is identified, the one that was chosen in the shop."""
    shopper_id: str | None = Field(default=None, sa_column=Column(Words, ForeignKey("shopper.id")))
    opened_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    identified_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    disclosed_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    """When the cost disclosure of the chosen plan was first shown."""
    confirmed_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    confirmed_quote_hash: str | None = Field(default=None, sa_column=Column(Words))
    payment_id: str | None = Field(default=None, sa_column=Column(Words))
    cancel_reason: str | None = Field(default=None, sa_column=Column(Words))
    """Who ended it: ``merchant``, ``shopper``, or ``pay_in_full`` for a shopper who pays the shop without a loan."""
    decline_code: str | None = Field(default=None, sa_column=Column(Words))
    decline_reasons: list[dict[str, str]] = Field(
        default_factory=list, sa_column=Column(Document, nullable=False)
    )
    """For the shopper's eyes only; the merchant sees the code."""
    expires_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    review_due_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    """When the shopper was promised an answer from a person."""
    reopens: str | None = Field(default=None, sa_column=Column(Words))
    """The declined checkout of the same order that a person found, on the shopper's request, worth a new offer."""
    counter_offer: dict[str, int] | None = Field(default=None, sa_column=Column(Document))
    """Of a decline for the amount alone: ``{"term", "down_payment"}`` (fen), the smallest change that is approved."""
    counter_offer_of: str | None = Field(default=None, sa_column=Column(Words))
    """The declined checkout of the same order whose counter-offer this is."""
    address_lookup: str | None = Field(default=None, sa_column=Column(Words))
    """Keyed hash of the secret in the checkout's address; none before revision 0025."""
    address_sealed: bytes | None = Field(default=None, sa_column=Column(Bytes))
    """The secret, sealed, for as long as the creating call can be repeated."""
    address_grace_ends: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    """Until when an address from before revision 0025 opens the first page."""
    phone_lookup: str | None = Field(default=None, sa_column=Column(Words))
    """Keyed hash of the phone that got the shopper's code: another device goes on by a code to the same phone."""
    language: str | None = Field(default=None, sa_column=Column(Words))
    """In which the shopper confirmed it, and is written to; none where no page was shown."""
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))

    @property
    def financed_fen(self) -> int:
        """What is lent, in fen: the amount less the down payment."""
        return self.amount_fen - self.down_payment_fen


class Consent(Keyed, table=True):
    """One consent of one shopper to one text, given in a checkout. Never changed (triggers): a withdrawal is a row."""

    __tablename__ = "consent"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('credit_service', 'bureau_query', 'funder_sharing', 'marketing', 'disclosure')",
            name="kind",
        ),
        Index("consent_of_checkout", "checkout_id", "kind", "given_at", unique=True),
        Index("consent_of_shopper", "shopper_id"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    checkout_id: str = Field(sa_column=Column(Words, ForeignKey("checkout.id"), nullable=False))
    shopper_id: str = Field(sa_column=Column(Words, ForeignKey("shopper.id"), nullable=False))
    kind: str = Field(sa_column=Column(Words, nullable=False))
    version: str = Field(sa_column=Column(Words, nullable=False))
    text_sha256: str = Field(sa_column=Column(Words, nullable=False))
    """Hash of what was agreed to: the agreement's text, or the quote for the disclosure."""
    channel: str = Field(sa_column=Column(Words, nullable=False))
    given_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class ConsentWithdrawal(Keyed, table=True):
    """A consent is taken back, from now on. Never changed, like the consent itself."""

    __tablename__ = "consent_withdrawal"
    __table_args__ = (
        UniqueConstraint("consent_id", name="one_withdrawal_per_consent"),
        Index("consent_withdrawal_of_shopper", "shopper_id"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    consent_id: str = Field(sa_column=Column(Words, ForeignKey("consent.id"), nullable=False))
    shopper_id: str = Field(sa_column=Column(Words, ForeignKey("shopper.id"), nullable=False))
    channel: str = Field(sa_column=Column(Words, nullable=False))
    withdrawn_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
