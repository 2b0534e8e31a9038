"""The table of what the gateway has written of other rows."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column
from sqlmodel import Field, SQLModel

from gateway.db.types import Whole, Words


class RowVersion(SQLModel, table=True):
    """A row as it was written: the hash of all its columns. Only ever added to."""

    __tablename__ = "row_version"
    __table_args__ = (CheckConstraint("version > 0 AND length(sha256) = 64", name="version"),)

    of: str = Field(sa_column=Column(Words, primary_key=True))
    """The table."""
    row_key: str = Field(sa_column=Column(Words, primary_key=True))
    version: int = Field(sa_column=Column(Whole, primary_key=True, autoincrement=False))
    sha256: str = Field(sa_column=Column(Words, nullable=False))
