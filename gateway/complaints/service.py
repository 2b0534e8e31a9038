"""What happens to complaints: a shopper files one, a person answers it once; both keep what the other said."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

from sqlmodel import col, func, select, text

from gateway.complaints.models import IS_OPEN, Complaint
from gateway.core.calendar import WorkingDays, shanghai_date, working_day_from
from gateway.core.tenant import Mode
from gateway.db.transactions import Transaction
from gateway.errors import NotFound, TooManyRequests, WrongState
from gateway.identity import erasure
from gateway.privacy import subjects
from gateway.privacy.vault import Vault, VaultError

WORKING_DAYS = 7
"""Within so many working days a complaint is answered (GB/T 45251-2025 says so of requests because of hardship)."""
MOST_OPEN = 10
"""Complaints of one person that wait for an answer at a time."""


@dataclass(frozen=True, slots=True)
class Told:
    """A complaint with its texts in clear; both are None once the person is erased."""

    row: Complaint
    words: str | None = field(repr=False)
    answer: str | None = field(repr=False)
    is_late: bool
    """Whether its day has passed without an answer."""


def file(
    tx: Transaction,
    vault: Vault,
    working_days: WorkingDays,
    *,
    mode: Mode,
    shopper_id: str,
    kind: str,
    loan_id: str | None,
    words: str,
) -> Complaint:
    """File a complaint. The same words about the same thing, while unanswered, are the same complaint.

    Raises ``TooManyRequests`` when ten wait for an answer, and ``NotFound`` for an erased person.
    """
    erasure.present(tx, shopper_id)
    waiting = [told for told in filed_by(tx, vault, shopper_id, limit=MOST_OPEN) if told.row.status == "open"]
    for told in waiting:
        if (told.row.kind, told.row.loan_id, told.words) == (kind, loan_id, words):
            return told.row
    if len(waiting) >= MOST_OPEN:
        raise TooManyRequests("Ten of your complaints wait for an answer.", retry_after=24 * 3600)
    complaint_id = tx.new_id("cpl")
    sealed = subjects.known_or_new(tx, vault, shopper_id).seal(words, **_place(complaint_id, "text_sealed"))
    row = Complaint(
        id=complaint_id,
        mode=mode,
        shopper_id=shopper_id,
        loan_id=loan_id,
        kind=kind,
        text_sealed=sealed,
        due_on=due_day(shanghai_date(tx.now), working_days),
        status="open",
        created_at=tx.now,
    )
    tx.add(row)
    tx.flush()
    return row


def due_day(filed_on: date, working_days: WorkingDays) -> date:
    """The day by whose end what was filed on a day is answered."""
    day = filed_on
    for _ in range(WORKING_DAYS):
        day = working_day_from(day + timedelta(days=1), working_days)
    return day


def answer(tx: Transaction, vault: Vault, complaint_id: str, *, words: str, by: str) -> Complaint:
    """A person answers, once. Raises ``NotFound``, or ``WrongState`` when it was answered."""
    query = select(Complaint).where(Complaint.id == complaint_id).with_for_update()
    row = tx.exec(query).first()
    if row is None:
        raise NotFound(f"There is no complaint {complaint_id!r}.")
    if row.status != "open":
        raise WrongState(
            f"The complaint was answered by {row.answered_by}: an answer stands.", param="complaint"
        )
    subject = subjects.known(tx, vault, row.shopper_id)
    try:
        row.answer_sealed = subject.seal(words, **_place(row.id, "answer_sealed"))
    except VaultError:
        raise WrongState("The person is erased: nobody can read an answer.", param="complaint") from None
    row.status, row.answered_by, row.answered_at = "answered", by, tx.now
    tx.add(row)
    tx.flush()
    return row


def filed_by(tx: Transaction, vault: Vault, shopper_id: str, *, limit: int) -> list[Told]:
    """Up to ``limit`` complaints of a person, those without an answer and the newest first."""
    query = select(Complaint).where(Complaint.shopper_id == shopper_id)
    newest = query.order_by(col(Complaint.status).desc(), col(Complaint.id).desc()).limit(limit)
    return [in_clear(tx, vault, row) for row in tx.exec(newest)]


def in_clear(tx: Transaction, vault: Vault, row: Complaint) -> Told:
    """A complaint with its texts opened, as far as the person is not erased."""
    subject = subjects.known(tx, vault, row.shopper_id)

    def opened(column: str, sealed: bytes | None) -> str | None:
        try:
            return None if sealed is None else subject.open(sealed, **_place(row.id, column))
        except VaultError:  # erased since
            return None

    words, reply = opened("text_sealed", row.text_sealed), opened("answer_sealed", row.answer_sealed)
    return Told(row, words, reply, is_late(tx, row))


def is_late(tx: Transaction, row: Complaint) -> bool:
    """Whether the day of a complaint has passed without an answer."""
    return row.status == "open" and row.due_on < shanghai_date(tx.wall)


def get(tx: Transaction, complaint_id: str) -> Complaint:
    """A complaint. Raises ``NotFound``."""
    row = tx.get(Complaint, complaint_id)
    if row is None:
        raise NotFound(f"There is no complaint {complaint_id!r}.")
    return row


def waiting(tx: Transaction, *, mode: Mode | None, limit: int) -> list[Complaint]:
    """Up to ``limit`` complaints that wait for an answer, the earliest day first."""
    query = select(Complaint).where(text(IS_OPEN))
    if mode is not None:
        query = query.where(Complaint.mode == mode)
    return list(tx.exec(query.order_by(col(Complaint.due_on), col(Complaint.id)).limit(limit)))


def open_of_shopper(tx: Transaction, shopper_id: str) -> list[date]:
    """The days by which a person's complaints are to be answered; until then they keep the person."""
    query = select(col(Complaint.due_on)).where(
        Complaint.shopper_id == shopper_id, Complaint.status == "open"
    )
    return list(tx.exec(query))


def overdue(tx: Transaction) -> dict[str, int]:
    """How many complaints are not answered by their day, by mode."""
    query = select(Complaint.mode, func.count()).where(
        text(IS_OPEN), col(Complaint.due_on) < shanghai_date(tx.wall)
    )
    return dict(tx.exec(query.group_by(col(Complaint.mode))).all())


def texts_of(tx: Transaction, vault: Vault, shopper_id: str) -> dict[str, dict[str, str | None]]:
    """What a person has complained of and was answered, in clear, by complaint."""
    rows = tx.exec(select(Complaint).where(Complaint.shopper_id == shopper_id)).all()
    opened = [in_clear(tx, vault, row) for row in rows]
    return {told.row.id: {"text": told.words, "answer": told.answer} for told in opened}


def _place(complaint_id: str, column: str) -> dict[str, str]:
    return {"table": "complaint", "row": complaint_id, "column": column}
