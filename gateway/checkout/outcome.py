"""The outcome of a decision: the checkout moves, and an approval becomes a payment and a contract, in one commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam
from sqlmodel import select

from gateway.checkout import service
from gateway.checkout.models import Checkout, Consent
from gateway.contracts import service as contracts
from gateway.contracts.text import ConsentFact
from gateway.core.calendar import shanghai_date
from gateway.db.transactions import Transaction
from gateway.identity import service as identity
from gateway.payments import quotas
from gateway.payments import service as payments
from gateway.plans import service as plans
from gateway.web.context import Gateway

if TYPE_CHECKING:
    from gateway.decision.models import CreditDecision


GIVEN = select(Consent).where(Consent.checkout_id == bindparam("checkout"))


def settle(
    tx: Transaction,
    gateway: Gateway,
    checkout: Checkout,
    plan: dict[str, Any],
    decision: CreditDecision,
    *,
    consents: Sequence[ConsentFact] | None = None,
) -> None:
    """Let the checkout be what was decided: with a promise when a person answers, with reasons, or with a payment.

    ``consents`` are those that were given in it, if they are in hand. Raises ``CostAboveCeiling`` for an approval of
    what may not be lent today.
    """
    if decision.outcome == "review":
        checkout.review_due_at = tx.now + timedelta(hours=gateway.settings.review_hours)
        service.move(tx, checkout, "under_review")
        return
    if decision.outcome == "decline":
        checkout.decline_code = "declined"
        checkout.decline_reasons = decision.reasons
        service.move(tx, checkout, "declined")
        return
    assert checkout.shopper_id is not None
    mode, claim, items = service.tenant_of(checkout).mode, checkout.government_subsidy, checkout.items
    if quotas.used(tx, mode, shopper_id=checkout.shopper_id, claim=claim, items=items):
        # Another order took it while this one was decided.
        checkout.decline_code, checkout.decline_reasons = quotas.DECLINE_CODE, [quotas.REASON]
        service.move(tx, checkout, "declined")
        return
    payment = payments.authorize(
        tx,
        service.tenant_of(checkout),
        checkout_id=checkout.id,
        shopper_id=checkout.shopper_id,
        merchant_reference=checkout.merchant_reference,
        funder=gateway.settings.funder,
        plan=plan,
        price=_price(tx, gateway, checkout),
        metadata=checkout.extra,
        store=checkout.store,
        government_subsidy=checkout.government_subsidy,
        ordered=service.lines_of(checkout),
    )
    assert payment is not None, "the decision has granted room for the amount under the same lock"
    _contract(tx, gateway, checkout, plan, payment.id, consents or _consents_of(tx, checkout))
    checkout.payment_id = payment.id
    service.move(tx, checkout, "approved")


def _price(tx: Transaction, gateway: Gateway, checkout: Checkout) -> dict[str, Any]:
    """The price behind the chosen plan, as it was quoted: a row added since then changes nothing."""
    if checkout.prices is not None:
        return checkout.prices[str(checkout.term)]
    price = plans.price_of(
        tx,
        checkout.merchant_id,
        checkout.term or 0,
        on=shanghai_date(checkout.identified_at or checkout.created_at),
        category=checkout.category,
        funder=gateway.settings.funder,
    )
    assert price is not None, "the plan was made from a price"
    return asdict(price)


def _consents_of(tx: Transaction, checkout: Checkout) -> list[ConsentFact]:
    """What was consented to in a checkout."""
    given = tx.exec(GIVEN, params={"checkout": checkout.id})
    return [ConsentFact(row.id, row.kind, row.version, row.text_sha256, row.given_at) for row in given]


def _contract(
    tx: Transaction,
    gateway: Gateway,
    checkout: Checkout,
    plan: dict[str, Any],
    payment_id: str,
    consents: Sequence[ConsentFact],
) -> None:
    assert checkout.shopper_id is not None
    contracts.conclude(
        tx,
        gateway.ports.signing_authority,
        service.tenant_of(checkout),
        checkout_id=checkout.id,
        payment_id=payment_id,
        shopper_id=checkout.shopper_id,
        borrower=identity.masked(tx, gateway.vault, checkout.shopper_id),
        merchant_name=service.merchant_of(tx, checkout).name,
        merchant_reference=checkout.merchant_reference,
        lender=plans.lender_of(gateway.settings),
        plan=plan,
        government_subsidy=checkout.government_subsidy,
        consents=consents,
    )
