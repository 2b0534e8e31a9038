"""The pages of the login: phone and code; where needed name and ID number; a second proof; log-out and devices."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Response, make_response, render_template, request

from gateway.checkout.rates import CODES, GUESSES
from gateway.db.transactions import READ_COMMITTED
from gateway.errors import (
    GatewayError,
    IdentityRefused,
    MessagesUnavailable,
    TooManyRequests,
    ValidationFailed,
)
from gateway.identity import sessions
from gateway.my import door, login, login_state
from gateway.my.door import before_login, blueprint
from gateway.web import problems
from gateway.web.bodies import loaded
from gateway.web.context import gateway
from gateway.web.fields import Line, Strict
from gateway.web.i18n import t, waiting_time
from gateway.web.rate_limits import limited

AFTER_PROOF = ("data",)
"""Pages, below the place, to which a second proof may lead."""


class PhoneForm(Strict):
    """What asking for a code needs."""

    phone = Line(longest=20, personal=True, required=True)


class CodeForm(PhoneForm):
    """A phone and its code."""

    code = Line(longest=6, shortest=6, pattern="[0-9]{6}", required=True)


class PersonForm(Strict):
    """Who somebody is."""

    name = Line(longest=60, shortest=2, required=True)
    id_number = Line(longest=60, personal=True, required=True)


class AgainForm(Strict):
    """The second proof."""

    code = Line(longest=6, shortest=6, pattern="[0-9]{6}", required=True)
    id_number = Line(longest=60, personal=True, required=True)


PHONE, CODE, PERSON, AGAIN = PhoneForm(), CodeForm(), PersonForm(), AgainForm()
REFUSALS = (IdentityRefused, MessagesUnavailable, TooManyRequests, ValidationFailed)


@blueprint.get("/login")
@before_login
def show_login() -> Any:
    """Phone and code; whoever has a session goes to their loans."""
    if door.find_session() is not None:
        return door.to()
    return _login_page(sent="sent" in request.args, erased="erased" in request.args)


@blueprint.get("/login/code")
@before_login
def login_form_address() -> Any:
    """The address of a form, opened as a page."""
    return door.to("login")


@blueprint.post("/login/code")
@limited(CODES)
@before_login
def send_code() -> Any:
    """Send a code, if anybody has given the phone; the answer does not reveal it."""
    here, state, mode = gateway(), login_state.read(), door.mode()
    try:
        phone = loaded(PHONE, {"phone": request.form.get("phone", "")})["phone"]
        state = replace(state, phone=login.checked(phone), proved_at=0)
        code = here.ports.notifier.new_code(mode)
        here.db.write(
            lambda tx: login.queue_code(tx, here, mode, browser=state.browser, phone=phone, code=code),
            READ_COMMITTED,
        )
    except REFUSALS as error:
        return _refused(_login_page(errors=field_errors(error)), error)
    here.woken.set()
    return login_state.keep(door.to("login?sent=1"), state)


@blueprint.post("/login")
@limited(GUESSES)
@before_login
def enter() -> Any:
    """Take the code: on to the loans, or to name and ID number."""
    here, state, mode = gateway(), login_state.read(), door.mode()
    try:
        typed = loaded(CODE, {name: request.form.get(name, "") for name in ("phone", "code")})
        people = here.db.write(
            lambda tx: login.prove_phone(tx, here, mode, browser=state.browser, **typed), READ_COMMITTED
        )
        phone = login.checked(typed["phone"])
    except REFUSALS as error:
        return _refused(_login_page(errors=field_errors(error), sent=True), error)
    if people is None:
        return _login_page(errors={"code": t("my.login.refused")}, sent=True), 422
    if login.needs_more(mode, people):
        now = int(here.clock().timestamp())
        return login_state.keep(door.to("login/who"), replace(state, phone=phone, proved_at=now))
    return _let_in(people[0])


@blueprint.get("/login/who")
@before_login
def show_who() -> Any:
    """Name and ID number, once the phone is proved."""
    if door.find_session() is not None:
        return door.to()
    return _who_page() if login_state.proved_phone() else door.to("login")


@blueprint.post("/login/who")
@limited(GUESSES)
@before_login
def tell_who() -> Any:
    """Take name and ID number; on to the loans."""
    here, mode, phone = gateway(), door.mode(), login_state.proved_phone()
    if phone is None:
        return door.to("login")
    try:
        typed = loaded(PERSON, {name: request.form.get(name, "") for name in ("name", "id_number")})
        found = here.db.write(
            lambda tx: login.prove_person(tx, here, mode, phone=phone, **typed), READ_COMMITTED
        )
    except REFUSALS as error:
        return _refused(_who_page(errors=field_errors(error)), error)
    if found is None:
        return _who_page(errors={"id_number": t("my.who.refused")}), 422
    return _let_in(found.id)


@blueprint.get("/again")
def show_again() -> Any:
    """A fresh code and the ID number, before what cannot be undone."""
    return _again_page(sent="sent" in request.args)


@blueprint.get("/again/code")
def again_form_address() -> Any:
    """The address of a form, opened as a page."""
    return door.to("again")


@blueprint.post("/again/code")
@limited(CODES)
def send_second_code() -> Any:
    """Send a code to the phone on file."""
    here, mode, shopper = gateway(), door.mode(), door.shopper_id()
    try:
        code = here.ports.notifier.new_code(mode)
        here.db.write(lambda tx: login.queue_second_code(tx, here, mode, shopper, code=code), READ_COMMITTED)
    except REFUSALS as error:
        return _refused(_again_page(errors=field_errors(error)), error)
    here.woken.set()
    return door.to(f"again?sent=1&next={_next()}")


@blueprint.post("/again")
@limited(GUESSES)
def prove_again() -> Any:
    """Take the second proof; on to the page that asked for it."""
    here, mode, session = gateway(), door.mode(), door.session()
    try:
        typed = loaded(AGAIN, {name: request.form.get(name, "") for name in ("code", "id_number")})
        good = here.db.write(lambda tx: login.prove_again(tx, here, mode, session, **typed), READ_COMMITTED)
    except REFUSALS as error:
        return _refused(_again_page(errors=field_errors(error), sent=True), error)
    if not good:
        return _again_page(errors={"code": t("my.again.refused")}, sent=True), 422
    return door.to(f"{_next()}?done=proved")


@blueprint.get("/devices")
def show_devices() -> Any:
    """Where the shopper is logged in."""
    own = door.session()
    with gateway().db.read() as tx:
        rows = sessions.open_of(tx, own.shopper_id)
    return render_template("my/devices.html", rows=rows, own=own.id)


@blueprint.get("/devices/end")
@blueprint.get("/logout")
def devices_form_address() -> Any:
    """The address of a form, opened as a page."""
    return door.to("devices")


@blueprint.post("/devices/end")
def end_devices() -> Any:
    """End another session, or all others."""
    own, which = door.session(), request.form.get("session", "")
    if which == "others":
        gateway().db.write(lambda tx: sessions.end_others(tx, own.shopper_id, but=own.id))
    else:
        gateway().db.write(lambda tx: sessions.end(tx, own.shopper_id, which))
    return door.to("devices")


@blueprint.post("/logout")
def log_out() -> Any:
    """End this session."""
    own = door.session()
    gateway().db.write(lambda tx: sessions.end(tx, own.shopper_id, own.id))
    return door.forget(door.to("login"))


def field_errors(error: GatewayError) -> dict[str, str]:
    """Translated errors by field."""
    if isinstance(error, ValidationFailed):
        return {row["param"]: t(f"field.{row['param']}.error") for row in error.extra["errors"]}
    wait = waiting_time(error.extra.get("retry_after", 0))
    reason = error.extra.get("reason", error.code)
    if reason == "rate_limited":
        return {error.param or "code": t("my.login.too_many")}
    return {error.param or "code": t(f"refused.{reason}", wait=wait)}


def _let_in(shopper_id: str) -> Response:
    here, device = gateway(), request.headers.get("User-Agent", "")
    kept = here.db.write(lambda tx: login.begin(tx, here, shopper_id, device=device), READ_COMMITTED)
    return login_state.forget(door.remember(door.to(), kept))


def _refused(page: str, error: GatewayError) -> Response:
    return problems.with_retry_after(make_response(page, error.status), error)


def _login_page(*, errors: dict[str, str] | None = None, sent: bool = False, erased: bool = False) -> str:
    phone = request.form.get("phone") or login_state.read().phone.removeprefix("+86")
    return render_template("my/login.html", errors=errors or {}, sent=sent, phone=phone, erased=erased)


def _who_page(*, errors: dict[str, str] | None = None) -> str:
    return render_template("my/who.html", errors=errors or {}, name=request.form.get("name", ""))


def _again_page(*, errors: dict[str, str] | None = None, sent: bool = False) -> str:
    return render_template("my/again.html", errors=errors or {}, sent=sent, next=_next())


def _next() -> str:
    """Where the second proof leads: one of our own pages, whatever the form says."""
    wanted = request.values.get("next", "")
    return wanted if wanted in AFTER_PROOF else AFTER_PROOF[0]
