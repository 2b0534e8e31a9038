"""What happens to merchants: they are created, and found again by the keys their pages show."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import bindparam
from sqlalchemy import select as select_columns
from sqlmodel import SQLModel, col, select

from gateway.core.money import parse_rate
from gateway.core.return_address import NotAnAddress, origin
from gateway.core.scopes import MERCHANT_SCOPES, SERVER_SCOPES, in_order
from gateway.core.tenant import Mode, Tenant
from gateway.db.parts import in_parts
from gateway.db.transactions import Transaction
from gateway.errors import InvalidRequest, NotFound, ReserveInvalid, Unauthenticated
from gateway.merchants.models import Merchant, PublishableKey

HIGHEST_RESERVE = Decimal("0.3")
LONGEST_RESERVE_DAYS = 365
ACKNOWLEDGE_DAYS = 7
LONGEST_ACKNOWLEDGE_DAYS = 28
HIGHEST_DOWN_PAYMENT_PERCENT = 90
LONGEST_DELIVERY_HOLD_DAYS = 90
MOST_FRAME_ORIGINS = 20
CATEGORIES = ("3c", "furnishing", "education", "appliance", "general")
"""What may be sold in instalments; teaching of pupils (``edu_k12``) is refused by law (domain reference, section 6)."""
MERCHANTS = SQLModel.metadata.tables["merchant"]
AGREEMENTS = "agreements that were read along"
AGREEMENT = select_columns(MERCHANTS.c.scopes).where(MERCHANTS.c.id == bindparam("merchant"))
"""Made once: every token asks it."""


def create(tx: Transaction, *, name: str, name_en: str, category: str) -> Merchant:
    """A new merchant with a publishable key for each mode. The category is checked by the caller's schema."""
    merchant = Merchant(
        id=tx.new_id("mer"),
        name=name,
        name_en=name_en,
        category=category,
        allowed_origins=[],
        scopes=list(MERCHANT_SCOPES),
        created_at=tx.now,
    )
    tx.add(merchant)
    tx.flush()
    modes: tuple[Mode, ...] = ("test", "live")
    for mode in modes:
        key = f"pk_{mode}_{secrets.token_urlsafe(18).replace('-', 'x').replace('_', 'y')}"
        tx.add(PublishableKey(key=key, merchant_id=merchant.id, mode=mode, created_at=tx.now))
    return merchant


def lock(tx: Transaction, merchant_id: str) -> None:
    """Let whoever adds something of the merchant's wait until the transaction ends."""
    tx.exec(select(Merchant.id).where(Merchant.id == merchant_id).with_for_update()).one()


def get(tx: Transaction, merchant_id: str) -> Merchant:
    """The merchant. Raises ``NotFound``."""
    merchant = tx.get(Merchant, merchant_id)
    if merchant is None:
        raise NotFound(f"There is no merchant {merchant_id!r}.")
    return merchant


def names(tx: Transaction, merchant_ids: Collection[str]) -> dict[str, tuple[str, str]]:
    """What some merchants are called, in Chinese and in English, by id."""
    found: dict[str, tuple[str, str]] = {}
    for part in in_parts(sorted(set(merchant_ids))):
        query = select(Merchant.id, Merchant.name, Merchant.name_en).where(col(Merchant.id).in_(part))
        found |= {merchant: (name, name_en) for merchant, name, name_en in tx.exec(query)}
    return found


def read_along(query: Any, merchant_id: Any) -> Any:
    """``query`` with the merchant that it names read along, so that ``get`` need not ask."""
    return query.add_columns(Merchant).join(Merchant, col(Merchant.id) == merchant_id)


def everybody() -> Any:
    """The ids of all merchants, to be asked along with what hangs on each: a table of one column ``id``."""
    return select(col(Merchant.id)).subquery("everybody")


