"""The shopper's pages: choose and identify, read and confirm, see the answer. Every one works without JavaScript.

``entry`` decides who may see which page. Where a page is also a form's target, the form
is that of a browser without cookies.
"""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

from flask import Blueprint, Flask, Response, current_app, make_response, redirect, render_template, request

from gateway.checkout import access, agreements, deciding, device, entry, frames, reviewing, shopper
from gateway.checkout.models import Checkout
from gateway.checkout.rates import CODES, GUESSES
from gateway.checkout.service import merchant_of
from gateway.checkout.states import OPTIONAL_CONSENTS, REQUIRED_CONSENTS
from gateway.contracts import clauses
from gateway.core import return_address
from gateway.core.calendar import shanghai_date
from gateway.db.transactions import READ_COMMITTED
from gateway.decision import reviews
from gateway.errors import (
    CodeRefused,
    ConsentMissing,
    CostAboveCeiling,
    DuplicateReference,
    GatewayError,
    IdentityRefused,
    MessagesUnavailable,
    NotFound,
    QuoteChanged,
    ReadingTimeShort,
    SubsidyQuotaUsed,
    TermUnavailable,
    TooManyRequests,
    ValidationFailed,
    WrongState,
)
from gateway.identity.invented import invented_id_number
from gateway.payments.milestones import service as milestones
from gateway.web import problems
from gateway.web.bodies import loaded
from gateway.web.context import gateway
from gateway.web.fields import Line, QueryNumber, Strict
from gateway.web.headers import allow_form_target, framed
from gateway.web.i18n import catalogue, language, t, waiting_time, with_language
from gateway.web.rate_limits import limited

blueprint = Blueprint("checkout", __name__, template_folder="templates")
CONFIRMED = ("deciding", "under_review", "approved", "declined", "expired", "canceled")
"""From here on the result page speaks."""
REFRESH_SECONDS = ((10, 2), (60, 5), (900, 10))
"""While it is being decided, after how many seconds the page reloads, by how many have passed."""


class PhoneForm(Strict):
    """What asking for a code needs."""

    phone = Line(longest=20, personal=True, required=True)


class CodeForm(PhoneForm):
    """A phone and the code that was sent to it."""

    code = Line(longest=6, shortest=6, pattern="[0-9]{6}", required=True)


class IdentityForm(CodeForm):
    """What the shopper fills in."""

    term = QueryNumber(low=3, high=12, required=True)
    name = Line(longest=60, shortest=2, required=True)
    id_number = Line(longest=60, personal=True, required=True)


FORM_FIELDS = ("term", "name", "id_number", "phone", "code")
PHONE, CODE, IDENTITY = PhoneForm(), CodeForm(), IdentityForm()
PAGES = {
    "": "checkout.choose",
    "review": "checkout.review",
    "result": "checkout.result",
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
    chosen = checkout.term if entry.proven_shopper() else None
    return _choose_page(checkout, merchant, values={"term": str(chosen or "")})


@blueprint.post("/checkout/<checkout_id>/code")
@limited(CODES)
def send_code(checkout_id: str) -> Any:
    """Send the one-time code; the page comes back with everything that was typed."""
    return _identity_step(checkout_id, only_code=True)


@blueprint.post("/checkout/<checkout_id>/identity")
@limited(GUESSES)
def identify(checkout_id: str) -> Any:
    """Take the chosen term and the identity; on to the disclosure."""
    return _identity_step(checkout_id, only_code=False)


@blueprint.route("/checkout/<checkout_id>/review", methods=["GET", "POST"])
def review(checkout_id: str) -> Any:
    """The cost disclosure, the plan read back, and the consents."""
    checkout, merchant = shown(checkout_id)
    if checkout.status != "identified":
        return to_step(checkout_id, "result" if checkout.status in CONFIRMED else "")
    checkout = gateway().db.write(lambda tx: shopper.disclose(tx, checkout_id), READ_COMMITTED)
    return device.remembered(_review_page(checkout, merchant))


@blueprint.post("/checkout/<checkout_id>/confirm")
def confirm(checkout_id: str) -> Any:
    """Conclude. A second confirm changes nothing and shows the answer of the first."""
    consents = {kind for kind in agreements.KINDS if request.form.get(kind) == "yes"}
    here, quote_hash = gateway(), request.form.get("quote_hash", "")
    browser, confirms = device.known(), entry.proven_shopper()
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
            ),
            READ_COMMITTED,
        )
        deciding.answer(here, begun.request.id, begun=begun)
    except (ConsentMissing, CostAboveCeiling, QuoteChanged, ReadingTimeShort, SubsidyQuotaUsed) as error:
        checkout, merchant = shown(checkout_id)
        return _review_page(checkout, merchant, error=error, consents=consents), error.status
    except WrongState:
        pass  # decided already, by this shopper's other tab or first click
    return to_step(checkout_id, "result")


