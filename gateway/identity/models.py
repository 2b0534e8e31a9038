"""Tables of shoppers and of one-time codes. Personal data is sealed; look-ups go through keyed hashes."""

from datetime import date, datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from gateway.db.types import Bytes, Day, UtcTime, Whole, Words


class Shopper(SQLModel, table=True):
    """A person who borrows: one row per ID number and mode.

    An applicant with an ID number on file under another name or phone gets a separate row, a claim, until it is
    known whose number it is; its ``id_number_lookup`` is a word that finds nobody (see ``claims``).
    """

    __tablename__ = "shopper"
    __kept__: ClassVar[bool] = True
    __table_args__ = (
        UniqueConstraint("mode", "id_number_lookup", name="one_shopper_per_id_number"),
        Index("shopper_of_phone", "mode", "phone_lookup", "id"),
        Index("shopper_to_keep", "keep_until", "id"),
        Index(
            "shopper_that_claims",
            "claims_number_of",
            "phone_lookup",
            sqlite_where=text("claims_number_of IS NOT NULL"),
            postgresql_where=text("claims_number_of IS NOT NULL"),
        ),
        Index("shopper_found_to_be", "found_to_be"),
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    id_number_lookup: str = Field(sa_column=Column(Words, nullable=False))
    phone_lookup: str = Field(sa_column=Column(Words, nullable=False))
    name_sealed: bytes = Field(sa_column=Column(Bytes, nullable=False))
    id_number_sealed: bytes = Field(sa_column=Column(Bytes, nullable=False))
    phone_sealed: bytes = Field(sa_column=Column(Bytes, nullable=False))
    """Sealed with the person's own data key; empty once the person is erased."""
    keep_until: date | None = Field(default=None, sa_column=Column(Day))
    """Day (Shanghai) on which it is looked at again whether the data may still be kept; none once erased."""
    erased_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    claims_number_of: str | None = Field(default=None, sa_column=Column(Words, ForeignKey("shopper.id")))
    """The person on file with the ID number that this row claims; none for its holder."""
    found_to_be: str | None = Field(default=None, sa_column=Column(Words, ForeignKey("shopper.id")))
    """The person on file that a claim was found to be; nothing that names anybody is left in the claim then."""
    verified_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    verified_by: str | None = Field(default=None, sa_column=Column(Words))
    """The request whose real-name check matched name, ID number and phone, or the person who reviewed them."""
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class FormerParticulars(SQLModel, table=True):
    """Name and phone that a person had on file until others were verified; sealed with the person's own data key."""

    __tablename__ = "former_particulars"
    __table_args__ = (Index("former_particulars_of_shopper", "shopper_id", "id"),)

    id: str = Field(sa_column=Column(Words, primary_key=True))
    shopper_id: str = Field(sa_column=Column(Words, ForeignKey("shopper.id"), nullable=False))
    name_sealed: bytes = Field(sa_column=Column(Bytes, nullable=False))
    phone_sealed: bytes = Field(sa_column=Column(Bytes, nullable=False))
    held_until: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    ended_by: str = Field(sa_column=Column(Words, nullable=False))
    """The request whose real-name check matched the new ones, or the person who reviewed them."""


class ErasureRequest(SQLModel, table=True):
    """A person's wish to be forgotten: carried out, or frozen for a reason until a day that the person is told."""

    __tablename__ = "erasure_request"
    __table_args__ = (
        CheckConstraint("status IN ('frozen', 'erased', 'withdrawn')", name="status"),
        CheckConstraint("(status = 'frozen') = (decided_at IS NULL)", name="decided"),
        Index("erasure_request_of_shopper", "shopper_id", "id"),
        Index(
            "one_frozen_request",
            "shopper_id",
            unique=True,
            sqlite_where=text("status = 'frozen'"),
            postgresql_where=text("status = 'frozen'"),
        ),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    shopper_id: str = Field(sa_column=Column(Words, ForeignKey("shopper.id"), nullable=False))
    status: str = Field(sa_column=Column(Words, nullable=False))
    reason: str | None = Field(default=None, sa_column=Column(Words))
    """Why it is frozen: the code of the obstacle that lasts longest."""
    until: date | None = Field(default=None, sa_column=Column("frozen_until", Day))
    requested_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    decided_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))


class CodeCount(SQLModel, table=True):
    """How often codes were sent to a phone, or guessed for a phone or an ID number, since a moment; neither is kept."""

    __tablename__ = "code_count"
    __table_args__ = (
        CheckConstraint("times > 0", name="times"),
        CheckConstraint("length(id) = 64", name="id_is_sha256"),
        Index("code_count_age", "since"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    """Keyed hash of mode, what is counted, and for whom."""
    times: int = Field(sa_column=Column(Whole, nullable=False))
    since: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    last_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class OneTimeCode(SQLModel, table=True):
    """A code sent to a phone, for one checkout or login; only its keyed hash is kept once it was sent."""

    __tablename__ = "one_time_code"
    __table_args__ = (
        CheckConstraint("attempts >= 0", name="attempts"),
        Index("one_time_code_expiry", "expires_at"),
    )

    subject_id: str = Field(sa_column=Column(Words, primary_key=True))
    """The checkout the code was sent for; a new code replaces the old."""
    phone_lookup: str = Field(sa_column=Column(Words, nullable=False))
    code_lookup: str = Field(sa_column=Column(Words, nullable=False))
    attempts: int = Field(sa_column=Column(Whole, nullable=False))
    sent: int = Field(sa_column=Column(Whole, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    reference: str | None = Field(default=None, sa_column=Column(Words))
    """Of the message, for the provider: a repeated one with it is the same message."""
    message_sealed: bytes | None = Field(default=None, sa_column=Column(Bytes))
    """Phone and code, sealed for as long as they wait to be sent."""


class ShopperSession(SQLModel, table=True):
    """A browser in which a shopper has proved a phone: it opens the shopper's own pages until it ends."""

    __tablename__ = "shopper_session"
    __table_args__ = (
        CheckConstraint("length(secret_lookup) = 64", name="secret_is_sha256"),
        Index("shopper_session_of_shopper", "shopper_id", "id"),
        Index("shopper_session_expiry", "expires_at"),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    shopper_id: str = Field(sa_column=Column(Words, ForeignKey("shopper.id"), nullable=False))
    secret_lookup: str = Field(sa_column=Column(Words, nullable=False))
    """Keyed hash of the browser's secret and of the phone: another phone on file ends the session."""
    device: str = Field(sa_column=Column(Words, nullable=False))
    """What the browser calls itself, shortened."""
    began_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    last_seen_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    proved_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    """When a fresh code and the ID number were last shown in it, as what cannot be undone asks for."""
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
