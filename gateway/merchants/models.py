"""Tables of merchants and of the keys their web pages carry."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, ForeignKey, UniqueConstraint
from sqlmodel import Field, SQLModel

from gateway.db.types import Document, UtcTime, Words


class Merchant(SQLModel, table=True):
    """A seller. One row serves both modes; what belongs to a mode names it."""

    __tablename__ = "merchant"
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
    """Origins of the merchant's pages, for the framed checkout."""
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class PublishableKey(SQLModel, table=True):
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
