"""Table of data keys: one per person, wrapped by a master key that is not in the database."""

from datetime import datetime

from sqlalchemy import Column, Index
from sqlmodel import Field, SQLModel

from gateway.db.types import Bytes, UtcTime, Words


class SubjectKey(SQLModel, table=True):
    """The key that seals one person's columns. Without the row they can never be opened again."""

    __tablename__ = "subject_key"
    __table_args__ = (Index("subject_key_of_master", "key_id", "subject_id"),)

    subject_id: str = Field(sa_column=Column(Words, primary_key=True))
    key_id: str = Field(sa_column=Column(Words, nullable=False))
    """Which master key wrapped it, in hexadecimal."""
    wrapped: bytes = Field(sa_column=Column(Bytes, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
