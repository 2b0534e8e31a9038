"""Repayment methods: taken on the institution's page, used for collections, replaced and removed by their person.

A method belongs to the person, over all merchants of a mode, and a person has one at a time: the one given last. What
the browser brings back is never believed: the institution is asked by our reference. Times are the machine's, for no
merchant's clock moves a card.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlmodel import col, select

from gateway.core.calendar import shanghai_date
from gateway.core.references import reference
from gateway.core.tenant import Mode, Tenant, mode_of
from gateway.db.transactions import Transaction
from gateway.errors import NotFound, RepaymentMethodMissing, TooManyRequests
from gateway.identity import service as identity
from gateway.institution.port import Setup
from gateway.outbox import service as outbox
from gateway.payments.methods.models import RepaymentMethod
from gateway.privacy.vault import Vault

if TYPE_CHECKING:
    from datetime import date

    from gateway.config import Settings
    from gateway.institution.port import Method, SetupAnswer
    from gateway.web.context import Gateway

SETTLE_TOPIC, DETACH_TOPIC = "method.settle", "method.detach"
OPEN_FOR = timedelta(hours=1)
"""How long the institution's page waits for the shopper."""
STILL_USEFUL = timedelta(minutes=10)
"""A set-up that waits shorter than this is not continued: another is begun."""
FIRST_LOOK = timedelta(minutes=5)
A_DAY, MOST_A_DAY = timedelta(days=1), 10
"""So many set-ups a person may begin: whoever tries out cards has no more."""
OF_NOBODY = "every merchant"
NEWEST = 50
OWN_PLACE = "my"
"""The place of set-ups that are begun in the shopper's own place, and not at a checkout."""


@dataclass(frozen=True, slots=True)
class Account:
    """What a collection is instructed with; ``token`` is None where the institution's own record decides."""

    method_id: str | None
    token: str | None


def origin(gateway: Gateway, mode: Mode) -> str | None:
    """Where the institution takes methods in a mode; None where it does not. Nobody outside is asked."""
    ask = getattr(gateway.ports.unguarded("institution"), "setup_origin", None)
    return str(found) if ask is not None and (found := ask(mode)) else None


def page_of(mode: Mode, place: str) -> str:
    """The path of the card's page in a place: of its checkout, or of the shopper's own place in a mode."""
    if place == OWN_PLACE:
        return "/my/test/method" if mode == "test" else "/my/method"
    return f"/checkout/{place}/method"


def return_url(settings: Settings, mode: Mode, place: str, language: str) -> str:
    """Where the institution sends the browser back to."""
    return f"{settings.public_url}{page_of(mode, place)}/return?lang={language}"


def setup_of(settings: Settings, row: RepaymentMethod) -> Setup:
    """The set-up as the institution is told of it, the same each time."""
    return Setup(
        reference=row.reference,
        mode=mode_of(row.mode),
        party=row.shopper_id,
        return_url=return_url(settings, mode_of(row.mode), row.place, row.language),
        begun_at=row.created_at,
        expires_at=row.set_up_by,
        language=row.language,
    )


def begin(tx: Transaction, *, shopper_id: str, place: str, language: str) -> RepaymentMethod:
    """Write down that a method is to be taken; a second click or tab goes on with the same set-up.

    Raises ``TooManyRequests`` after ``MOST_A_DAY`` of them, and ``NotFound`` for an erased person.
    """
    shopper = identity.locked(tx, shopper_id)
    if shopper.erased_at is not None:
        raise NotFound("This person has been erased.")
    rows = _locked(tx, shopper_id)
    for row in reversed(rows):
        useful = row.set_up_by - STILL_USEFUL > tx.wall
        if row.status == "pending" and useful and (row.place, row.language) == (place, language):
            return row
    begun = [row.created_at for row in rows if row.created_at > tx.wall - A_DAY]
    if len(begun) >= MOST_A_DAY:
        wait = begun[-MOST_A_DAY] + A_DAY - tx.wall
        raise TooManyRequests(
            f"At most {MOST_A_DAY} repayment methods may be tried in a day.",
            retry_after=int(wait.total_seconds()) + 1,
        )
    everybody = Tenant(OF_NOBODY, mode_of(shopper.mode))
    row = RepaymentMethod(
        id=tx.new_id("rpm"),
        shopper_id=shopper_id,
        mode=shopper.mode,
        reference=reference("rpm", everybody, shopper_id, len(rows) + 1),
        place=place,
        language=language,
        status="pending",
        created_at=tx.wall,
        set_up_by=tx.wall + OPEN_FOR,
    )
    tx.add(row)
    tx.flush()
    outbox.put(tx, SETTLE_TOPIC, {"method": row.id}, tenant=None, at=tx.wall + FIRST_LOOK)
    return row