@blueprint.post("/checkout/<checkout_id>/cancel")
def cancel(checkout_id: str) -> Any:
    """The shopper turns back to the shop."""
    try:
        checkout = gateway().db.write(lambda tx: shopper.cancel(tx, checkout_id), READ_COMMITTED)
    except WrongState:
        return to_step(checkout_id, "result")
    if framed() is not None:
        return _result_page(checkout_id)  # tells the page around it, which closes the frame
    way_back = _back(checkout.cancel_url, checkout_id)
    return redirect(way_back, 303) if way_back else to_step(checkout_id, "result")


@blueprint.route("/checkout/<checkout_id>/result", methods=["GET", "POST"])
def result(checkout_id: str) -> Any:
    """What became of it, what happened to the money, and the way back."""
    checkout, _ = shown(checkout_id)
    if checkout.status not in CONFIRMED:
        return to_step(checkout_id, "")
    return _result_page(checkout_id)


def _result_page(checkout_id: str, *, error: GatewayError | None = None) -> str:
    checkout, merchant = shown(checkout_id)
    _allow_way_back(checkout)
    with gateway().db.read() as tx:
        shopper.for_shopper(tx, checkout_id)  # brings the business time of its merchant
        now = tx.now
        signed = shopper.contract_of(tx, checkout_id)
        # One that became a payment was not declined; only it has stages.
        paid = checkout.payment_id
        review = reviews.of_checkout(tx, checkout_id) if paid is None else None
        staged = paid is not None and milestones.has_any(tx, paid)
    offer_ends = reviewing.offer_ends(review)
    return render_template(
        "checkout/result.html",
        checkout=checkout,
        merchant=merchant,
        plan=deciding.chosen_plan(checkout) if checkout.term else None,
        contract=signed,
        review=review,
        staged=staged,
        now=now,
        offer_day=shanghai_date(offer_ends) if offer_ends is not None and offer_ends > now else None,
        error=error,
        refresh_seconds=_refresh_seconds(checkout, now),
        return_url=_back(checkout.return_url, checkout_id),
        cancel_url=_back(checkout.cancel_url, checkout_id),
    )


def _refresh_seconds(checkout: Checkout, now: datetime) -> int:
    passed = (now - (checkout.confirmed_at or now)).total_seconds()
    return next((pause for within, pause in REFRESH_SECONDS if passed < within), REFRESH_SECONDS[-1][1])


@blueprint.post("/checkout/<checkout_id>/reopen")
def reopen(checkout_id: str) -> Any:
    """Continue an order that a person found wrongly declined: on to a checkout with today's quote."""
    here = gateway()
    try:
        fresh = here.db.write(lambda tx: reviewing.reopen(tx, here, checkout_id))
    except (DuplicateReference, TermUnavailable, WrongState) as error:
        if shown(checkout_id)[0].status not in CONFIRMED:
            return to_step(checkout_id, "")
        return _result_page(checkout_id, error=error), error.status
    address = access.address_of(here, fresh) or f"/checkout/{fresh.id}"
    return redirect(frames.carried_on(with_language(address)), 303)


