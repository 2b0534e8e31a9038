"""The shopper's pages after the confirmation: the answer, where the order stands, its contract and its amendments."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, redirect, render_template

from gateway.checkout import access, counter_offers, deciding, entry, frames, reviewing, shopper, standing
from gateway.checkout.models import Checkout
from gateway.checkout.pages import CONFIRMED, allow_way_back, back_to_shop, shown, to_step
from gateway.core import digits
from gateway.core.calendar import shanghai_date
from gateway.db.transactions import Transaction
from gateway.decision import reviews
from gateway.errors import DuplicateReference, GatewayError, NotFound, TermUnavailable, WrongState
from gateway.payments.methods import service as methods
from gateway.payments.methods import views
from gateway.payments.milestones import service as milestones
from gateway.plans import summary
from gateway.web.context import Gateway, gateway
from gateway.web.i18n import language, with_language

if TYPE_CHECKING:
    from gateway.decision.models import HumanReview

blueprint = Blueprint("checkout_result", __name__, template_folder="templates")
REFRESH_SECONDS = ((10, 2), (60, 5), (900, 10))
"""While it is being decided, after how many seconds the page reloads, by how many have passed."""


@blueprint.route("/checkout/<checkout_id>/result", methods=["GET", "POST"])
def result(checkout_id: str) -> Any:
    """What became of it, what happened to the money, and the way back."""
    checkout, _ = shown(checkout_id)
    if checkout.status not in CONFIRMED:
        return to_step(checkout_id, "")
    return _result_page(checkout_id)


def _result_page(checkout_id: str, *, error: GatewayError | None = None) -> str:
    checkout, merchant = shown(checkout_id)
    allow_way_back(checkout)
    takes_methods = methods.origin(gateway(), entry.mode()) is not None
    with gateway().db.read() as tx:
        shopper.for_shopper(tx, checkout_id)  # brings the business time of its merchant
        now = tx.now
        signed, settled = shopper.kept_of(tx, checkout)
        # One that became a payment was not declined; only it has stages.
        paid = checkout.payment_id
        review = reviews.of_checkout(tx, checkout_id) if paid is None else None
        staged = paid is not None and milestones.has_any(tx, paid)
        now_stands = standing.of(tx, checkout) if paid is not None else None
        method = _method(tx, checkout) if takes_methods else None
        offered = _offered(tx, checkout, review)
    offer_ends = reviewing.offer_ends(review)
    plan = deciding.chosen_plan(checkout) if paid is not None else None
    return render_template(
        "checkout/result.html",
        checkout=checkout,
        merchant=merchant,
        plan=plan,
        summary=summary.of(plan) if plan is not None else None,
        stands=now_stands,
        contract=signed,
        review=review,
        staged=staged,
        settled=settled,
        method=method,
        takes_methods=takes_methods,
        method_required=gateway().settings.repayment_method_required,
        now=now,
        offer_day=shanghai_date(offer_ends) if offer_ends is not None and offer_ends > now else None,
        offered=offered,
        offered_summary=summary.of(offered) if offered is not None else None,
        error=error,
        refresh_seconds=_refresh_seconds(checkout, now),
        return_url=back_to_shop(checkout.return_url, checkout),
        cancel_url=back_to_shop(checkout.cancel_url, checkout),
    )


def _method(tx: Transaction, checkout: Checkout) -> views.Shown | None:
    """The card of an approved checkout's person, as the page shows it."""
    if checkout.status != "approved" or checkout.shopper_id is None:
        return None
    return views.of_person(tx, checkout.shopper_id, language=language())


def _offered(tx: Transaction, checkout: Checkout, review: HumanReview | None) -> dict[str, Any] | None:
    """The plan of a counter-offer that the shopper can still take; a person's answer in their favour goes before it."""
    if not counter_offers.stands(tx, checkout) or (review is not None and review.status == "reconsider"):
        return None
    return counter_offers.plan_of(tx, gateway(), checkout)


def _refresh_seconds(checkout: Checkout, now: datetime) -> int:
    passed = (now - (checkout.confirmed_at or now)).total_seconds()
    return next((pause for within, pause in REFRESH_SECONDS if passed < within), REFRESH_SECONDS[-1][1])


@blueprint.post("/checkout/<checkout_id>/reopen")
def reopen(checkout_id: str) -> Any:
    """Continue an order that a person found wrongly declined: on to a checkout with today's quote."""
    return _on_to(checkout_id, reviewing.reopen)


@blueprint.post("/checkout/<checkout_id>/counter-offer")
def take_counter_offer(checkout_id: str) -> Any:
    """Continue an order that was declined for its amount as it was offered instead: on to its own checkout."""
    return _on_to(checkout_id, counter_offers.go_on)


def _on_to(checkout_id: str, begin: Callable[[Transaction, Gateway, str], Checkout]) -> Any:
    here = gateway()
    try:
        fresh = here.db.write(lambda tx: begin(tx, here, checkout_id))
    except (DuplicateReference, TermUnavailable, WrongState) as error:
        if shown(checkout_id)[0].status not in CONFIRMED:
            return to_step(checkout_id, "")
        return _result_page(checkout_id, error=error), error.status
    address = access.address_of(here, fresh) or f"/checkout/{fresh.id}"
    return redirect(frames.carried_on(with_language(address)), 303)


@blueprint.route("/checkout/<checkout_id>/contract", methods=["GET", "POST"])
def contract(checkout_id: str) -> Any:
    """The signed text, byte for byte, for the shopper to keep; headers carry its hash and signature."""
    with gateway().db.read() as tx:
        found = shopper.contract_of(tx, checkout_id)
    if found is None:
        raise NotFound("This checkout has no contract yet: a contract is made when it is approved.")
    answer = Response(found.text.encode(), content_type="text/plain; charset=utf-8")
    digest = base64.b64encode(bytes.fromhex(found.text_sha256)).decode()
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Repr-Digest"] = f"sha-256=:{digest}:"
    answer.headers["Content-Disposition"] = f'inline; filename="{found.id}.txt"'
    answer.headers["Contract-Signature"] = f"{found.algorithm} {found.key_id} {found.signature}"
    return answer


@blueprint.route("/checkout/<checkout_id>/amendments/<loan_id>/<version>", methods=["GET", "POST"])
def amendment(checkout_id: str, loan_id: str, version: str) -> Any:
    """One later version of a schedule, to read or print: from which day it holds, why, and what is to be paid."""
    checkout, merchant = shown(checkout_id)
    with gateway().db.read() as tx:
        shopper.for_shopper(tx, checkout_id)
        number = digits.whole(version, most_digits=4) or 0
        found = standing.amendment_of(tx, checkout, loan_id, number)
        signed = shopper.contract_of(tx, checkout_id)
    if found is None:
        raise NotFound("There is no such version of this schedule.")
    return render_template(
        "checkout/amendment.html",
        checkout=checkout,
        merchant=merchant,
        amendment=found,
        contract=signed,
        summary=summary.of_payments([row["payment"] for row in found.rows]) if found.rows else None,
    )
