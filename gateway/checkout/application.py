"""What the scorer is told about an application: the order, our own books, the lender's lists.

Nothing here names the person.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select

from gateway.checkout import service
from gateway.checkout.models import Checkout
from gateway.core.calendar import SHANGHAI
from gateway.db.transactions import Transaction
from gateway.db.types import UtcTime
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


_SHOPPER: Any = bindparam("shopper")
KNOWN = select(
    decisions.commitment(_SHOPPER).label("open_principal_fen"),
    decisions.applications_since(
        identity.with_phone(bindparam("mode"), bindparam("phone")), bindparam("yesterday", type_=UtcTime())
    ).label("applications"),
    loans.prior_loans(_SHOPPER).label("prior_loans"),
    lists.strictest(bindparam("mode"), bindparam("lookups", expanding=True)).label("listed"),
    decisions.person_decides(_SHOPPER, bindparam("reconsidered", type_=UtcTime())).label("person_decides"),
)
"""What the books know of a person, in one question that is made once."""


def linked(
    tx: Transaction, gateway: Gateway, checkout: Checkout, *, phone: str, device: str | None
) -> LinkFeatures:
    """What the application is linked to, read before it is recorded."""
    used = links.of_confirmation(gateway.vault, phone=phone, device=device, merchant_id=checkout.merchant_id)
    mode, shopper_id = service.tenant_of(checkout).mode, checkout.shopper_id or ""
    found: LinkFeatures = gateway.ports.links.features(
        mode=mode, shopper_id=shopper_id, links=used, at=tx.now
    )
    links.note(tx, mode=mode, shopper_id=shopper_id, links=used)
    return found


def counted(linked: LinkFeatures) -> Features:
    """The scorer's counts; None where there is no such link, and for a device that a crowd or a household shares."""
    shared = linked.device_is_hub or linked.device_is_household
    return {
        "applications_on_device_24h": None if shared else linked.device_applicants_24h,
        "new_applicants_on_device_24h": None if shared else linked.device_new_applicants_24h,
        "applicants_on_device_30d": None if shared else linked.device_applicants_30d,
        "applications_on_address_30d": linked.address_applicants_30d,
        "applicants_on_card_30d": linked.card_applicants_30d,
        "linked_known_bad_share": round(linked.neighbours_known_bad_share, 6) if linked.neighbours else 0.0,
        "linked_component_size": linked.component_applicants,
    }


def known(tx: Transaction, checkout: Checkout, plan: dict[str, Any] | None = None) -> tuple[Features, bool]:
    """The scorer's input as far as we know it ourselves, and whether a person decides what it would decline.

    Without a ``plan`` it is what concerns the person alone. What a bureau reports is added to it.
    """
    shopper_id = checkout.shopper_id or ""
    lookups = identity.lookups_of(tx, shopper_id)
    parameters = {
        "shopper": shopper_id,
        "mode": checkout.mode,
        "phone": lookups["phone"],
        "lookups": list(lookups.values()),
        "yesterday": tx.now - timedelta(hours=24),
        "reconsidered": tx.now - decisions.RECONSIDERED_FOR,
    }
    with tx.no_autoflush:  # nothing that waits to be written is asked for
        row = tx.connection().execute(KNOWN, parameters).one()
        features = {
            **(_order(tx, checkout, plan) if plan is not None else {}),
            "open_principal_fen": int(row.open_principal_fen),
            "applications_on_phone_24h": 1 + row.applications,
            **loans.history(tx, shopper_id, loans=row.prior_loans),
            "listed": lists.word(row.listed),
        }
    return features, bool(row.person_decides)


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