def settle(tx: Transaction, vault: Vault, method_id: str, answer: SetupAnswer) -> RepaymentMethod:
    """Write down what the institution says of a set-up. A method that was given replaces the one before. Idempotent."""
    shopper = identity.locked(tx, tx.get_one(RepaymentMethod, method_id).shopper_id)
    rows = _locked(tx, shopper.id)
    row = next(one for one in rows if one.id == method_id)
    if row.status != "pending" or answer.outcome == "pending":
        return row
    if answer.outcome == "failed" or answer.method is None:
        row.failure = (answer.failure or "refused")[:100]
        _end(tx, row, "failed", "failed")
        return row
    if shopper.erased_at is not None and shopper.found_to_be is None:
        _attach(tx, vault, row, answer.method)
        _detach(tx, row, "erased")
        return row
    for other in rows:
        if other.status == "active":
            _detach(tx, other, "replaced")
    tx.flush()  # the place of the active one is free before it is taken
    _attach(tx, vault, row, answer.method)
    row.status = "active"
    tx.add(row)
    tx.flush()
    return row


def remove(tx: Transaction, *, shopper_id: str, method_id: str) -> None:
    """Collect nothing from a method any more, as its person wishes. Idempotent. Raises ``NotFound``."""
    row = next((one for one in _locked(tx, shopper_id) if one.id == method_id), None)
    if row is None or row.attached_at is None:
        raise NotFound("There is no such repayment method.")
    if row.status == "active":
        _detach(tx, row, "removed")


def forget(tx: Transaction, shopper_id: str) -> None:
    """The person is erased: what is active is detached, here and at the institution."""
    for row in _locked(tx, shopper_id):
        if row.status == "active":
            _detach(tx, row, "erased")


def active(tx: Transaction, shopper_id: str) -> RepaymentMethod | None:
    """What is collected from a person, or None. A claim that was found to be a person has that person's."""
    query = select(RepaymentMethod).where(RepaymentMethod.status == "active")
    found = tx.exec(query.where(RepaymentMethod.shopper_id == shopper_id)).first()
    if found is not None:
        return found
    person = identity.read(tx, shopper_id).found_to_be
    if person is None:
        return None
    return tx.exec(query.where(RepaymentMethod.shopper_id == person)).first()


def had_any(tx: Transaction, shopper_id: str) -> bool:
    """Whether a person ever gave a method here: then nothing but an active one is collected from."""
    given = select(RepaymentMethod.id).where(
        RepaymentMethod.shopper_id == shopper_id, col(RepaymentMethod.attached_at).is_not(None)
    )
    return tx.exec(given.limit(1)).first() is not None


def require(tx: Transaction, gateway: Gateway, *, mode: Mode, shopper_id: str) -> None:
    """Raise ``RepaymentMethodMissing`` where the lender's rule wants a method and the person has none.

    Where the institution takes none, none is wanted.
    """
    wanted = gateway.settings.repayment_method_required and origin(gateway, mode) is not None
    if wanted and active(tx, shopper_id) is None:
        raise RepaymentMethodMissing(
            "The shopper has not added a repayment card yet: ask them to open the order's page and add one, then "
            "capture again."
        )


