"""Tables of the ledger. They are inserted into by ``service.post`` only, and never changed: triggers see to it."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from gateway.db.types import Day, Fen, UtcTime, Whole, Words


class LedgerAccount(SQLModel, table=True):
    """An account: its kind from the chart and, where the kind has owners, whose it is. Its name is its identifier."""

    __tablename__ = "ledger_account"
    __table_args__ = (
        UniqueConstraint("mode", "kind", "owner", name="one_account_per_owner"),
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        CheckConstraint(
            "id = mode || ':' || kind || CASE WHEN owner = '' THEN '' ELSE ':' || owner END",
            name="id_is_name",
        ),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    kind: str = Field(sa_column=Column(Words, nullable=False))
    owner: str = Field(sa_column=Column(Words, nullable=False))
    """Merchant, funder, institution or programme; empty for accounts without owner."""


class LedgerSeal(SQLModel, table=True):
    """Closes an entry: how many postings it has and the sum of its debits. Checked by a trigger when inserted.

    It needs no key back to its entry: the trigger finds at least two postings, and those have one.
    """

    __tablename__ = "ledger_seal"

    entry_id: str = Field(sa_column=Column(Words, primary_key=True))
    lines: int = Field(sa_column=Column(Whole, nullable=False))
    gross: int = Field(sa_column=Column(Fen, nullable=False))


class LedgerEntry(SQLModel, table=True):
    """One business event in the books. The deferred key to its seal makes a commit without one fail."""

    __tablename__ = "ledger_entry"
    __table_args__ = (
        UniqueConstraint("mode", "key", name="one_entry_per_key"),
        UniqueConstraint("reverses", name="one_reversal_per_entry"),
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        Index("ledger_entry_about", "object_id"),
    )

    id: str = Field(
        sa_column=Column(
            Words,
            ForeignKey("ledger_seal.entry_id", deferrable=True, initially="DEFERRED"),
            primary_key=True,
        )
    )
    mode: str = Field(sa_column=Column(Words, nullable=False))
    kind: str = Field(sa_column=Column(Words, nullable=False))
    key: str = Field(sa_column=Column(Words, nullable=False))
    """Business key: the same event can never post twice."""
    request_sha256: str = Field(sa_column=Column(Words, nullable=False))
    reverses: str | None = Field(default=None, sa_column=Column(Words, ForeignKey("ledger_entry.id")))
    merchant_id: str = Field(sa_column=Column(Words, nullable=False))
    object_type: str = Field(sa_column=Column(Words, nullable=False))
    object_id: str = Field(sa_column=Column(Words, nullable=False))
    effective_date: date = Field(sa_column=Column(Day, nullable=False))
    """Business date in Shanghai."""
    recorded_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class LedgerPosting(SQLModel, table=True):
    """One line of an entry: debit above 0, credit below 0, in fen."""

    __tablename__ = "ledger_posting"
    __table_args__ = (
        CheckConstraint("amount <> 0", name="amount"),
        # Serves the sum of an account without touching the table, and its lines newest first.
        Index("ledger_posting_of_account", "account_id", "entry_id", "line", "amount"),
        Index("ledger_posting_about", "object_id"),
    )

    entry_id: str = Field(sa_column=Column(Words, ForeignKey("ledger_entry.id"), primary_key=True))
    line: int = Field(sa_column=Column(Whole, primary_key=True))
    account_id: str = Field(sa_column=Column(Words, ForeignKey("ledger_account.id"), nullable=False))
    amount: int = Field(sa_column=Column(Fen, nullable=False))
    object_id: str = Field(sa_column=Column(Words, nullable=False))
    """What the line is about: a payment, loan, payout or settlement."""


ACCOUNT, ENTRY, POSTING, SEAL = (
    SQLModel.metadata.tables[f"ledger_{noun}"] for noun in ("account", "entry", "posting", "seal")
)
"""The same tables for SQLAlchemy Core, which the posting path uses."""
