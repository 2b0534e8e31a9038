"""Table of answers already given: the memory behind Idempotency-Key."""

from datetime import datetime

from sqlalchemy import Column, Index
from sqlmodel import Field, SQLModel

from gateway.db.types import PackedBytes, UtcTime, Whole, Words


class IdempotentAnswer(SQLModel, table=True):
    """The answer to one keyed request; committed together with the effect it reports."""

    __tablename__ = "idempotent_answer"
    __table_args__ = (Index("idempotent_answer_expiry", "expires_at"),)

    id: str = Field(sa_column=Column(Words, primary_key=True))
    """SHA-256 of merchant, mode, method, path and key."""
    merchant_id: str = Field(sa_column=Column(Words, nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    request_sha256: str = Field(sa_column=Column(Words, nullable=False))
    status: int = Field(sa_column=Column(Whole, nullable=False))
    body: bytes = Field(sa_column=Column(PackedBytes, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