def agreement(tx: Transaction, merchant_id: str) -> list[str]:
    """The scopes that the merchant has agreed to use. Raises ``NotFound``."""
    noted: dict[str, list[str]] = tx.info.get(AGREEMENTS, {})
    if merchant_id in noted:
        return noted[merchant_id]
    tx.flush()
    scopes: list[str] | None = (
        tx.connection().execute(AGREEMENT, {"merchant": merchant_id}).scalar_one_or_none()
    )
    if scopes is None:
        raise NotFound(f"There is no merchant {merchant_id!r}.")
    return scopes


def read_agreement_along(query: Any, merchant_id: Any) -> Any:
    """``query`` with the agreement of the merchant that it names read along, for ``note_agreement``."""
    scopes = select_columns(MERCHANTS.c.scopes).where(MERCHANTS.c.id == merchant_id)
    return query.add_columns(scopes.scalar_subquery().label("agreement"))


def note_agreement(tx: Transaction, merchant_id: str, scopes: list[str]) -> None:
    """Note what ``read_agreement_along`` has read: nothing of it changes in this transaction."""
    tx.info.setdefault(AGREEMENTS, {})[merchant_id] = scopes


def agree_scopes(
    tx: Transaction, merchant_id: str, *, give: Iterable[str] = (), take: Iterable[str] = ()
) -> Merchant:
    """Add scopes to what the merchant has agreed, or take some away: from its next token on.

    Raises ``NotFound``, and ``InvalidRequest`` for a scope that does not exist or belongs to people.
    """
    merchant, added, ended = get(tx, merchant_id), set(give), set(take)
    unknown = sorted((added | ended) - set(SERVER_SCOPES))
    if unknown:
        raise InvalidRequest(
            f"There is no scope {unknown[0]!r}: expected any of {' '.join(SERVER_SCOPES)}.", param="scope"
        )
    merchant.scopes = in_order({*merchant.scopes, *added} - ended)
    tx.add(merchant)
    return merchant


def newest(tx: Transaction, limit: int) -> list[Merchant]:
    """The newest merchants first."""
    return list(tx.exec(select(Merchant).order_by(col(Merchant.id).desc()).limit(limit)))


def acknowledge_days(tx: Transaction, merchant_id: str) -> int:
    """After how many days a payment of the merchant is voided whose order nobody has acknowledged."""
    return get(tx, merchant_id).acknowledge_days or ACKNOWLEDGE_DAYS


def agree_acknowledgement(tx: Transaction, merchant_id: str, *, days: int) -> Merchant:
    """Let payments be voided after ``days`` days without an acknowledgement, those from now on.

    Raises ``NotFound`` or ``InvalidRequest``.
    """
    merchant = get(tx, merchant_id)
    if not 1 <= days <= LONGEST_ACKNOWLEDGE_DAYS:
        raise InvalidRequest(
            f"{days} days is not valid: expected 1 to {LONGEST_ACKNOWLEDGE_DAYS}, the lifetime of an authorisation.",
            param="days",
        )
    merchant.acknowledge_days = days
    tx.add(merchant)
    return merchant


def agree_delivery_hold(tx: Transaction, merchant_id: str, *, days: int) -> Merchant:
    """Let captures wait for their delivery report, for at most ``days`` days; 0 ends it, those from now on.

    Raises ``NotFound`` or ``InvalidRequest``.
    """
    merchant = get(tx, merchant_id)
    if not 0 <= days <= LONGEST_DELIVERY_HOLD_DAYS:
        raise InvalidRequest(
            f"{days} days is not valid: expected 1 to {LONGEST_DELIVERY_HOLD_DAYS}, or 0 to end it.",
            param="days",
        )
    merchant.delivery_hold_days = days
    tx.add(merchant)
    return merchant


def agree_down_payment(tx: Transaction, merchant_id: str, *, percent: int) -> Merchant:
    """Let counter-offers ask for a down payment of at most ``percent`` of the order; 0 ends it, for new decisions.

    Raises ``NotFound`` or ``InvalidRequest``.
    """
    merchant = get(tx, merchant_id)
    if not 0 <= percent <= HIGHEST_DOWN_PAYMENT_PERCENT:
        raise InvalidRequest(
            f"{percent} % is not valid: expected 1 to {HIGHEST_DOWN_PAYMENT_PERCENT}, or 0 to end it.",
            param="percent",
        )
    merchant.max_down_payment_percent = percent
    tx.add(merchant)
    return merchant


