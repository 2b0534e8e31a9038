"""The shopper's page of the stages of an order: what the shop says is done, and until when it can be contested."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, make_response, render_template, request

from gateway.checkout import shopper
from gateway.checkout.models import Checkout
from gateway.checkout.pages import PAGES, shown, to_step
from gateway.checkout.service import tenant_of
from gateway.db.transactions import READ_COMMITTED
from gateway.errors import GatewayError, NotFound, ValidationFailed, WrongState
from gateway.payments.milestones import service as milestones
from gateway.web.bodies import loaded
from gateway.web.context import gateway
from gateway.web.fields import Line, Strict

blueprint = Blueprint("checkout_stages", __name__, template_folder="templates")
PAGES["stages"] = "checkout_stages.show_stages"


class ContestForm(Strict):
    """Which stage the shopper contests, and why."""

    milestone = Line(longest=100, required=True)
    reason = Line(longest=500, shortest=2, required=True)


FORM = ContestForm()


@blueprint.route("/checkout/<checkout_id>/stages", methods=["GET", "POST"])
def show_stages(checkout_id: str) -> Any:
    """The stages of the order, and a form for each that can be contested now."""
    return _page(checkout_id)


@blueprint.get("/checkout/<checkout_id>/stages/contest")
def form_address(checkout_id: str) -> Any:
    """The address of the form, opened as a page: on to the stages."""
    return to_step(checkout_id, "stages")


@blueprint.post("/checkout/<checkout_id>/stages/contest")
def contest(checkout_id: str) -> Any:
    """The shopper contests a stage. What was typed stays in the page when it cannot be taken."""
    typed = {name: " ".join(request.form.get(name, "").split()) for name in ("milestone", "reason")}
    checkout, _ = shown(checkout_id)
    try:
        form = loaded(FORM, typed)
        if checkout.payment_id is None:
            raise NotFound("This order has no stages.")
        payment_id, tenant = checkout.payment_id, tenant_of(checkout)

        def contested(tx: Any) -> None:
            shopper.for_shopper(tx, checkout_id)  # brings the business time of its merchant
            milestones.contest(
                tx, tenant, payment_id=payment_id, milestone_id=form["milestone"], reason=form["reason"]
            )

        gateway().db.write(contested, READ_COMMITTED)
    except (NotFound, ValidationFailed, WrongState) as error:
        return make_response(_page(checkout_id, typed=typed, error=error), error.status)
    return to_step(checkout_id, "stages")


def _page(checkout_id: str, *, typed: dict[str, str] | None = None, error: GatewayError | None = None) -> str:
    checkout, merchant = shown(checkout_id)
    rows, now = _stages(checkout)
    return render_template(
        "checkout/stages.html",
        checkout=checkout,
        merchant=merchant,
        stages=rows,
        now=now,
        typed=typed or {},
        error=error,
    )


def _stages(checkout: Checkout) -> tuple[list[dict[str, Any]], Any]:
    with gateway().db.read() as tx:
        shopper.for_shopper(tx, checkout.id)
        if checkout.payment_id is None:
            return [], tx.now
        return milestones.views(tx, milestones.of_payment(tx, checkout.payment_id)), tx.now
