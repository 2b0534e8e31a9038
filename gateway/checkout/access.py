"""Who may see a checkout: its address carries a secret, and the shopper's code makes a pass. Its id opens nothing.

The secret is for the shopper and opens the first page only: plans, code, identity. The shop that forwards it can
therefore never confirm. The pass belongs to the person last identified by a code in this checkout; it ends after a
day, and at once when somebody else is. It is a keyed hash of what it says, so nothing of it is stored.
"""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from enum import IntEnum
from typing import TYPE_CHECKING

from gateway.core import digits
from gateway.identity import service as identity

if TYPE_CHECKING:
    from gateway.checkout.models import Checkout
    from gateway.db.transactions import Transaction
    from gateway.privacy.vault import Vault
    from gateway.web.context import Gateway

SECRET_BITS = 160
PASS_LIFE = timedelta(hours=24)


class Level(IntEnum):
    """What somebody has shown for a checkout: nothing, that the shop sent him, or that he is the shopper."""

    NOTHING = 0
    ADDRESS = 1
    SHOPPER = 2


def give_address(gateway: Gateway, checkout: Checkout) -> None:
    """Give a checkout the secret of its address; one that has a secret keeps it."""
    if checkout.address_lookup is None:
        secret = f"{gateway.random_bits(SECRET_BITS):0{SECRET_BITS // 4}x}"
        checkout.address_lookup = _address_hash(gateway.vault, checkout.id, secret)
        checkout.address_sealed = gateway.vault.seal(secret, **_place(checkout.id))


def address_of(gateway: Gateway, checkout: Checkout) -> str | None:
    """The address for the shopper's browser, below the gateway's own; None once the checkout is over."""
    if checkout.address_sealed is None:
        return None
    secret = gateway.vault.open(checkout.address_sealed, **_place(checkout.id))
    return f"/checkout/{checkout.id}/open/{secret}"


def reseal(vault: Vault, checkout: Checkout) -> None:
    """Seal the secret with the newest master key."""
    if checkout.address_sealed is not None:
        checkout.address_sealed = vault.resealed(checkout.address_sealed, **_place(checkout.id))


def new_pass(vault: Vault, checkout: Checkout, now: datetime) -> str:
    """The pass of the person who is identified in the checkout."""
    return _pass_of(vault, checkout, int(now.timestamp()))


def level_of(vault: Vault, checkout: Checkout, shown: str, now: datetime) -> Level:
    """What ``shown``, a secret or a pass, is worth for a checkout. ``now`` is the machine's time."""
    if not shown.isascii():
        return Level.NOTHING
    if _is_pass(vault, checkout, shown, now):
        return Level.SHOPPER
    known = checkout.address_lookup
    if known is not None and hmac.compare_digest(known, _address_hash(vault, checkout.id, shown)):
        return Level.ADDRESS
    return Level.NOTHING


def in_grace(checkout: Checkout, now: datetime) -> bool:
    """Whether the address without a secret still opens the first page."""
    return checkout.address_grace_ends is not None and now < checkout.address_grace_ends


def is_phone_of(tx: Transaction, vault: Vault, checkout: Checkout, phone: str) -> bool:
    """Whether ``phone`` (E.164) is the one that the checkout's shopper proved by a code."""
    if checkout.shopper_id is None:
        return False
    known = checkout.phone_lookup or identity.lookups_of(tx, checkout.shopper_id)["phone"]
    return any(hmac.compare_digest(known, one) for one in vault.lookups(phone, "phone"))


def phone_hash(vault: Vault, phone: str) -> str:
    """What a phone (E.164) is recognised by."""
    return vault.lookup(phone, "phone")


def _is_pass(vault: Vault, checkout: Checkout, shown: str, now: datetime) -> bool:
    typed, dot, _ = shown.partition(".")
    moment = digits.whole(typed, most_digits=11)
    if checkout.shopper_id is None or not dot or moment is None:
        return False
    age = now.timestamp() - moment
    genuine = hmac.compare_digest(shown, _pass_of(vault, checkout, moment))
    return genuine and -60 <= age < PASS_LIFE.total_seconds()


def _pass_of(vault: Vault, checkout: Checkout, moment: int) -> str:
    # Not who it is: a person under two numbers may be found to be one meanwhile, and goes on.
    identified = checkout.identified_at.isoformat() if checkout.identified_at else checkout.shopper_id
    words = f"{checkout.id}|{identified}|{moment}"
    return f"{moment}.{vault.lookup(words, 'checkout_pass')}"


def _address_hash(vault: Vault, checkout_id: str, secret: str) -> str:
    return vault.lookup(f"{checkout_id}|{secret}", "checkout_address")


def _place(checkout_id: str) -> dict[str, str]:
    return {"table": "checkout", "row": checkout_id, "column": "address_sealed"}
