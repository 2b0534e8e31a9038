"""What the scorer is told about an application: the order, our own books, the lender's lists.

Nothing here names the person.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from gateway.checkout import service
from gateway.checkout.models import Checkout
from gateway.core.calendar import SHANGHAI
from gateway.db.transactions import Transaction
from gateway.decision import links, lists
from gateway.decision import service as decisions
from gateway.identity import service as identity
from gateway.loans import service as loans
from gateway.merchants import service as merchants
from gateway.web.context import Gateway

if TYPE_CHECKING:
    from scoring.links import LinkFeatures

Features = dict[str, Any]
LONGEST_VISIT = timedelta(hours=1)
"""A page that was left open for longer says nothing about how carefully it was read."""
MOST_PIECES = 10**6
"""What the scorer can take; nobody's risk rises beyond."""


def linked(
    tx: Transaction, gateway: Gateway, checkout: Checkout, *, phone: str, device: str | None
) -> LinkFeatures:
    """What hangs together with the application, asked before it is noted itself."""
    used = links.of_confirmation(gateway.vault, phone=phone, device=device, merchant_id=checkout.merchant_id)
    mode, shopper_id = service.tenant_of(checkout).mode, checkout.shopper_id or ""
    found: LinkFeatures = gateway.ports.links.features(
        mode=mode, shopper_id=shopper_id, links=used, at=tx.now
    )
    links.note(tx, mode=mode, shopper_id=shopper_id, links=used)
    return found


def counted(found: LinkFeatures) -> Features:
    """The scorer's counts; None where there is no such link, and for a device that a crowd or a household shares."""
    shared = found.device_is_hub or found.device_is_household
    return {
        "applications_on_device_24h": None if shared else found.device_applicants_24h,
        "new_applicants_on_device_24h": None if shared else found.device_new_applicants_24h,
        "applicants_on_device_30d": None if shared else found.device_applicants_30d,
        "applications_on_address_30d": found.address_applicants_30d,
        "applicants_on_card_30d": found.card_applicants_30d,
        "linked_known_bad_share": round(found.neighbours_known_bad_share, 6) if found.neighbours else 0.0,
        "linked_component_size": found.component_applicants,
    }


def features(tx: Transaction, checkout: Checkout, plan: dict[str, Any]) -> Features:
    """The scorer's input as far as we know it ourselves; what a bureau reports is added to it."""
    return {**_order(tx, checkout, plan), **of_person(tx, checkout)}


def of_person(tx: Transaction, checkout: Checkout) -> Features:
    """What our own books and the lender's lists know of the shopper."""
    shopper_id = checkout.shopper_id or ""
    lookups = identity.lookups_of(tx, shopper_id)
    mode = service.tenant_of(checkout).mode
    return {
        **_books(tx, shopper_id),
        "listed": lists.standing(tx, mode=mode, lookups=lookups.values()),
    }


def _order(tx: Transaction, checkout: Checkout, plan: dict[str, Any]) -> Features:
    merchant = merchants.get(tx, checkout.merchant_id)
    grades = [item.get("energy_grade") for item in checkout.items]
    visit = max(tx.now - checkout.created_at, timedelta(0))
    return {
        "amount_fen": checkout.amount_fen,
        "down_payment_fen": checkout.down_payment_fen,
        "term": plan["term"],
        "category": checkout.category,
        "item_count": min(sum(item["quantity"] for item in checkout.items), MOST_PIECES),
        "instalment_fen": max(row["payment"] for row in plan["schedule"]),
        "hour_of_day": tx.now.astimezone(SHANGHAI).hour,
        "checkout_seconds": int(visit.total_seconds()) if visit <= LONGEST_VISIT else None,
        "merchant_age_days": max(0, (tx.now - merchant.created_at).days),
        "energy_grade": max(grade for grade in grades if grade) if all(grades) else None,
    }


def _books(tx: Transaction, shopper_id: str) -> Features:
    same_phone = identity.with_phone_of(tx, shopper_id)
    today = decisions.applications_since(tx, same_phone, tx.now - timedelta(hours=24))
    return {
        "open_principal_fen": decisions.open_commitment_fen(tx, shopper_id),
        "applications_on_phone_24h": 1 + today,
        **loans.history(tx, shopper_id),
    }
