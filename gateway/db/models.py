"""Where the gateway writes down what a row says: a table of versions, and a column of rows that are written once."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index
from sqlmodel import Field, SQLModel

from gateway.db.types import Whole, Words

KEYED_HASH = "keyed_hash"


class Keyed(SQLModel):
    """A row that is hashed with a key as it is written (see ``gateway.db.keyed``)."""

    keyed_hash: str | None = Field(default=None, sa_type=Words, nullable=True)
    """None in rows of releases that hashed none: a keyed version stands for it."""


class RowVersion(SQLModel, table=True):
    """A row as it was written: the keyed hash of its columns. Only ever added to."""

    __tablename__ = "row_version"
    __table_args__ = (
        CheckConstraint("length(sha256) = 64", name="sha256"),
        Index("row_version_of_row", "of", "row_key"),
    )

    number: int | None = Field(default=None, sa_column=Column(Whole, primary_key=True, autoincrement=True))
    """Drawn while the row is locked, so that the highest of a row is its newest; nothing is read for it."""
    of: str = Field(sa_column=Column(Words, nullable=False))
    """The table."""
    row_key: str = Field(sa_column=Column(Words, nullable=False))
    sha256: str = Field(sa_column=Column(Words, nullable=False))
    """The id of a key and HMAC-SHA256 (see ``gateway.db.row_keys``); of older releases, SHA-256 without a key."""
