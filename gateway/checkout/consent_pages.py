"""The shopper's pages of rights: ask a person to look at a decline, see and take back one's consents."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request

from gateway.checkout import consents, shopper
from gateway.checkout.pages import shown, to_step
from gateway.checkout.states import REQUIRED_CONSENTS
from gateway.web.context import gateway

blueprint = Blueprint("checkout_privacy", __name__, template_folder="templates")


@blueprint.post("/checkout/<checkout_id>/human-review")
def ask_a_person(checkout_id: str) -> Any:
    """Request a review of the decline by a person. Idempotent."""
    here = gateway()
    here.db.write(lambda tx: shopper.ask_for_review(tx, here, checkout_id) and None)
    return to_step(checkout_id, "result")


@blueprint.route("/checkout/<checkout_id>/consents", methods=["GET", "POST"])
def show_consents(checkout_id: str) -> Any:
    """The consents given in this checkout: which, which version, when, and whether they still stand."""
    checkout, merchant = shown(checkout_id)
    with gateway().db.read() as tx:
        logged = consents.of_checkout(tx, checkout_id)
    return render_template(
        "checkout/consents.html",
        checkout=checkout,
        merchant=merchant,
        logged=logged,
        required=REQUIRED_CONSENTS,
    )


@blueprint.get("/checkout/<checkout_id>/consents/withdraw")
def form_address(checkout_id: str) -> Any:
    """The address of the form, opened as a page: on to the consents."""
    return to_step(checkout_id, "consents")


@blueprint.post("/checkout/<checkout_id>/consents/withdraw")
def withdraw_consent(checkout_id: str) -> Any:
    """Withdraw one kind of consent, from now on."""
    kind = request.form.get("kind", "")
    gateway().db.write(lambda tx: consents.withdraw_in_checkout(tx, checkout_id, kind))
    return to_step(checkout_id, "consents")
