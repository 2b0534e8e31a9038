"""The shopper's page of the repayment card: add one on the institution's page, change it, remove it, and what failed.

The number is typed at the institution. What it took is read there by our reference, never from the address with which
the browser comes back.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from typing import Any

from flask import Blueprint, make_response, redirect, render_template

from gateway.checkout import entry, shopper
from gateway.checkout.models import Checkout
from gateway.checkout.pages import PAGES, shown, to_step
from gateway.checkout.rates import METHODS
from gateway.checkout.service import tenant_of
from gateway.core.return_address import origin as origin_of
from gateway.db.transactions import READ_COMMITTED, Transaction
from gateway.errors import GatewayError, InstitutionUnavailable, NotFound, TooManyRequests
from gateway.payments.collections import failed
from gateway.payments.methods import service as methods
from gateway.payments.methods import setting_up, views
from gateway.web import problems
from gateway.web.context import gateway
from gateway.web.headers import allow_form_target
from gateway.web.i18n import language
from gateway.web.rate_limits import limited

blueprint = Blueprint("checkout_method", __name__, template_folder="templates")
PAGES["method"] = "checkout_method.show_method"


@blueprint.route("/checkout/<checkout_id>/method", methods=["GET", "POST"])
def show_method(checkout_id: str) -> Any:
    """The card that instalments are collected from, what could not be collected, and forms to change it."""
    checkout, _ = shown(checkout_id)
    if checkout.status != "approved":
        return to_step(checkout_id, "result")
    return _page(checkout_id)


@blueprint.get("/checkout/<checkout_id>/method/begin")
@blueprint.get("/checkout/<checkout_id>/method/remove")
def form_address(checkout_id: str) -> Any:
    """The address of a form, opened as a page: on to the card."""
    return to_step(checkout_id, "method")


@blueprint.post("/checkout/<checkout_id>/method/begin")
@limited(METHODS)
def begin(checkout_id: str) -> Any:
    """On to the institution's page. A second click or tab goes on with the same set-up."""
    checkout, _ = shown(checkout_id)
    where = methods.origin(gateway(), entry.mode())
    if checkout.status != "approved" or checkout.shopper_id is None or where is None:
        return to_step(checkout_id, "method")
    try:
        page = setting_up.begin(
            gateway(),
            shopper_id=checkout.shopper_id,
            place=checkout_id,
            language=language(),
            where=where,
        )
    except (InstitutionUnavailable, TooManyRequests) as error:
        return problems.with_retry_after(make_response(_page(checkout_id, error=error), error.status), error)
    return redirect(page, 303) if page else to_step(checkout_id, "method")


@blueprint.route("/checkout/<checkout_id>/method/return", methods=["GET", "POST"])
def come_back(checkout_id: str) -> Any:
    """The browser comes back: the institution is asked what became of it."""
    checkout, _ = shown(checkout_id)
    if checkout.shopper_id is not None:
        with suppress(
            InstitutionUnavailable
        ):  # the page says that it is not known yet; the worker asks again
            setting_up.look(gateway(), shopper_id=checkout.shopper_id, place=checkout_id)
    return to_step(checkout_id, "method")


@blueprint.post("/checkout/<checkout_id>/method/remove")
def remove(checkout_id: str) -> Any:
    """Collect nothing from the card any more."""
    checkout, _ = shown(checkout_id)
    person = checkout.shopper_id

    def removed(tx: Transaction) -> None:
        method = methods.active(tx, person) if person else None
        if method is not None:
            methods.remove(tx, shopper_id=method.shopper_id, method_id=method.id)

    gateway().db.write(removed, READ_COMMITTED)
    return to_step(checkout_id, "method")


def _page(checkout_id: str, *, error: GatewayError | None = None) -> str:
    checkout, merchant = shown(checkout_id)
    if checkout.shopper_id is None:
        raise NotFound("This checkout has no shopper yet.")
    where = methods.origin(gateway(), entry.mode())
    if where is not None:
        allow_form_target(origin_of(where))
    with gateway().db.read() as tx:
        shopper.for_shopper(tx, checkout_id)  # brings the business time of its merchant
        method = views.of_person(
            tx, checkout.shopper_id, language=language(), next_due=_next_due(tx, checkout)
        )
        newest = methods.newest(tx, checkout.shopper_id)
        unpaid = failed.of_payment(tx, tenant_of(checkout), checkout.payment_id or "")
    return render_template(
        "checkout/method.html",
        checkout=checkout,
        merchant=merchant,
        method=method,
        newest=newest,
        unpaid=[(row, failed.reason_words(row.failure, language())) for row in unpaid],
        offered=where is not None,
        error=error,
    )


def _next_due(tx: Transaction, checkout: Checkout) -> date | None:
    found = failed.next_due(tx, tenant_of(checkout), checkout.payment_id or "")
    plan = next((plan for plan in checkout.plans if plan["term"] == checkout.term), None)
    return found or (date.fromisoformat(plan["schedule"][0]["due_date"]) if plan else None)
