"""The table of complaints and of requests for an arrangement."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, text
from sqlmodel import Field, SQLModel

from gateway.db.types import Bytes, Day, UtcTime, Words

IS_OPEN = "status = 'open'"
"""A complaint that waits. A query that says it in these words finds it by the index."""


class Complaint(SQLModel, table=True):
    """A shopper's complaint, or a request because of hardship, and its answer; texts are sealed with their data key."""

    __tablename__ = "complaint"
    __table_args__ = (
        CheckConstraint("kind IN ('complaint', 'hardship')", name="kind"),
        CheckConstraint("status IN ('open', 'answered')", name="status"),
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        CheckConstraint(
            "(status = 'answered') = (answered_at IS NOT NULL) AND (answered_at IS NULL) = (answer_sealed IS NULL)"
            " AND (answered_at IS NULL) = (answered_by IS NULL)",
            name="answered",
        ),
        Index("complaint_of_shopper", "shopper_id", "id"),
        Index(
            "complaint_to_answer",
            "due_on",
            "id",
            sqlite_where=text(IS_OPEN),
            postgresql_where=text(IS_OPEN),
        ),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    shopper_id: str = Field(sa_column=Column(Words, ForeignKey("shopper.id"), nullable=False))
    loan_id: str | None = Field(default=None, sa_column=Column(Words, ForeignKey("loan.id")))
    """The loan that it is about; none where it is about something else."""
    kind: str = Field(sa_column=Column(Words, nullable=False))
    text_sealed: bytes = Field(sa_column=Column(Bytes, nullable=False))
    due_on: date = Field(sa_column=Column(Day, nullable=False))
    """The day in Shanghai by whose end it is answered."""
    status: str = Field(sa_column=Column(Words, nullable=False))
    answer_sealed: bytes | None = Field(default=None, sa_column=Column(Bytes))
    answered_by: str | None = Field(default=None, sa_column=Column(Words))
    answered_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
