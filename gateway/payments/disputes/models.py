"""The table of what shoppers say in their disputes."""

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Index
from sqlmodel import Field, SQLModel

from gateway.db.types import Bytes, UtcTime, Words


class DisputeStatement(SQLModel, table=True):
    """What a shopper says about a dispute that they opened, sealed with their data key."""

    __tablename__ = "dispute_statement"
    __table_args__ = (Index("dispute_statement_of_shopper", "shopper_id"),)

    id: str = Field(sa_column=Column(Words, ForeignKey("dispute.id"), primary_key=True))
    """The dispute."""
    shopper_id: str = Field(sa_column=Column(Words, ForeignKey("shopper.id"), nullable=False))
    text_sealed: bytes = Field(sa_column=Column(Bytes, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
