"""Forgetting a person: the data key is destroyed, what it sealed is emptied; or the request waits, frozen.

The caller decides whether anything forbids it.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from sqlalchemy import delete, func, true
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from gateway.db.transactions import Transaction
from gateway.errors import NotFound
from gateway.identity.models import ErasureRequest, FormerParticulars, Shopper, ShopperSession
from gateway.privacy import subjects

NOTHING = b""


def erase(tx: Transaction, shopper_id: str, *, requested: bool) -> ErasureRequest | None:
    """Erase the person for good: key, sealed values and hashes. Returns the request, if there was one.

    What remains names nobody. Raises ``NotFound`` for an unknown or erased person.
    """
    empty(tx, present(tx, shopper_id))
    request = frozen(tx, shopper_id) or (_new(tx, shopper_id) if requested else None)
    if request is not None:
        request.status, request.decided_at = "erased", tx.now
        tx.add(request)
    tx.flush()
    return request


def empty(tx: Transaction, shopper: Shopper) -> None:
    """Take from a row, and from what the person had before, all that names somebody."""
    subjects.destroy(tx, shopper.id)
    for table in (FormerParticulars, ShopperSession):
        tx.execute(delete(table).where(col(table.shopper_id) == shopper.id))
    shopper.name_sealed = shopper.id_number_sealed = shopper.phone_sealed = NOTHING
    shopper.id_number_lookup = shopper.phone_lookup = f"erased:{shopper.id}"
    shopper.keep_until, shopper.claims_number_of, shopper.erased_at = None, None, tx.now
    tx.add(shopper)


def freeze(tx: Transaction, shopper_id: str, *, reason: str, until: date, look_again: date) -> ErasureRequest:
    """Record the request and why it must wait; ``look_again`` is when it is reviewed. Raises ``NotFound``."""
    shopper = present(tx, shopper_id)
    request = frozen(tx, shopper_id) or _new(tx, shopper_id)
    request.reason, request.until = reason, until
    tx.add(request)
    keep(tx, shopper, until=look_again)
    tx.flush()
    return request


def keep(tx: Transaction, shopper: Shopper, *, until: date) -> None:
    """Judge again on the day ``until`` whether the data may be kept."""
    shopper.keep_until = until
    tx.add(shopper)


def withdraw(tx: Transaction, shopper_id: str) -> None:
    """The person came back before the frozen request was carried out: it ends."""
    request = frozen(tx, shopper_id)
    if request is not None:
        request.status, request.decided_at = "withdrawn", tx.now
        tx.add(request)


def frozen(tx: Transaction, shopper_id: str) -> ErasureRequest | None:
    """The person's request that waits, if there is one."""
    query = select(ErasureRequest).where(
        ErasureRequest.shopper_id == shopper_id, ErasureRequest.status == "frozen"
    )
    return tx.exec(query).first()


def due(tx: Transaction, *, on: date, limit: int) -> list[Shopper]:
    """Some people whose data is to be judged on the day ``on``, locked."""
    query = select(Shopper).where(col(Shopper.keep_until) <= on)
    ordered = query.order_by(col(Shopper.keep_until), col(Shopper.id))
    return list(tx.exec(ordered.limit(limit).with_for_update(skip_locked=True)))


def erased(tx: Transaction, *, since: datetime | None, after: str, limit: int) -> list[tuple[str, datetime]]:
    """Some of the erased people, from the id ``after`` on, each with the moment; in the order of their ids.

    Who was found to be another person counts when that person was erased: a backup may hold both.
    """
    person = aliased(Shopper)
    gone = func.coalesce(person.erased_at, Shopper.erased_at)
    query = (
        select(Shopper.id, gone)
        .outerjoin(person, col(person.id) == Shopper.found_to_be)
        .where(Shopper.id > after, col(Shopper.erased_at).is_not(None))
        .where(col(Shopper.found_to_be).is_(None) | col(person.erased_at).is_not(None))
        .where(true() if since is None else gone >= since)
    )
    return [(id, moment) for id, moment in tx.exec(query.order_by(col(Shopper.id)).limit(limit))]


def standing(tx: Transaction, shopper_id: str) -> Literal["present", "erased", "unknown"]:
    """What the database knows of an identifier."""
    shopper = tx.get(Shopper, shopper_id)
    if shopper is None:
        return "unknown"
    return "present" if shopper.erased_at is None else "erased"


def present(tx: Transaction, shopper_id: str) -> Shopper:
    """The person, locked. Raises ``NotFound`` for an unknown or erased one."""
    shopper = tx.get(Shopper, shopper_id, with_for_update=True, populate_existing=True)
    if shopper is None:
        raise NotFound(f"There is no shopper {shopper_id!r}.")
    if shopper.found_to_be is not None:
        raise NotFound(
            f"The shopper {shopper_id} is the same person as {shopper.found_to_be}: use that identifier."
        )
    if shopper.erased_at is not None:
        raise NotFound(f"The shopper {shopper_id} was erased at {shopper.erased_at:%Y-%m-%dT%H:%M:%SZ}.")
    return shopper


def _new(tx: Transaction, shopper_id: str) -> ErasureRequest:
    return ErasureRequest(id=tx.new_id("era"), shopper_id=shopper_id, status="frozen", requested_at=tx.now)
