"""Tables of shoppers and of one-time codes. Personal data is sealed; look-ups go through keyed hashes."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from gateway.db.types import Bytes, UtcTime, Whole, Words


class Shopper(SQLModel, table=True):
    """A person who borrows: one row per ID number and mode."""

    __tablename__ = "shopper"
    __table_args__ = (
        UniqueConstraint("mode", "id_number_lookup", name="one_shopper_per_id_number"),
        Index("shopper_of_phone", "mode", "phone_lookup"),
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    id_number_lookup: str = Field(sa_column=Column(Words, nullable=False))
    phone_lookup: str = Field(sa_column=Column(Words, nullable=False))
    name_sealed: bytes = Field(sa_column=Column(Bytes, nullable=False))
    id_number_sealed: bytes = Field(sa_column=Column(Bytes, nullable=False))
    phone_sealed: bytes = Field(sa_column=Column(Bytes, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class OneTimeCode(SQLModel, table=True):
    """A code sent to a phone for one checkout; only its keyed hash is kept."""

    __tablename__ = "one_time_code"
    __table_args__ = (CheckConstraint("attempts >= 0", name="attempts"),)

    subject_id: str = Field(sa_column=Column(Words, primary_key=True))
    """The checkout the code was sent for; a new code replaces the old."""
    phone_lookup: str = Field(sa_column=Column(Words, nullable=False))
    code_lookup: str = Field(sa_column=Column(Words, nullable=False))
    attempts: int = Field(sa_column=Column(Whole, nullable=False))
    sent: int = Field(sa_column=Column(Whole, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