def account_of(tx: Transaction, vault: Vault, method_id: str | None) -> Account | None:
    """What a collection that was begun with a method is sent with; None once the method is detached."""
    if method_id is None:
        return Account(None, None)
    row = tx.get_one(RepaymentMethod, method_id)
    if row.status != "active" or row.token_sealed is None:
        return None
    return Account(row.id, vault.open(row.token_sealed, **_place(row.id)))


def pending(tx: Transaction, shopper_id: str, place: str) -> list[RepaymentMethod]:
    """Set-ups that were begun in a place and are not decided, oldest first."""
    query = select(RepaymentMethod).where(
        RepaymentMethod.shopper_id == shopper_id,
        RepaymentMethod.status == "pending",
        RepaymentMethod.place == place,
    )
    return list(tx.exec(query.order_by(col(RepaymentMethod.id)).limit(NEWEST)))


def newest(tx: Transaction, shopper_id: str) -> RepaymentMethod | None:
    """The set-up or method of a person that was begun last."""
    query = select(RepaymentMethod).where(RepaymentMethod.shopper_id == shopper_id)
    return tx.exec(query.order_by(col(RepaymentMethod.id).desc()).limit(1)).first()


def has_expired(row: RepaymentMethod, on: date) -> bool:
    """Whether its last month is over on a day (Shanghai)."""
    return row.exp_year is not None and (row.exp_year, row.exp_month or 0) < (on.year, on.month)


def reseal(tx: Transaction, vault: Vault, *, after: str, limit: int) -> str | None:
    """Reseal some tokens from the id ``after`` on; returns where to go on, or None."""
    query = select(RepaymentMethod).where(RepaymentMethod.id > after)
    rows = list(tx.exec(query.order_by(col(RepaymentMethod.id)).limit(limit).with_for_update()))
    for row in rows:
        if row.token_sealed is not None:
            row.token_sealed = vault.resealed(row.token_sealed, **_place(row.id))
            tx.add(row)
    return rows[-1].id if rows else None


def is_detached_there(tx: Transaction, method_id: str) -> None:
    """The institution has detached a method: what it was collected by is forgotten."""
    known = tx.get_one(RepaymentMethod, method_id)
    row = next(one for one in _locked(tx, known.shopper_id) if one.id == method_id)
    if row.detached_at is None:
        row.detached_at, row.token_sealed = tx.wall, None
        tx.add(row)


def token_to_detach(tx: Transaction, vault: Vault, method_id: str) -> tuple[Mode, str] | None:
    """What the institution is to detach; None where that is done."""
    row = tx.get_one(RepaymentMethod, method_id)
    if row.status != "detached" or row.token_sealed is None:
        return None
    return mode_of(row.mode), vault.open(row.token_sealed, **_place(row.id))


def today(tx: Transaction) -> date:
    """The day of the machine in Shanghai."""
    return shanghai_date(tx.wall)


def _attach(tx: Transaction, vault: Vault, row: RepaymentMethod, method: Method) -> None:
    row.kind, row.brand, row.last4 = method.kind, method.brand, method.last4
    row.exp_year, row.exp_month = method.exp_year, method.exp_month
    row.token_sealed = vault.seal(method.token, **_place(row.id))
    row.attached_at = tx.wall
    tx.add(row)


def _detach(tx: Transaction, row: RepaymentMethod, because: str) -> None:
    _end(tx, row, "detached", because)
    outbox.put(tx, DETACH_TOPIC, {"method": row.id}, tenant=None)


def _end(tx: Transaction, row: RepaymentMethod, status: str, because: str) -> None:
    row.status, row.ended_because, row.ended_at = status, because, tx.wall
    tx.add(row)


def _locked(tx: Transaction, shopper_id: str) -> list[RepaymentMethod]:
    """All methods of a person, in the order in which they were begun."""
    query = select(RepaymentMethod).where(RepaymentMethod.shopper_id == shopper_id)
    return list(tx.exec(query.order_by(col(RepaymentMethod.id)).with_for_update()))


def _place(method_id: str) -> dict[str, str]:
    return {"table": "repayment_method", "row": method_id, "column": "token_sealed"}
