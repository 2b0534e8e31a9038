"""Table of signed roots. Rows are only added: triggers refuse the rest."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column
from sqlmodel import Field, SQLModel

from gateway.db.types import UtcTime, Whole, Words


class SignedRoot(SQLModel, table=True):
    """Where a chain stood at a moment, signed: what came before cannot be rewritten unseen."""

    __tablename__ = "signed_root"
    __table_args__ = (
        CheckConstraint("chain IN ('audit', 'ledger', 'trees')", name="chain"),
        CheckConstraint("number > 0 AND length(hash) = 64", name="head"),
    )

    chain: str = Field(sa_column=Column(Words, primary_key=True))
    number: int = Field(sa_column=Column(Whole, primary_key=True, autoincrement=False))
    """Of the newest entry of the audit log, the newest block of the ledger, or its newest tree."""
    hash: str = Field(sa_column=Column(Words, nullable=False))
    signed_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    """The machine's time, which may have gone back: roots are ordered by their numbers."""
    algorithm: str = Field(sa_column=Column(Words, nullable=False))
    key_id: str = Field(sa_column=Column(Words, nullable=False))
    signature: str = Field(sa_column=Column(Words, nullable=False))
    """Base64, of ``Root.signed_text``."""
