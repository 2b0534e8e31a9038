"""Table of concluded contracts; triggers refuse every change (``db/migrations/sql/contracts.*.sql``)."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from gateway.db.types import PackedWords, UtcTime, Words


class Contract(SQLModel, table=True):
    """One signed contract. A database trigger asks for the confirmed disclosure of the same quote."""

    __tablename__ = "contract"
    __table_args__ = (
        UniqueConstraint("checkout_id", name="one_contract_per_checkout"),
        UniqueConstraint("payment_id", name="one_contract_per_payment"),
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        CheckConstraint("length(text_sha256) = 64 AND length(quote_sha256) = 64", name="hashes"),
        Index("contract_of_shopper", "shopper_id", "id"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    checkout_id: str = Field(sa_column=Column(Words, ForeignKey("checkout.id"), nullable=False))
    payment_id: str = Field(sa_column=Column(Words, ForeignKey("payment.id"), nullable=False))
    shopper_id: str = Field(sa_column=Column(Words, ForeignKey("shopper.id"), nullable=False))
    quote_sha256: str = Field(sa_column=Column(Words, nullable=False))
    """The ``quote_hash`` of the plan, which the shopper confirmed with the disclosure."""
    disclosure_consent_id: str = Field(sa_column=Column(Words, ForeignKey("consent.id"), nullable=False))
    text: str = Field(sa_column=Column(PackedWords, nullable=False))
    """The canonical text; its UTF-8 bytes are what is hashed and signed."""
    text_sha256: str = Field(sa_column=Column(Words, nullable=False))
    """Lower-case hexadecimal."""
    algorithm: str = Field(sa_column=Column(Words, nullable=False))
    key_id: str = Field(sa_column=Column(Words, nullable=False))
    signature: str = Field(sa_column=Column(Words, nullable=False))
    """Base64."""
    concluded_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
