"""How a browser comes to a checkout: by the address that the shop was given, or by a fresh code to the same phone.

The address is exchanged for a cookie at once, so that it stays out of the history. A browser without either sees a page
that says how to continue and nothing about the order.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, Response, make_response, redirect, render_template, request

from gateway.checkout import access, entry, other_device, pages, shopper, typed
from gateway.checkout.access import Level
from gateway.checkout.entry import Locked, StaffBrowser
from gateway.checkout.forms import CODE, PHONE, field_errors
from gateway.checkout.pages import CONFIRMED
from gateway.checkout.rates import CODES, GUESSES
from gateway.db.transactions import READ_COMMITTED
from gateway.errors import IdentityRefused, MessagesUnavailable, TooManyRequests, ValidationFailed
from gateway.web import problems
from gateway.web.bodies import loaded
from gateway.web.context import gateway
from gateway.web.headers import framed
from gateway.web.i18n import t, with_language
from gateway.web.rate_limits import limited

blueprint = Blueprint("checkout_entry", __name__, template_folder="templates")
AGAIN = "again"
"""In the query once the browser was given a cookie: a browser that then sends none keeps no cookies."""


def register(app: Flask) -> None:
    """Mount the pages on ``app``, and show the way in wherever a browser comes without having shown enough."""
    entry.register(app)
    app.register_error_handler(Locked, locked)
    app.register_error_handler(StaffBrowser, refuse_staff)
    app.register_blueprint(blueprint)


@blueprint.get("/checkout/<checkout_id>/open/<secret>")
def enter(checkout_id: str, secret: str) -> Any:
    """Exchange the address for a cookie; a browser that keeps none goes on with forms that carry its secret."""
    here = gateway()
    with here.db.read() as tx:
        checkout = shopper.for_shopper(tx, checkout_id)
    if access.level_of(here.vault, checkout, secret, here.clock()) is not Level.ADDRESS:
        raise Locked(checkout)
    if entry.level_by_cookie() is not Level.NOTHING:
        return typed.forget(make_response(redirect(with_language(f"/checkout/{checkout_id}"), 303)))
    if AGAIN in request.args or framed() is not None:
        entry.carry(secret)
        return pages.to_step(checkout_id, "")
    again = redirect(with_language(f"{request.path}?{AGAIN}=1"), 303)
    return typed.forget(entry.remember(make_response(again), checkout_id, secret))


@blueprint.get("/checkout/<checkout_id>/continue")
def other_device_page(checkout_id: str) -> Any:
    """How to continue on another device; a shopper already known goes to the step of the order."""
    if entry.proven_shopper():
        return pages.to_step(checkout_id, _step(checkout_id))
    return _page(checkout_id)


@blueprint.get("/checkout/<checkout_id>/continue/code")
def form_address(checkout_id: str) -> Any:
    """The address of a form, opened as a page."""
    return redirect(with_language(f"/checkout/{checkout_id}/continue"), 303)


@blueprint.post("/checkout/<checkout_id>/continue/code")
@limited(CODES)
def send_code(checkout_id: str) -> Any:
    """Send a code if the phone is the right one; the answer does not reveal it."""
    here = gateway()
    try:
        phone = loaded(PHONE, {"phone": request.form.get("phone", "")})["phone"]
        code = here.ports.notifier.new_code(entry.mode())
        here.db.write(
            lambda tx: other_device.queue_code(tx, here, checkout_id, phone=phone, code=code), READ_COMMITTED
        )
    except (ValidationFailed, IdentityRefused, MessagesUnavailable) as error:
        return _page(checkout_id, errors=field_errors(error)), error.status
    here.woken.set()
    return _page(checkout_id, sent=True)


@blueprint.post("/checkout/<checkout_id>/continue")
@limited(GUESSES)
def go_on(checkout_id: str) -> Any:
    """Take the code; on to the step of the order."""
    here = gateway()
    try:
        typed = loaded(CODE, {name: request.form.get(name, "") for name in ("phone", "code")})
        key = here.db.write(lambda tx: other_device.pass_for(tx, here, checkout_id, **typed), READ_COMMITTED)
    except (ValidationFailed, IdentityRefused, TooManyRequests) as error:
        page = _page(checkout_id, errors=field_errors(error))
        page.status_code = error.status
        return problems.with_retry_after(page, error)
    if key is None:
        return _page(checkout_id, errors={"code": t("other_device.refused")}), 422
    return pages.let_in(checkout_id, key, _step(checkout_id))


def locked(error: Locked) -> Any:
    """The way in, instead of a page that asks for more than the browser has shown."""
    return _page(error.checkout.id), 403


def refuse_staff(error: StaffBrowser) -> Any:
    """Who sells in a store takes no step for the shopper: no details, no code, no consent, no confirmation."""
    page = render_template("checkout/staff.html", mode=error.checkout.mode)
    return make_response(page), 403


def _step(checkout_id: str) -> str:
    checkout = pages.shown(checkout_id)[0]
    return "result" if checkout.status in CONFIRMED else "review"


def _page(checkout_id: str, *, errors: dict[str, str] | None = None, sent: bool = False) -> Response:
    checkout = pages.shown(checkout_id)[0]
    page = render_template(
        "checkout/other_device.html",
        checkout_id=checkout_id,
        mode=checkout.mode,
        phone=request.form.get("phone", ""),
        errors=errors or {},
        sent=sent,
    )
    return make_response(page)
