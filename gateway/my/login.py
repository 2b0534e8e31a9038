"""Logging in: a code to the phone, and where the phone alone does not say who it is, name and ID number.

Whatever phone is typed, the same happens as far as anybody can see: a code is noted, counted and queued, for this
browser and this phone; the message to a phone that nobody has given is dropped when it would be sent.

In test mode everybody knows the code, so name and ID number are always asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.core.identifiers import plain_id_number
from gateway.core.tenant import Mode, Tenant
from gateway.db.transactions import Transaction
from gateway.identity import code_limits, codes, sessions
from gateway.identity import service as identity
from gateway.web.context import Gateway

if TYPE_CHECKING:
    from gateway.identity.models import Shopper


def queue_code(tx: Transaction, gateway: Gateway, mode: Mode, *, browser: str, phone: str, code: str) -> None:
    """Queue a code for a phone. Raises ``IdentityRefused`` or ``TooManyRequests``, for known and unknown phones."""
    number = identity.checked_phone(phone)
    known = identity.of_phone(tx, gateway.vault, mode, number, limit=1)
    codes.queue(
        tx,
        gateway.vault,
        _nobodys(mode),
        subject_id=_subject(gateway, mode, browser, number),
        phone=number,
        code=code if known else f"{gateway.random_bits(128):032x}",
        to_nobody=not known,
    )


def prove_phone(
    tx: Transaction, gateway: Gateway, mode: Mode, *, browser: str, phone: str, code: str
) -> list[str] | None:
    """At most two of the people who gave the phone, if the code is right, else None; the try is counted either way.

    Raises ``IdentityRefused`` or ``TooManyRequests``.
    """
    number = identity.checked_phone(phone)
    subject = _subject(gateway, mode, browser, number)
    refused = codes.attempt(
        tx, gateway.vault, _nobodys(mode), subject_id=subject, phone=number, code=code, id_number=None
    )
    if refused is not None:
        return None
    codes.forget(tx, [subject])  # a code opens one session
    return identity.of_phone(tx, gateway.vault, mode, number, limit=2)


def needs_more(mode: Mode, people: list[str]) -> bool:
    """Whether name and ID number are asked after the code."""
    return mode == "test" or len(people) != 1


def prove_person(
    tx: Transaction, gateway: Gateway, mode: Mode, *, phone: str, name: str, id_number: str
) -> Shopper | None:
    """The person with a proved phone (E.164), name and ID number, or None; wrong ones are counted.

    Raises ``TooManyRequests``.
    """
    tenant = _nobodys(mode)
    limits = ((code_limits.GUESSED, phone), (code_limits.CLAIMED, plain_id_number(id_number)))
    for limit, whom in limits:
        code_limits.check(tx, gateway.vault, tenant, limit, whom)
    found = identity.known_as(tx, gateway.vault, mode=mode, name=name, id_number=id_number, phone=phone)
    if found is None:
        for limit, whom in limits:
            code_limits.count(tx, gateway.vault, tenant, limit, whom)
    return found


def begin(tx: Transaction, gateway: Gateway, shopper_id: str, *, device: str) -> str:
    """Open a session of a person who was proved; returns the browser's cookie."""
    secret = f"{gateway.random_bits(sessions.SECRET_BITS):0{sessions.SECRET_BITS // 4}x}"
    shopper = identity.read(tx, shopper_id)
    return sessions.begin(tx, gateway.vault, shopper, secret=secret, device=device)


def queue_second_code(tx: Transaction, gateway: Gateway, mode: Mode, shopper_id: str, *, code: str) -> None:
    """Queue a code to the phone on file, for what cannot be undone. Raises ``TooManyRequests``."""
    phone = identity.phone_of(tx, gateway.vault, shopper_id)
    codes.queue(
        tx, gateway.vault, _nobodys(mode), subject_id=codes.second_of(shopper_id), phone=phone, code=code
    )


def prove_again(
    tx: Transaction,
    gateway: Gateway,
    mode: Mode,
    session: sessions.ShopperSession,
    *,
    code: str,
    id_number: str,
) -> bool:
    """Whether the code and the ID number are right; then the session may do what cannot be undone.

    Raises ``TooManyRequests``.
    """
    shopper_id = session.shopper_id
    phone = identity.phone_of(tx, gateway.vault, shopper_id)
    refused = codes.attempt(
        tx,
        gateway.vault,
        _nobodys(mode),
        subject_id=codes.second_of(shopper_id),
        phone=phone,
        code=code,
        id_number=plain_id_number(id_number),
    )
    if refused is not None:
        return False
    if not identity.is_id_number_of(tx, gateway.vault, shopper_id, id_number):
        for limit, whom in ((code_limits.GUESSED, phone), (code_limits.CLAIMED, plain_id_number(id_number))):
            code_limits.count(tx, gateway.vault, _nobodys(mode), limit, whom)
        return False
    codes.forget(tx, [codes.second_of(shopper_id)])
    sessions.prove(tx, session.id)
    return True


def checked(phone: str) -> str:
    """The phone as E.164. Raises ``IdentityRefused``."""
    return identity.checked_phone(phone)


def _nobodys(mode: Mode) -> Tenant:
    """Codes of these pages belong to no merchant."""
    return Tenant("", mode)


def _subject(gateway: Gateway, mode: Mode, browser: str, phone: str) -> str:
    """What a code is for: one browser and one phone, so that nobody uses up another's tries."""
    lookup = gateway.vault.lookup(f"{browser}|{phone}", "my_login")
    return f"my:{mode}:{lookup[:48]}"
