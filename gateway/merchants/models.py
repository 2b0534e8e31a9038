"""Tables of merchants, of the keys their web pages carry, and of their test clocks."""

import json
from datetime import datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, Column, ForeignKey, UniqueConstraint
from sqlmodel import Field, SQLModel

from gateway.core.scopes import MERCHANT_SCOPES
from gateway.db.models import Keyed
from gateway.db.types import Document, UtcTime, Whole, Words


class Merchant(SQLModel, table=True):
    """A seller. One row serves both modes; what belongs to a mode names it."""

    __tablename__ = "merchant"
    __kept__: ClassVar[bool] = True
    __table_args__ = (
        CheckConstraint(
            "category IN ('3c', 'furnishing', 'education', 'appliance', 'general')", name="category"
        ),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    name: str = Field(sa_column=Column(Words, nullable=False))
    name_en: str = Field(sa_column=Column(Words, nullable=False))
    category: str = Field(sa_column=Column(Words, nullable=False))
    allowed_origins: list[str] = Field(default_factory=list, sa_column=Column(Document, nullable=False))
    """Always empty, and never changes: ``frame_origins`` names the mode as well."""
    payout_account: str | None = Field(default=None, sa_column=Column(Words))
    """Where payouts go as long as the merchant has named no payout account: what older releases have set."""
    reserve_rate: str | None = Field(default=None, sa_column=Column(Words))
    """Part of each batch's captures that is held back by agreement, as decimal text; none where there is no reserve."""
    reserve_days: int | None = Field(default=None, sa_column=Column(Whole))
    """After how many days what was held back is released."""
    acknowledge_days: int | None = Field(default=None, sa_column=Column(Whole))
    """After how many days a payment is voided whose order the shop has not acknowledged; 7 unless agreed otherwise."""
    delivery_hold_days: int | None = Field(default=None, sa_column=Column(Whole))
    """For how many days a capture waits for its delivery report; none where it does not wait."""
    max_down_payment_percent: int | None = Field(default=None, sa_column=Column(Whole))
    """Most that a counter-offer may ask the shopper to pay to the shop at once, of the order; none unless agreed."""
    scopes: list[str] = Field(
        sa_column=Column(
            Document, nullable=False, server_default=json.dumps(MERCHANT_SCOPES, separators=(",", ":"))
        )
    )
    """What the merchant has agreed to use: no token of its servers or its people has more."""
    frame_origins: dict[str, list[str]] | None = Field(default=None, sa_column=Column(Document))
    """By mode, origins of the merchant's pages that may show its checkouts inside themselves."""
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class PublishableKey(Keyed, table=True):
    """A key that a shop's page shows to everybody: good for quotes only."""

    __tablename__ = "publishable_key"
    __table_args__ = (
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        CheckConstraint("key LIKE 'pk_' || mode || '_%'", name="key_names_mode"),
        UniqueConstraint("merchant_id", "mode", name="one_key_per_mode"),
    )

    key: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class TestClock(SQLModel, table=True):
    """A merchant's own business time in test mode: the machine's plus an offset that only grows."""

    __test__ = False  # no test, though its name begins like one
    __tablename__ = "test_clock"
    __table_args__ = (
        UniqueConstraint("merchant_id", name="one_test_clock_per_merchant"),
        CheckConstraint("mode = 'test'", name="mode"),
        CheckConstraint("status IN ('ready', 'advancing')", name="status"),
        CheckConstraint("offset_seconds >= 0", name="forward"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    name: str = Field(sa_column=Column(Words, nullable=False))
    status: str = Field(sa_column=Column(Words, nullable=False))
    offset_seconds: int = Field(sa_column=Column(Whole, nullable=False))
    advance_to: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    """Where it is going while it advances."""
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
