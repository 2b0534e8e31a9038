"""Tables of messages to shoppers. Their constraints keep the rules: no message at night, at most three a day.

08:00 to 22:00 in Shanghai is 00:00 to 14:00 in UTC, where the day has the same date.
"""

from datetime import date, datetime
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

from gateway.db.types import Bytes, Day, Document, UtcTime, Whole, Words

WAITS = "status IN ('planned', 'sending')"
"""A message that has not ended. A query that says it in these words finds such rows by the index."""


def by_day(column: str, dialect: str) -> str:
    """SQL that holds when a moment is not in the night of Shanghai."""
    if dialect == "sqlite":
        return f"substr({column}, 12, 2) BETWEEN '00' AND '13'"
    return f"extract(hour FROM {column} AT TIME ZONE 'UTC') BETWEEN 0 AND 13"


def on_day(column: str, day: str, dialect: str) -> str:
    """SQL that holds when a moment by day is on a day of Shanghai."""
    if dialect == "sqlite":
        return f"{day} = substr({column}, 1, 10)"
    return f"{day} = ({column} AT TIME ZONE 'UTC')::date"


def _checks(*rules: tuple[str, str]) -> list[CheckConstraint]:
    """A check for each database; ``rules`` are the name of the check and of the column that is never at night."""
    return [
        CheckConstraint(by_day(column, dialect), name=name).ddl_if(dialect=dialect)
        for name, column in rules
        for dialect in ("sqlite", "postgresql")
    ]


class MessageSlot(SQLModel, table=True):
    """One of the three messages that a person may get on a day; whoever has it may send."""

    __tablename__ = "message_slot"
    __table_args__ = (
        CheckConstraint("number BETWEEN 1 AND 3", name="number"),
        *_checks(("taken_by_day", "taken_at")),
        *(
            CheckConstraint(on_day("taken_at", "day", dialect), name="taken_on_its_day").ddl_if(
                dialect=dialect
            )
            for dialect in ("sqlite", "postgresql")
        ),
    )

    shopper_id: str = Field(sa_column=Column(Words, ForeignKey("shopper.id"), primary_key=True))
    day: date = Field(sa_column=Column(Day, primary_key=True))
    number: int = Field(sa_column=Column(Whole, primary_key=True, autoincrement=False))
    taken_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class Message(SQLModel, table=True):
    """A message to a shopper: what it is about, when it was planned, and what became of it."""

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("mode", "kind", "about", name="one_message_about_it"),
        UniqueConstraint("shopper_id", "day", "slot", name="one_message_in_a_slot"),
        ForeignKeyConstraint(
            ["shopper_id", "day", "slot"],
            ["message_slot.shopper_id", "message_slot.day", "message_slot.number"],
            name="message_has_its_slot",
        ),
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        CheckConstraint("status IN ('planned', 'sending', 'sent', 'failed', 'dropped')", name="status"),
        CheckConstraint(
            "(left_at IS NULL) = (day IS NULL) AND (left_at IS NULL) = (slot IS NULL)", name="left_in_a_slot"
        ),
        CheckConstraint("(status IN ('sending', 'sent', 'failed')) = (left_at IS NOT NULL)", name="left"),
        *_checks(("planned_by_day", "planned_at"), ("left_by_day", "left_at")),
        *(
            CheckConstraint(on_day("left_at", "day", dialect), name="left_on_its_day").ddl_if(dialect=dialect)
            for dialect in ("sqlite", "postgresql")
        ),
        Index("message_of_shopper", "shopper_id", "id"),
        Index("message_of_tenant", "merchant_id", "mode", "id"),
        Index(
            "message_that_waits",
            "merchant_id",
            "mode",
            "planned_at",
            sqlite_where=text(WAITS),
            postgresql_where=text(WAITS),
        ),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    shopper_id: str = Field(sa_column=Column(Words, ForeignKey("shopper.id"), nullable=False))
    """The debtor, whose phone it goes to; no number is kept here."""
    kind: str = Field(sa_column=Column(Words, nullable=False))
    about: str = Field(sa_column=Column(Words, nullable=False))
    """With the kind what it is about: the same thing is told once."""
    facts: dict[str, Any] = Field(sa_column=Column(Document, nullable=False))
    """What its words are made of: identifiers, amounts (fen) and days; nothing that names a person."""
    status: str = Field(sa_column=Column(Words, nullable=False))
    why: str | None = Field(default=None, sa_column=Column(Words))
    """Why it was dropped or failed."""
    planned_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    useful_until: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    """From then on it is pointless and is dropped."""
    left_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    """When it was last handed to the provider, in the merchant's time."""
    day: date | None = Field(default=None, sa_column=Column(Day))
    slot: int | None = Field(default=None, sa_column=Column(Whole))
    """Which of the person's three messages of that day it is."""
    text_sealed: bytes | None = Field(default=None, sa_column=Column(Bytes))
    """What it says, sealed with the person's data key; the same for every attempt."""
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class MessageProgress(SQLModel, table=True):
    """How far it has been looked for what a merchant's shoppers are to be told."""

    __tablename__ = "message_progress"
    __table_args__ = (CheckConstraint("mode IN ('test', 'live')", name="mode"),)

    merchant_id: str = Field(sa_column=Column(Words, ForeignKey("merchant.id"), primary_key=True))
    mode: str = Field(sa_column=Column(Words, primary_key=True))
    position: int = Field(sa_column=Column(Whole, nullable=False))
    """Of the last event of the merchant that was read."""
    due_through: date | None = Field(default=None, sa_column=Column(Day))
    """Instalments that fall due up to this day (Shanghai) have their messages."""
