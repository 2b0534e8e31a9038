"""What the account page does: factors are added or removed, recovery codes replaced, the password changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.db.transactions import Transaction
from gateway.monitoring.security_events import security_event
from gateway.team import authenticators, factors, login_attempts, passkeys, passwords, sessions
from gateway.team.models import LoginSession, TeamMember
from gateway.web.context import gateway


@dataclass(frozen=True, slots=True)
class Done:
    """What is to be shown: an error's word, recovery codes, or the secret of an app that was begun."""

    error: str | None = None
    codes: list[str] | None = None
    secret: str | None = None
    changed: bool = False
    """Whether the password was changed."""


def act(
    tx: Transaction, session: LoginSession, person: TeamMember, sent: Mapping[str, str], *, challenge: str
) -> Done:
    """Do what the form asks. The first factor brings recovery codes and ends the person's other sessions."""
    vault, action = gateway().vault, sent.get("do", "")
    first = not factors.enrolled(tx, person.id)
    if action == "app_begin":
        return Done(secret=authenticators.begin(tx, vault, person))
    if action == "app_confirm":
        return _confirm_app(tx, session, person, sent.get("code", ""), first=first)
    if action == "passkey_add":
        site = passkeys.Site.of(gateway().settings.public_url)
        made = passkeys.register(
            tx,
            site,
            person,
            answer=sent.get("credential", ""),
            challenge=challenge,
            name=sent.get("name", ""),
        )
        if made:
            return _added(tx, session, person, "hwk", first=first)
        security_event(
            "passkey_failed", reason="enrolment", subject=person.id, merchant_id=person.merchant_id
        )
        return Done(error="passkey")
    if action == "password":
        return _change_password(tx, session, person, sent)
    if action == "codes" and not first:
        return Done(codes=factors.new_recovery_codes(tx, vault, person.id))
    if action == "app_remove":
        authenticators.remove(tx, person.id)
    elif action == "passkey_remove":
        passkeys.remove(tx, person.id, sent.get("passkey", ""))
    factors.drop_codes_when_alone(tx, person.id)
    return Done()


def _confirm_app(
    tx: Transaction, session: LoginSession, person: TeamMember, code: str, *, first: bool
) -> Done:
    vault = gateway().vault
    secret = authenticators.pending_secret(tx, vault, person.id)
    if login_attempts.count(tx, vault, f"enrol {person.id}") is not None:
        security_event("factor_locked", reason="enrolment", subject=person.id, merchant_id=person.merchant_id)
        return Done(error="wait")
    if secret is None or not authenticators.confirm(tx, vault, person.id, code):
        security_event("factor_failed", reason="enrolment", subject=person.id, merchant_id=person.merchant_id)
        return Done(error="code", secret=secret)
    login_attempts.forget(tx, vault, f"enrol {person.id}")
    return _added(tx, session, person, "otp", first=first)


def _change_password(
    tx: Transaction, session: LoginSession, person: TeamMember, sent: Mapping[str, str]
) -> Done:
    """Change the password and end the person's other sessions, such as a thief's."""
    password = sent.get("password", "")
    if password != sent.get("again", ""):
        return Done(error="differ")
    problem = passwords.problem(password)
    if problem is not None:
        return Done(error=problem)
    person.password = passwords.hashed(password)
    tx.add(person)
    sessions.end_all(tx, person.id, but=session.id)
    return Done(changed=True)


def _added(tx: Transaction, session: LoginSession, person: TeamMember, how: str, *, first: bool) -> Done:
    session.amr = sorted({*session.amr, how, "mfa"})
    tx.add(session)
    if not first:
        return Done()
    sessions.end_all(tx, person.id, but=session.id)
    return Done(codes=factors.new_recovery_codes(tx, gateway().vault, person.id))
