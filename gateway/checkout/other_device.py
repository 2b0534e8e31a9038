"""Going on with another browser, by a fresh code to the phone that was proved in the checkout.

Whatever phone is typed, the same happens as far as anybody can see: a code is noted and its tries are counted, for this
checkout and this phone. Only to the right phone is one sent; for another the noted one is never told to anybody.
"""

from __future__ import annotations

import secrets
from contextlib import suppress

from gateway.checkout import access, service, shopper
from gateway.db.transactions import Transaction
from gateway.errors import TooManyRequests
from gateway.identity import codes
from gateway.identity.service import checked_phone
from gateway.web.context import Gateway


def queue_code(tx: Transaction, gateway: Gateway, checkout_id: str, *, phone: str, code: str) -> None:
    """Queue ``code`` if ``phone`` is the right one. Raises ``IdentityRefused`` if it is not a phone number."""
    checkout = shopper.for_shopper(tx, checkout_id)
    number = checked_phone(phone)
    subject = _subject(gateway, checkout_id, number)
    is_right = access.is_phone_of(tx, gateway.vault, checkout, number)
    with suppress(TooManyRequests):  # would tell which phone codes are sent to
        if is_right:
            tenant = service.tenant_of(checkout)
            codes.queue(tx, gateway.vault, tenant, subject_id=subject, phone=number, code=code)
            return
    if is_right and codes.keep(tx, subject):
        return
    with suppress(TooManyRequests):
        nobodys = secrets.token_hex(16)
        codes.note(tx, gateway.vault, subject_id=subject, phone=number, code=nobodys)


def pass_for(tx: Transaction, gateway: Gateway, checkout_id: str, *, phone: str, code: str) -> str | None:
    """The pass of the shopper for whom knows the code, else None; the try is counted either way.

    Raises ``IdentityRefused`` if it is not a phone number, and ``TooManyRequests`` after too many wrong codes for the
    phone, whichever it is.
    """
    checkout = shopper.for_shopper(tx, checkout_id)
    number = checked_phone(phone)
    subject = _subject(gateway, checkout_id, number)
    tenant = service.tenant_of(checkout)
    refused = codes.attempt(
        tx, gateway.vault, tenant, subject_id=subject, phone=number, code=code, id_number=None
    )
    if refused is not None or not access.is_phone_of(tx, gateway.vault, checkout, number):
        return None
    return access.new_pass(gateway.vault, checkout, tx.wall)


def _subject(gateway: Gateway, checkout_id: str, phone: str) -> str:
    """What a code is for: another phone's tries use up nothing of the right one's."""
    return f"{checkout_id}:{access.phone_hash(gateway.vault, phone)[:32]}"
