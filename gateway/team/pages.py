"""The gateway's own account pages: second factors, the password, and accepting an invitation.

They are here and not in the portal because secrets and passkeys belong to this site. ``/account/security`` opens for
the browser that has logged in (its account cookie); it changes something only within five minutes of that login.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request

from gateway.audit import service as audit
from gateway.audit.service import Actor
from gateway.core import one_time_codes
from gateway.db.transactions import Transaction
from gateway.errors import Conflict, InvalidRequest
from gateway.monitoring.security_events import security_event
from gateway.team import (
    authenticators,
    browser_cookies,
    enrolment,
    factors,
    forms,
    invitations,
    passkeys,
    passwords,
    service,
)
from gateway.team.models import LoginSession, TeamMember
from gateway.team.rates import INVITATIONS
from gateway.web.context import gateway
from gateway.web.i18n import with_language
from gateway.web.permissions import STEP_UP_SECONDS
from gateway.web.rate_limits import limited

blueprint = Blueprint("account", __name__, template_folder="templates")
FORM_LIFE = timedelta(seconds=STEP_UP_SECONDS)


@blueprint.get("/account/security")
def security() -> Response:
    """Your own second factors, right after a login here."""
    with gateway().db.read() as tx:
        who = _who(tx)
        if who is None:
            return _door(None)
        session, person = who
        return _page(tx, session, person) if _is_recent(session) else _door(session)


@blueprint.post("/account/security")
def change() -> Response:
    """Add or remove a factor, make new recovery codes, or change the password."""
    if browser_cookies.is_foreign():
        raise InvalidRequest("The form was sent from another site.")
    form = forms.opened("security", FORM_LIFE)

    def in_transaction(tx: Transaction) -> Response:
        who = _who(tx)
        if who is None or not _is_recent(who[0]):
            return _door(who[0] if who else None)
        session, person = who
        if form is None or form["session"] != session.id:
            return _page(tx, session, person, enrolment.Done(error="stale"), status=400)
        done = enrolment.act(tx, session, person, request.form, challenge=form["challenge"])
        if not done.error:
            _record(tx, person, f"account.{request.form.get('do', '')[:40]}")
        if done != enrolment.Done():
            return _page(tx, session, person, done, status=422 if done.error else 200)
        return make_response(redirect(with_language("/account/security"), 303))

    return _uncached(gateway().db.write(in_transaction))


@blueprint.get("/account/invitation")
@limited(INVITATIONS)
def invitation() -> Response:
    """Show the invitation and ask for a password."""
    return _invitation_page(request.args.get("token", ""))


@blueprint.post("/account/invitation")
@limited(INVITATIONS)
def accept() -> Response:
    """Join the team."""
    if browser_cookies.is_foreign():
        raise InvalidRequest("The form was sent from another site.")
    token, password = request.form.get("token", ""), request.form.get("password", "")
    if password != request.form.get("again", ""):
        return _invitation_page(token, error="differ", status=422)
    problem = passwords.problem(password)
    if problem is not None:
        return _invitation_page(token, error=problem, status=422)
    here = gateway()

    def in_transaction(tx: Transaction) -> TeamMember | None:
        member = invitations.accept(tx, here.vault, token, password=password)
        if member is not None:
            _record(tx, member, "team.join", role=member.role)
        return member

    try:
        joined = here.db.write(in_transaction)
    except Conflict:
        return _invitation_page(token, error="taken", status=409)
    if joined is None:
        return _invitation_page(token)
    page = render_template(
        "team/joined.html", email=joined.email, portal=f"{here.settings.public_url}/portal/"
    )
    return _uncached(make_response(page))


def _record(tx: Transaction, person: TeamMember, action: str, **facts: Any) -> None:
    audit.record(
        tx,
        Actor("member", person.id),
        action,
        about=person.id,
        merchant_id=person.merchant_id,
        facts=facts,
    )


def _who(tx: Transaction) -> tuple[LoginSession, TeamMember] | None:
    session = browser_cookies.session(tx)
    return None if session is None else (session, service.member(tx, session.member_id))


def _is_recent(session: LoginSession) -> bool:
    return (gateway().clock() - session.authenticated_at).total_seconds() <= STEP_UP_SECONDS


def _door(session: LoginSession | None) -> Response:
    security_event("session_refused", reason="too_old" if session is not None else "no_login")
    home = session.home if session is not None else f"{gateway().settings.public_url}/portal"
    page = render_template("team/door.html", confirm=f"{home}/security/confirm")
    return _uncached(make_response(page, 401))


def _page(
    tx: Transaction,
    session: LoginSession,
    person: TeamMember,
    done: enrolment.Done | None = None,
    *,
    status: int = 200,
) -> Response:
    site, done = passkeys.Site.of(gateway().settings.public_url), done or enrolment.Done()
    tx.flush()
    options = passkeys.registration(tx, site, person) if site.usable else None
    facts: dict[str, Any] = {
        "person": person,
        "home": session.home,
        "form": forms.sealed(
            "security", session=session.id, challenge=options["challenge"] if options else ""
        ),
        "options": json.dumps(options) if options else "",
        "has_app": authenticators.has(tx, person.id),
        "passkeys": passkeys.of_member(tx, person.id),
        "codes_left": factors.recovery_codes_left(tx, person.id),
        "enrolled": factors.enrolled(tx, person.id),
        "error": done.error,
        "codes": done.codes,
        "changed": done.changed,
        "secret": done.secret,
        "qr": authenticators.picture(one_time_codes.address(done.secret, person.email))
        if done.secret
        else "",
    }
    return _uncached(make_response(render_template("team/security.html", **facts), status))


def _invitation_page(token: str, *, error: str | None = None, status: int = 200) -> Response:
    here = gateway()
    with here.db.read() as tx:
        found = invitations.of_token(tx, here.vault, token)
        merchant = invitations.merchant_of(tx, found) if found else None
    page = render_template(
        "team/invitation.html", invitation=found, merchant=merchant, token=token, error=error
    )
    return _uncached(make_response(page, status if found else 410))


def _uncached(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
