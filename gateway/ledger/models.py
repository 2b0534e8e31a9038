"""Tables of the ledger. They are inserted into by ``service.post`` only, and never changed: triggers see to it."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from gateway.db.models import Keyed
from gateway.db.types import Bytes, Day, Fen, UtcTime, Whole, Words


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


class LedgerLateEntry(Keyed, table=True):
    """An entry that was reported when the month of its own day was closed for its merchant, booked in an open one."""

    __tablename__ = "ledger_late_entry"

    entry_id: str = Field(sa_column=Column(Words, ForeignKey("ledger_entry.id"), primary_key=True))
    original_date: date = Field(sa_column=Column(Day, nullable=False))
    """The day from which it would count (Shanghai); the entry has the day on which it is booked."""


class LedgerLink(SQLModel, table=True):
    """The place of an entry in the hash chain, with the hash of all that the tables say of the entry.

    Membership is explicit: an entry that commits late, with a smaller id, simply goes into a later block.
    """

    __tablename__ = "ledger_link"

    position: int = Field(sa_column=Column(Whole, primary_key=True, autoincrement=False))
    """From 1 without gaps, over all blocks."""
    block: int = Field(
        sa_column=Column(
            Whole,
            ForeignKey("ledger_block.number", deferrable=True, initially="DEFERRED"),
            nullable=False,
        )
    )
    entry_id: str = Field(sa_column=Column(Words, ForeignKey("ledger_entry.id"), unique=True, nullable=False))
    entry_sha256: str = Field(sa_column=Column(Words, nullable=False))
    parts: str = Field(sa_column=Column(Words, nullable=False))
    """First digits of the SHA-256 of the entry's row, of its seal and of each line: they tell what was changed."""


class LedgerBlock(SQLModel, table=True):
    """A block of the chain: closed when inserted, after its links; a trigger checks that it follows the head."""

    __tablename__ = "ledger_block"

    number: int = Field(sa_column=Column(Whole, primary_key=True, autoincrement=False))
    first_position: int = Field(sa_column=Column(Whole, nullable=False))
    last_position: int = Field(sa_column=Column(Whole, nullable=False))
    entries: int = Field(sa_column=Column(Whole, nullable=False))
    content_sha256: str = Field(sa_column=Column(Words, nullable=False))
    """Of its links, in order."""
    previous_hash: str = Field(sa_column=Column(Words, nullable=False))
    hash: str = Field(sa_column=Column(Words, nullable=False))
    """SHA-256 of all the above and the time."""
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class LedgerHead(SQLModel, table=True):
    """Where the chain ends: one row, moved by a trigger with every block, so that a cut-off tail is missed."""

    __tablename__ = "ledger_head"
    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)

    id: int = Field(sa_column=Column(Whole, primary_key=True, autoincrement=False))
    number: int = Field(sa_column=Column(Whole, nullable=False))
    hash: str = Field(sa_column=Column(Words, nullable=False))
    position: int = Field(sa_column=Column(Whole, nullable=False))


class LedgerTree(SQLModel, table=True):
    """A Merkle tree over the next entries of the chain: each is proved by a few hashes under its signed root.

    A tree follows the one before without a gap: a trigger checks it.
    """

    __tablename__ = "ledger_tree"
    __table_args__ = (
        CheckConstraint("first_position > 0 AND last_position >= first_position", name="span"),
        Index("ledger_tree_ends", "last_position", unique=True),
    )

    number: int = Field(sa_column=Column(Whole, primary_key=True, autoincrement=False))
    first_position: int = Field(sa_column=Column(Whole, nullable=False))
    last_position: int = Field(sa_column=Column(Whole, nullable=False))
    root: str = Field(sa_column=Column(Words, nullable=False))
    """Hexadecimal, over the hashes of its entries (RFC 9162)."""
    chunks: bytes = Field(sa_column=Column(Bytes, nullable=False))
    """The roots of each 1,024 entries, 32 bytes each, so that a proof need not read all of them."""
    previous_hash: str = Field(sa_column=Column(Words, nullable=False))
    hash: str = Field(sa_column=Column(Words, nullable=False))
    """SHA-256 of number, span, root, the hash before, and the time."""
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


ACCOUNT, ENTRY, POSTING, SEAL, LINK, BLOCK, HEAD, TREE = (
    SQLModel.metadata.tables[f"ledger_{noun}"]
    for noun in ("account", "entry", "posting", "seal", "link", "block", "head", "tree")
)
LATE = SQLModel.metadata.tables["ledger_late_entry"]
"""The same tables for SQLAlchemy Core, which the posting path uses."""
