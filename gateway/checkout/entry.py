"""The door of the shopper's pages: what a browser shows, what each page asks for, and how a browser keeps it.

A browser keeps the secret of the address, or the shopper's pass, in one cookie per checkout that ends with the browser
session. One that keeps no cookies, and any in a frame of the shop's page, sends it along as the hidden field ``key`` of
every form; no page's own address ever holds it.
"""

from __future__ import annotations

from enum import Enum

from flask import Flask, Response, g, request

from gateway.checkout import access, frames, service, shopper
from gateway.checkout.access import Level
from gateway.checkout.models import Checkout
from gateway.checkout.states import EXPIRABLE
from gateway.core.tenant import Mode
from gateway.team import browser_cookies
from gateway.web import cookies, own_forms
from gateway.web.context import gateway
from gateway.web.headers import framed
from gateway.web.i18n import begin_in

COOKIE = "fenqi_checkout_"
MOST_COOKIES = 10
"""Checkouts that one browser has open at a time; the oldest is forgotten first."""


class Door(Enum):
    """What a page asks for."""

    OPEN = "nothing: it shows nothing of the order"
    ADDRESS = "that the shop sent the shopper; once it is confirmed, the pass of the shopper"
    SHOPPER = "the pass of the shopper; while nobody is identified, that the shop sent the shopper"


DOORS = {
    "checkout_entry.enter": Door.OPEN,
    "checkout_entry.other_device_page": Door.OPEN,
    "checkout_entry.form_address": Door.OPEN,
    "checkout_entry.send_code": Door.OPEN,
    "checkout_entry.go_on": Door.OPEN,
    "checkout.choose": Door.ADDRESS,
    "checkout.send_code": Door.ADDRESS,
    "checkout.identify": Door.ADDRESS,
    "checkout.form_address": Door.ADDRESS,
    "checkout.review": Door.SHOPPER,
    "checkout.confirm": Door.SHOPPER,
    "checkout.cancel": Door.SHOPPER,
    "checkout_result.result": Door.SHOPPER,
    "checkout_result.reopen": Door.SHOPPER,
    "checkout_result.take_counter_offer": Door.SHOPPER,
    "checkout_result.contract": Door.SHOPPER,
    "checkout_result.amendment": Door.SHOPPER,
    "checkout_documents.contract": Door.SHOPPER,
    "checkout_documents.settled_loan": Door.SHOPPER,
    "checkout_privacy.ask_a_person": Door.SHOPPER,
    "checkout_privacy.show_consents": Door.SHOPPER,
    "checkout_privacy.form_address": Door.SHOPPER,
    "checkout_privacy.withdraw_consent": Door.SHOPPER,
    "checkout_method.show_method": Door.SHOPPER,
    "checkout_method.form_address": Door.SHOPPER,
    "checkout_method.begin": Door.SHOPPER,
    "checkout_method.come_back": Door.SHOPPER,
    "checkout_method.remove": Door.SHOPPER,
    "checkout_stages.show_stages": Door.SHOPPER,
    "checkout_stages.form_address": Door.SHOPPER,
    "checkout_stages.contest": Door.SHOPPER,
}
"""What each page of a checkout asks for, by endpoint. One that is not named here asks for the most."""


class Locked(Exception):
    """The browser has not shown what the page asks for."""

    def __init__(self, checkout: Checkout) -> None:
        super().__init__(checkout.id)
        self.checkout = checkout


class StaffBrowser(Exception):
    """Somebody of the shop's team is logged in on the browser that opens an order of a store."""

    def __init__(self, checkout: Checkout) -> None:
        super().__init__(checkout.id)
        self.checkout = checkout


def register(app: Flask) -> None:
    """Guard every page of a checkout on ``app``."""
    app.jinja_env.globals["carried"] = carried

    @app.before_request
    def guard() -> None:
        rule, found = request.url_rule, (request.view_args or {}).get("checkout_id")
        if rule is None or found is None or not rule.rule.startswith("/checkout/"):
            return
        if request.method == "POST":
            own_forms.refuse_foreign()
        admit(found, request.endpoint or "")


def admit(checkout_id: str, endpoint: str) -> None:
    """Let the request on to a page. Raises ``Locked``, ``StaffBrowser``, or ``NotFound`` for an unknown checkout."""
    here = gateway()
    with here.db.read() as tx:
        checkout = shopper.for_shopper(tx, checkout_id)
        frames.notice(tx, checkout)
        level = _shown_level(checkout)
        is_staff = checkout.store is not None and browser_cookies.merchant(tx) == checkout.merchant_id
    door = DOORS.get(endpoint, Door.SHOPPER)
    g.mode = service.tenant_of(checkout).mode
    g.shopper_id = checkout.shopper_id if level is Level.SHOPPER else None
    begin_in(checkout.locale)
    if is_staff:
        raise StaffBrowser(checkout)
    if door is Door.OPEN:
        return
    first_page = door is Door.ADDRESS and checkout.status in EXPIRABLE
    if level < (Level.ADDRESS if first_page or checkout.shopper_id is None else Level.SHOPPER):
        raise Locked(checkout)


def proven_shopper() -> str | None:
    """Who the browser has proved to be: the shopper of the checkout of this request, or None."""
    found: str | None = g.get("shopper_id")
    return found


def mode() -> Mode:
    """In which mode the checkout of this request is, to ask before a transaction what that mode can do."""
    found: Mode = g.mode
    return found


def carried() -> str | None:
    """The secret or pass that the page's forms must carry, for a browser that keeps no cookie of it."""
    found: str | None = g.get("carried")
    return found


def carry(key: str) -> None:
    """Let the forms of the page that is answered carry ``key``."""
    g.carried = key


def level_by_cookie() -> Level:
    """What the browser's cookie of the checkout of this request is worth."""
    found: Level = g.get("level_by_cookie", Level.NOTHING)
    return found


def keeps_cookies() -> bool:
    """Whether the browser sent the cookie of any checkout; in a frame none counts."""
    return framed() is None and any(name.startswith(_name("")) for name in request.cookies)


def remember(response: Response, checkout_id: str, key: str) -> Response:
    """Let the browser keep ``key`` for a checkout; in a frame, where only forms carry it, nothing is kept."""
    if framed() is not None:
        return response
    options = cookies.options()
    own = _name(checkout_id)
    kept = sorted(name for name in request.cookies if name.startswith(_name("")) and name != own)
    for name in kept[: max(0, len(kept) - MOST_COOKIES + 1)]:  # ids sort by the time they were made
        response.delete_cookie(name, **options)
    response.set_cookie(own, key, **options)
    return response


def _shown_level(checkout: Checkout) -> Level:
    """The most that the cookie or the form's key is worth; the key is carried on where the cookie is worth less."""
    here = gateway()
    vault, now = here.vault, here.clock()
    cookie = request.cookies.get(_name(checkout.id), "") if framed() is None else ""
    by_cookie = access.level_of(vault, checkout, cookie, now) if cookie else Level.NOTHING
    key = carried() or (request.form.get("key", "") if request.method == "POST" else "")
    by_key = access.level_of(vault, checkout, key, now) if key else Level.NOTHING
    g.carried, g.level_by_cookie = (key if by_key > by_cookie else None), by_cookie
    level = max(by_cookie, by_key)
    return max(level, Level.ADDRESS) if access.in_grace(checkout, now) else level


def _name(checkout_id: str) -> str:
    return cookies.name_of(COOKIE + checkout_id)
