"""The table of what the gateway has written of other rows."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index
from sqlmodel import Field, SQLModel

from gateway.db.types import Whole, Words


class RowVersion(SQLModel, table=True):
    """A row as it was written: the hash of all its columns. Only ever added to."""

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