@blueprint.get("/checkout/<checkout_id>/code")
@blueprint.get("/checkout/<checkout_id>/identity")
@blueprint.get("/checkout/<checkout_id>/cancel")
@blueprint.get("/checkout/<checkout_id>/confirm")
@blueprint.get("/checkout/<checkout_id>/reopen")
@blueprint.get("/checkout/<checkout_id>/human-review")
def form_address(checkout_id: str) -> Any:
    """The address of a form, opened in the other language or in a fresh tab: on to the step of the shopper."""
    checkout, _ = shown(checkout_id)
    if checkout.status in CONFIRMED:
        return to_step(checkout_id, "result")
    return to_step(checkout_id, "review" if request.path.endswith("/confirm") else "")


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


def _identity_step(checkout_id: str, *, only_code: bool) -> Any:
    values = {name: request.form.get(name, "") for name in FORM_FIELDS}
    try:
        if only_code:
            _send_code(checkout_id, loaded(PHONE, {"phone": values["phone"]})["phone"])
            checkout, merchant = shown(checkout_id)
            return _choose_page(checkout, merchant, values=values, sent=True)
        key = _identified(checkout_id, loaded(IDENTITY, values))
    except (
        ValidationFailed,
        IdentityRefused,
        CodeRefused,
        TermUnavailable,
        TooManyRequests,
        MessagesUnavailable,
        SubsidyQuotaUsed,
    ) as error:
        checkout, merchant = shown(checkout_id)
        page = _choose_page(checkout, merchant, values=values, errors=field_errors(error))
        return problems.with_retry_after(make_response(page, error.status), error)
    except WrongState:
        return to_step(checkout_id, "result")
    return let_in(checkout_id, key, "review")


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


def field_errors(error: GatewayError) -> dict[str, str]:
    """Translated errors by field, in the order of the form."""
    if isinstance(error, ValidationFailed):
        found = {row["param"]: f"field.{row['param']}.error" for row in error.extra["errors"]}
    else:
        reason = error.extra.get("reason", error.code)
        found = {error.param or "code": f"refused.{reason}"}
    wait = waiting_time(error.extra.get("retry_after", 0))
    return {name: t(found[name], wait=wait) for name in FORM_FIELDS if name in found}


def shown(checkout_id: str) -> tuple[Checkout, Any]:
    """The checkout behind the address, and its merchant. Raises ``NotFound``."""
    with gateway().db.read() as tx:
        checkout = shopper.for_shopper(tx, checkout_id)
        return checkout, merchant_of(tx, checkout)


def _choose_page(
    checkout: Checkout,
    merchant: Any,
    *,
    values: dict[str, str],
    errors: dict[str, str] | None = None,
    sent: bool = False,
) -> str:
    _allow_way_back(checkout)
    return render_template(
        "checkout/choose.html",
        checkout=checkout,
        merchant=merchant,
        values=values,
        errors=errors or {},
        sent=sent,
        sandbox_id_number=invented_id_number(checkout.id) if checkout.mode == "test" else None,
        is_anothers=checkout.shopper_id is not None and entry.proven_shopper() is None,
    )


def _review_page(
    checkout: Checkout, merchant: Any, *, error: GatewayError | None = None, consents: set[str] | None = None
) -> str:
    _allow_way_back(checkout)
    plan = deciding.chosen_plan(checkout)
    return render_template(
        "checkout/review.html",
        checkout=checkout,
        merchant=merchant,
        plan=plan,
        clauses=clauses.of_plan(plan, language()),
        required=REQUIRED_CONSENTS,
        optional=OPTIONAL_CONSENTS,
        agreement_version=agreements.current,
        given=consents or set(),
        error=error,
        reading_seconds=gateway().settings.disclosure_reading_seconds,
    )


def _allow_way_back(checkout: Checkout) -> None:
    way_back = _back(checkout.cancel_url, checkout.id)
    if way_back is not None:
        allow_form_target(return_address.origin(way_back))


def _back(url: str, checkout_id: str) -> str | None:
    """The shop's address with the checkout's id; None for one that an earlier release took and nobody can open."""
    try:
        return return_address.with_checkout(url.partition("#")[0], checkout_id)
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
