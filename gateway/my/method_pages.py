"""The person's repayment card: add one on the institution's page, change it, remove it, and what was not collected.

The number is typed at the institution. What it took is read there by our reference, never from the address with which
the browser comes back.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from flask import make_response, redirect, render_template, request

from gateway.core.return_address import origin as origin_of
from gateway.db.transactions import READ_COMMITTED, Transaction
from gateway.errors import GatewayError, InstitutionUnavailable, TooManyRequests
from gateway.my import door, loans
from gateway.my.door import blueprint
from gateway.my.rates import CARDS
from gateway.payments.methods import service as methods
from gateway.payments.methods import setting_up, views
from gateway.web import problems
from gateway.web.context import gateway
from gateway.web.headers import allow_form_target
from gateway.web.i18n import language
from gateway.web.rate_limits import limited

PAGE = "method"


@blueprint.get("/method")
def show_method() -> Any:
    """The card that everything is collected from, what could not be collected, and forms to change it."""
    return _page()


@blueprint.get("/method/begin")
@blueprint.get("/method/remove")
def method_form_address() -> Any:
    """The address of a form, opened as a page: on to the card."""
    return door.to(PAGE)


@blueprint.post("/method/begin")
@limited(CARDS)
def begin_method() -> Any:
    """On to the institution's page. A second click or tab goes on with the same set-up."""
    where = methods.origin(gateway(), door.mode())
    if where is None:
        return door.to(PAGE)
    try:
        page = setting_up.begin(
            gateway(),
            shopper_id=door.shopper_id(),
            place=methods.OWN_PLACE,
            language=language(),
            where=where,
        )
    except (InstitutionUnavailable, TooManyRequests) as error:
        return problems.with_retry_after(make_response(_page(error=error), error.status), error)
    return redirect(page, 303) if page else door.to(PAGE)


@blueprint.get("/method/return")
def come_back_with_method() -> Any:
    """The browser comes back: the institution is asked what became of it."""
    with suppress(InstitutionUnavailable):  # the page says that it is not known yet; the worker asks again
        setting_up.look(gateway(), shopper_id=door.shopper_id(), place=methods.OWN_PLACE)
    return door.to(PAGE)


@blueprint.post("/method/remove")
def remove_method() -> Any:
    """Collect nothing any more from the card that the page showed; one that was added since stays."""
    person, shown = door.shopper_id(), request.form.get("method", "")

    def removed(tx: Transaction) -> None:
        method = methods.active(tx, person)
        if method is not None and method.id == shown:
            methods.remove(tx, shopper_id=method.shopper_id, method_id=method.id)

    gateway().db.write(removed, READ_COMMITTED)
    return door.to(PAGE)


def _page(*, error: GatewayError | None = None) -> str:
    where = methods.origin(gateway(), door.mode())
    if where is not None:
        allow_form_target(origin_of(where))
    person = door.shopper_id()
    with gateway().db.read() as tx:
        running = loans.running(tx, door.mode(), person)
        days = [card.standing.loan.next_due_date for card in running]
        next_due = min((day for day in days if day is not None), default=None)
        method = views.of_person(tx, person, language=language(), next_due=next_due)
        newest = methods.newest(tx, person)
        unpaid = loans.unpaid(tx, running, language())
    return render_template(
        "my/method.html", method=method, newest=newest, unpaid=unpaid, offered=where is not None, error=error
    )
