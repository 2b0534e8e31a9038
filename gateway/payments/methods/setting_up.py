"""What is asked of the institution about repayment methods, always between two transactions."""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from gateway.db.transactions import READ_COMMITTED
from gateway.errors import InstitutionUnavailable
from gateway.institution.port import SetupAnswer
from gateway.outbox import service as outbox
from gateway.payments.methods import service
from gateway.payments.methods.models import RepaymentMethod

if TYPE_CHECKING:
    from gateway.institution.port import SetsUp
    from gateway.outbox.models import OutboxItem
    from gateway.web.context import Gateway

log = logging.getLogger("gateway.methods")
LOOK_AGAIN = timedelta(minutes=10)
GRACE = timedelta(hours=1)
"""After its page has ended, a set-up of which the institution says nothing counts as not begun."""


def begin(gateway: Gateway, *, shopper_id: str, place: str, language: str, where: str) -> str | None:
    """Begin or go on with a set-up; returns the institution's page, None where the set-up is decided already.

    ``where`` is the origin that the page must have. Raises ``TooManyRequests``, ``NotFound`` and
    ``InstitutionUnavailable``; then a second try goes on with the same set-up.
    """
    start = partial(service.begin, shopper_id=shopper_id, place=place, language=language)
    row = gateway.db.write(start, READ_COMMITTED)
    answer = _taker(gateway).begin_setup(service.setup_of(gateway.settings, row))
    if answer.outcome != "pending":
        _write(gateway, row.id, answer)
        return None
    if answer.url is None or not answer.url.startswith(f"{where}/"):
        raise InstitutionUnavailable("The institution named no page of its own for the repayment method.")
    return str(answer.url)


def look(gateway: Gateway, *, shopper_id: str, place: str) -> None:
    """Ask the institution what became of the set-ups that a person began in a place.

    Raises ``InstitutionUnavailable``: what is not known now is asked again in the background.
    """
    with gateway.db.read() as tx:
        rows = service.pending(tx, shopper_id, place)
    for row in rows:
        _look(gateway, row)


def carry_out_settle(gateway: Gateway, item: OutboxItem) -> None:
    """Ask once more about a set-up whose shopper did not come back. Raises ``Later`` while it is not decided."""
    with gateway.db.read() as tx:
        row = tx.get_one(RepaymentMethod, item.payload["method"])
        now = tx.wall
    if row.status != "pending":
        return
    if not _look(gateway, row, over=now > row.set_up_by + GRACE):
        raise outbox.Later("the shopper has not given a method yet", at=now + LOOK_AGAIN)


def carry_out_detach(gateway: Gateway, item: OutboxItem) -> None:
    """Detach a method at the institution, and forget what it was collected by. Raises ``InstitutionUnavailable``."""
    method_id = item.payload["method"]
    with gateway.db.read() as tx:
        found = service.token_to_detach(tx, gateway.vault, method_id)
    if found is not None:
        _taker(gateway).detach(*found)
        gateway.db.write(partial(service.is_detached_there, method_id=method_id), READ_COMMITTED)


def _taker(gateway: Gateway) -> SetsUp:
    """The institution, which takes methods. Raises ``InstitutionUnavailable`` where it does not (any more)."""
    institution: Any = gateway.ports.institution
    if not hasattr(institution, "begin_setup"):
        raise InstitutionUnavailable("This payment institution takes no repayment methods.")
    taker: SetsUp = institution
    return taker


def _look(gateway: Gateway, row: RepaymentMethod, *, over: bool = False) -> bool:
    """Whether the set-up is decided now; ``over`` decides what the institution says nothing of."""
    answer = _taker(gateway).look_up_setup(service.setup_of(gateway.settings, row))
    if over and (answer is None or answer.outcome == "pending"):
        answer = SetupAnswer("failed", failure="setup_expired")
    if answer is None or answer.outcome == "pending":
        return False
    _write(gateway, row.id, answer)
    return True


def _write(gateway: Gateway, method_id: str, answer: SetupAnswer) -> None:
    gateway.db.write(lambda tx: service.settle(tx, gateway.vault, method_id, answer) and None, READ_COMMITTED)
