"""Tables of keys.

A data key per person, wrapped by a master key that is not in the database; those destroyed; and which keys of the
data folder belong to this database.
"""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, Column, Index, text
from sqlmodel import Field, SQLModel

from gateway.db.models import Keyed
from gateway.db.types import Bytes, UtcTime, Words


class SubjectKey(SQLModel, table=True):
    """The key that seals one person's columns. Without the row they can never be opened again."""

    __tablename__ = "subject_key"
    __kept__: ClassVar[bool] = True
    __table_args__ = (Index("subject_key_of_master", "key_id", "subject_id"),)

    subject_id: str = Field(sa_column=Column(Words, primary_key=True))
    key_id: str = Field(sa_column=Column(Words, nullable=False))
    """Which master key wrapped it, in hexadecimal."""
    wrapped: bytes = Field(sa_column=Column(Bytes, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class DestroyedKey(Keyed, table=True):
    """A data key that was deleted: kept to finish what is left of it in the files, and to show that it was finished."""

    __tablename__ = "destroyed_key"
    __table_args__ = (
        Index(
            "destroyed_key_left",
            "subject_id",
            sqlite_where=text("gone_at IS NULL"),
            postgresql_where=text("gone_at IS NULL"),
        ),
    )

    subject_id: str = Field(sa_column=Column(Words, primary_key=True))
    destroyed_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    gone_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    """When the key was in none of the database's files any more."""


class KeyInUse(SQLModel, table=True):
    """A key in the files that belong to this database, by its id: a folder without it is another gateway's, or old."""

    __tablename__ = "key_in_use"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('sealing', 'lookup', 'people', 'contracts', 'tokens', 'rows')", name="kind"
        ),
    )

    kind: str = Field(sa_column=Column(Words, primary_key=True))
    key_id: str = Field(sa_column=Column(Words, primary_key=True))
    recorded_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