def frame_origins(merchant: Merchant, mode: Mode) -> list[str]:
    """Origins of the merchant's pages that may show its checkouts of this mode inside themselves."""
    return list((merchant.frame_origins or {}).get(mode, []))


def agree_frame_origins(
    tx: Transaction, merchant_id: str, mode: Mode, *, add: Iterable[str] = (), remove: Iterable[str] = ()
) -> Merchant:
    """Let pages of further origins frame the merchant's checkouts of a mode, or no longer: from the next page on.

    Raises ``NotFound``, and ``InvalidRequest`` for what is not an origin of pages in that mode.
    """
    merchant = get(tx, merchant_id)
    before = frame_origins(merchant, mode)
    added, ended = ([_page_origin(one, mode) for one in given] for given in (add, remove))
    unknown = [one for one in ended if one not in before]
    if unknown:
        raise InvalidRequest(
            f"{unknown[0]} is not among the {mode} origins of {merchant_id}.", param="remove"
        )
    after = sorted({*before, *added} - {*ended})
    if len(after) > MOST_FRAME_ORIGINS:
        raise InvalidRequest(f"A merchant has at most {MOST_FRAME_ORIGINS} origins in a mode.", param="add")
    merchant.frame_origins = {**(merchant.frame_origins or {}), mode: after}
    tx.add(merchant)
    return merchant


def _page_origin(text: str, mode: Mode) -> str:
    try:
        found = origin(text)
    except NotAnAddress:
        found = ""
    parts = urlsplit(found)
    loopback = mode == "test" and parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not found or text.lower().rstrip("/") != found or not (parts.scheme == "https" or loopback):
        raise InvalidRequest(
            f"{text!r} is not an origin of pages: expected https:// with a host and nothing behind it, such as "
            "https://shop.example; in test mode also http on this machine, such as http://localhost:8080.",
            param="origin",
        )
    return found


def agree_reserve(tx: Transaction, merchant_id: str, *, rate: str, days: int) -> Merchant:
    """Hold back ``rate`` (decimal text, ``"0.05"`` is 5 %) of captures from the next batch on, for ``days`` days.

    The rate 0 ends it; what is held is released in its time. Raises ``NotFound`` or ``ReserveInvalid``.
    """
    merchant = get(tx, merchant_id)
    try:
        allowed = parse_rate(rate, "reserve rate") <= HIGHEST_RESERVE
    except ValueError as error:
        raise ReserveInvalid(str(error), param="rate") from None
    if not allowed or not 1 <= days <= LONGEST_RESERVE_DAYS:
        raise ReserveInvalid(
            f"A reserve can be at most {HIGHEST_RESERVE} of captures, held for 1 to {LONGEST_RESERVE_DAYS} days."
        )
    merchant.reserve_rate, merchant.reserve_days = rate, days
    tx.add(merchant)
    return merchant


def publishable_key(tx: Transaction, tenant: Tenant) -> str:
    """The key that the merchant's pages show in this mode."""
    query = select(PublishableKey.key).where(
        PublishableKey.merchant_id == tenant.merchant_id, PublishableKey.mode == tenant.mode
    )
    return tx.exec(query).one()


def owner_of_key(tx: Transaction, key: str) -> Tenant:
    """Whose publishable key this is. Raises ``Unauthenticated``."""
    row = (
        tx.get(PublishableKey, key) if key.startswith("pk_") and key.isascii() and key.isprintable() else None
    )
    if row is None:
        raise Unauthenticated(
            "Unknown publishable key: copy it from the portal; it begins with pk_test_ or pk_live_.",
            param="key",
        )
    return Tenant.of(row)
