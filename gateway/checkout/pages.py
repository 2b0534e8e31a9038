"""The shopper's pages up to the confirmation: choose and identify, read and confirm. Each works without JavaScript.

``entry`` decides who may see which page; a form that could not be taken is kept over the redirect by ``typed``. Where
a page is also a form's target, the form is that of a browser without cookies.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from flask import Blueprint, Flask, Response, current_app, make_response, redirect, render_template, request

from gateway.checkout import access, agreements, deciding, device, entry, shopper, typed
from gateway.checkout.forms import FORM_FIELDS, IDENTITY, PHONE, REFUSED, TERM, field_problems, said
from gateway.checkout.models import Checkout
from gateway.checkout.rates import CODES, GUESSES
from gateway.checkout.service import merchant_of
from gateway.checkout.states import OPTIONAL_CONSENTS, REQUIRED_CONSENTS
from gateway.checkout.typed import Typed
from gateway.contracts import clauses
from gateway.core import return_address
from gateway.db.transactions import READ_COMMITTED
from gateway.errors import (
    CodeRefused,
    ConsentMissing,
    CostAboveCeiling,
    GatewayError,
    QuoteChanged,
    ReadingTimeShort,
    SubsidyQuotaUsed,
    WrongState,
)
from gateway.identity import service as identity
from gateway.identity.invented import invented_id_number
from gateway.monitoring.security_events import refused
from gateway.plans import summary
from gateway.web.bodies import loaded
from gateway.web.context import gateway
from gateway.web.headers import allow_form_target, framed
from gateway.web.i18n import catalogue, language, t, with_language
from gateway.web.rate_limits import limited

blueprint = Blueprint("checkout", __name__, template_folder="templates")
CONFIRMED = ("deciding", "under_review", "approved", "declined", "expired", "canceled")
"""From here on the result page speaks."""


CODE_PAUSE = 30
"""Seconds until the page offers another code."""
IN_FULL = "full"
"""Chosen in the place of a term: to pay the shop in full, without a loan."""
PAGES = {
    "": "checkout.choose",
    "review": "checkout.review",
    "result": "checkout_result.result",
    "consents": "checkout_privacy.show_consents",
}
"""The steps that are pages, by the end of their address."""


def register(app: Flask) -> None:
    """Mount the pages on ``app``."""
    app.jinja_env.globals["lender"] = lender
    app.register_blueprint(blueprint)


def lender(name: str) -> str:
    """The lender as the shopper reads it: its translated name, or the name itself."""
    return t(f"lender.{name}") if f"lender.{name}" in catalogue(language()) else name


@blueprint.route("/checkout/<checkout_id>", methods=["GET", "POST"])
def choose(checkout_id: str) -> Any:
    """Plans and the identity form; a checkout that is further on goes to its page."""
    checkout, merchant = shown(checkout_id)
    if checkout.status in CONFIRMED:
        return to_step(checkout_id, "result")
    brought = typed.brought(checkout_id, "")
    page = make_response(_choose_page(checkout, merchant, brought), brought.status)
    if brought.retry_after:
        page.headers["Retry-After"] = str(brought.retry_after)
    return page


@blueprint.post("/checkout/<checkout_id>/code")
@limited(CODES)
def send_code(checkout_id: str) -> Any:
    """Send the one-time code; the page comes back with everything that was typed."""
    values = _form_values()
    try:
        _send_code(checkout_id, loaded(PHONE, {"phone": values["phone"]})["phone"])
    except REFUSED as error:
        return back_to(checkout_id, "", _refused(values, error))
    except WrongState:
        return to_step(checkout_id, "result")
    return back_to(checkout_id, "", Typed(values=values, sent=True), at="#code")


@blueprint.post("/checkout/<checkout_id>/identity")
@limited(GUESSES)
def identify(checkout_id: str) -> Any:
    """Take the chosen term and the identity; on to the disclosure. Who is identified chooses again without a code."""
    values, proven = _form_values(), entry.proven_shopper()
    try:
        if values["term"] == IN_FULL:
            return _pay_in_full(shown(checkout_id)[0])
        if request.form.get("known") == "yes" and proven is not None:
            term = loaded(TERM, {"term": values["term"]})["term"]
            here = gateway()
            here.db.write(
                lambda tx: shopper.choose_again(tx, here, checkout_id, term=term, shopper_id=proven),
                READ_COMMITTED,
            )
            return typed.forget(to_step(checkout_id, "review"))
        key = _identified(checkout_id, loaded(IDENTITY, values))
    except REFUSED as error:
        return back_to(checkout_id, "", _refused(values, error))
    except WrongState:
        return to_step(checkout_id, "result")
    return typed.forget(let_in(checkout_id, key, "review"))


@blueprint.route("/checkout/<checkout_id>/review", methods=["GET", "POST"])
def review(checkout_id: str) -> Any:
    """The cost disclosure, the plan read back, and the consents."""
    checkout, merchant = shown(checkout_id)
    if checkout.status != "identified":
        return to_step(checkout_id, "result" if checkout.status in CONFIRMED else "")
    checkout, now = gateway().db.write(lambda tx: (shopper.disclose(tx, checkout_id), tx.now), READ_COMMITTED)
    brought = typed.brought(checkout_id, "review")
    page = device.remembered(_review_page(checkout, merchant, brought, now))
    page.status_code = brought.status
    return page


@blueprint.post("/checkout/<checkout_id>/confirm")
def confirm(checkout_id: str) -> Any:
    """Conclude. A second confirm changes nothing and shows the answer of the first."""
    consents = {kind for kind in agreements.KINDS if request.form.get(kind) == "yes"}
    here, quote_hash = gateway(), request.form.get("quote_hash", "")
    browser, confirms, spoken = device.known(), entry.proven_shopper(), language()
    try:
        here.ports.funder.check(entry.mode())
        begun = here.db.write(
            lambda tx: shopper.confirm(
                tx,
                here,
                checkout_id,
                quote_hash=quote_hash,
                consents=consents,
                shopper_id=confirms,
                device=browser,
                language=spoken,
            ),
            READ_COMMITTED,
        )
        deciding.answer(here, begun.request.id, begun=begun)
    except (ConsentMissing, CostAboveCeiling, QuoteChanged, ReadingTimeShort, SubsidyQuotaUsed) as error:
        refused(error)
        kept = Typed("review", error=error.code, given=sorted(consents), status=error.status)
        return back_to(checkout_id, "review", kept)
    except WrongState:
        pass  # decided already, by this shopper's other tab or first click
    return typed.forget(to_step(checkout_id, "result"))


@blueprint.post("/checkout/<checkout_id>/cancel")
def cancel(checkout_id: str) -> Any:
    """The shopper turns back to the shop."""
    try:
        return _turn_back(checkout_id, "shopper")
    except WrongState:
        return to_step(checkout_id, "result")


def _pay_in_full(checkout: Checkout) -> Response:
    """Back to the shop without a loan. Raises ``WrongState``, or ``Locked`` for whom another is identified before."""
    if checkout.shopper_id is not None and entry.proven_shopper() is None:
        raise entry.Locked(checkout)
    return _turn_back(checkout.id, "pay_in_full")


def _turn_back(checkout_id: str, why: str) -> Response:
    checkout = gateway().db.write(lambda tx: shopper.cancel(tx, checkout_id, why=why), READ_COMMITTED)
    # In a frame the page tells the one around it, which closes the frame.
    way_back = back_to_shop(checkout.cancel_url, checkout) if framed() is None else None
    found = make_response(redirect(way_back, 303)) if way_back else to_step(checkout_id, "result")
    return typed.forget(found)


@blueprint.get("/checkout/<checkout_id>/code")
@blueprint.get("/checkout/<checkout_id>/identity")
@blueprint.get("/checkout/<checkout_id>/cancel")
@blueprint.get("/checkout/<checkout_id>/confirm")
@blueprint.get("/checkout/<checkout_id>/reopen")
@blueprint.get("/checkout/<checkout_id>/counter-offer")
@blueprint.get("/checkout/<checkout_id>/human-review")
def form_address(checkout_id: str) -> Any:
    """The address of a form, opened in the other language or in a fresh tab: on to the step of the shopper."""
    checkout, _ = shown(checkout_id)
    if checkout.status in CONFIRMED:
        return to_step(checkout_id, "result")
    return to_step(checkout_id, "review" if request.path.endswith("/confirm") else "")


def _form_values() -> dict[str, str]:
    return {name: request.form.get(name, "") for name in FORM_FIELDS}


def _refused(values: dict[str, str], error: GatewayError) -> Typed:
    """The form as it was typed, with what is wrong with it; a code that was refused is typed again."""
    refused(error)
    problems = field_problems(error)
    return Typed(
        values={**values, "code": ""} if "code" in problems else values,
        problems=problems,
        status=error.status,
        retry_after=error.extra.get("retry_after", 0),
    )


def back_to(checkout_id: str, step: str, brought: Typed, *, at: str = "") -> Response:
    """Back to the page of a form that was not taken, by a redirect; a browser without cookies gets the page itself."""
    if entry.carried() is not None:
        typed.show(brought)
        return to_step(checkout_id, step)
    answer = to_step(checkout_id, step)
    answer.location = f"{answer.location}{at}"
    return typed.keep(answer, checkout_id, brought)


def _send_code(checkout_id: str, phone: str) -> None:
    """Queue a fresh code, once it is known that one can be sent at all. Raises ``MessagesUnavailable``."""
    here = gateway()
    code = here.ports.notifier.new_code(entry.mode())
    here.db.write(
        lambda tx: shopper.queue_code(tx, here, checkout_id, phone=phone, code=code), READ_COMMITTED
    )
    here.woken.set()


def _identified(checkout_id: str, form: dict[str, Any]) -> str:
    """The pass of the shopper who is identified now."""
    here = gateway()
    found = here.db.write(lambda tx: shopper.identify(tx, here, checkout_id, **form), READ_COMMITTED)
    if isinstance(found, CodeRefused):
        raise found
    return access.new_pass(here.vault, found, here.clock())


def shown(checkout_id: str) -> tuple[Checkout, Any]:
    """The checkout behind the address, and its merchant. Raises ``NotFound``."""
    with gateway().db.read() as tx:
        checkout = shopper.for_shopper(tx, checkout_id)
        return checkout, merchant_of(tx, checkout)


def _choose_page(checkout: Checkout, merchant: Any, brought: Typed) -> str:
    allow_way_back(checkout)
    proven = entry.proven_shopper()
    anothers = checkout.shopper_id is not None and proven is None
    known = None
    if proven is not None and checkout.status == "identified" and "details" not in request.args:
        with gateway().db.read() as tx:
            known = identity.masked(tx, gateway().vault, proven)
    chosen = brought.values.get("term") or ("" if anothers else str(checkout.term or ""))
    offered = [str(plan["term"]) for plan in checkout.plans]
    return render_template(
        "checkout/choose.html",
        checkout=checkout,
        merchant=merchant,
        values=brought.values,
        chosen=chosen if chosen in offered else IN_FULL,
        summaries={plan["term"]: summary.of(plan) for plan in checkout.plans},
        known=known,
        errors=said(brought.problems),
        sent=brought.sent,
        wait_seconds=CODE_PAUSE if brought.sent else 0,
        sandbox_id_number=invented_id_number(checkout.id) if checkout.mode == "test" else None,
        is_anothers=anothers,
    )


def _review_page(checkout: Checkout, merchant: Any, brought: Typed, now: datetime) -> str:
    allow_way_back(checkout)
    plan = deciding.chosen_plan(checkout)
    reading = gateway().settings.disclosure_reading_seconds
    left = max(0, math.ceil(((checkout.disclosed_at or now) - now).total_seconds() + reading))
    return render_template(
        "checkout/review.html",
        checkout=checkout,
        merchant=merchant,
        plan=plan,
        summary=summary.of(plan),
        clauses=clauses.of_plan(plan, language()),
        required=REQUIRED_CONSENTS,
        optional=OPTIONAL_CONSENTS,
        agreement_version=agreements.current,
        given=set(brought.given),
        error="" if brought.error == ReadingTimeShort.code and not left else brought.error,
        reading_left=left,
    )


def allow_way_back(checkout: Checkout) -> None:
    """Let the forms of this page end at the shop."""
    way_back = back_to_shop(checkout.cancel_url, checkout)
    if way_back is not None:
        allow_form_target(return_address.origin(way_back))


def back_to_shop(url: str, checkout: Checkout) -> str | None:
    """The shop's address with the checkout's id, and the language where the shop has told one.

    None for an address that an earlier release took and nobody can open.
    """
    try:
        return return_address.with_checkout(
            url.partition("#")[0], checkout.id, locale=language() if checkout.locale else None
        )
    except return_address.NotAnAddress:
        return None


def let_in(checkout_id: str, key: str, step: str) -> Response:
    """On to a step, with the shopper's pass in a cookie; one that keeps none gets the page with it inside."""
    if entry.carried() is not None or not entry.keeps_cookies():
        entry.carry(key)
    return entry.remember(to_step(checkout_id, step), checkout_id, key)


def to_step(checkout_id: str, step: str) -> Response:
    """On to a step of the checkout, in the reader's language; with a key in the form, to the page itself.

    Raises ``Locked`` when the key does not open it.
    """
    if entry.carried() is not None:
        entry.admit(checkout_id, PAGES[step])
        return make_response(current_app.view_functions[PAGES[step]](checkout_id=checkout_id))
    path = f"/checkout/{checkout_id}/{step}" if step else f"/checkout/{checkout_id}"
    return make_response(redirect(with_language(path), 303))
