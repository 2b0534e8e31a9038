"""What happens to contracts: they are concluded once, and read. Nothing changes or removes one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ScalarSelect
from sqlmodel import col, select

from gateway.contracts.models import Contract
from gateway.contracts.text import ConsentFact, Facts, canonical
from gateway.core.calendar import shanghai_date
from gateway.core.cost_ceiling import NoRule
from gateway.core.signing import SigningAuthority
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.errors import ContractWithoutDisclosure, CostAboveCeiling
from gateway.plans.pricing import Lender, verdict


def conclude(
    tx: Transaction,
    authority: SigningAuthority,
    tenant: Tenant,
    *,
    checkout_id: str,
    payment_id: str,
    shopper_id: str,
    borrower: dict[str, str],
    merchant_name: str,
    merchant_reference: str,
    lender: Lender,
    plan: dict[str, Any],
    government_subsidy: dict[str, Any] | None,
    consents: Sequence[ConsentFact],
) -> Contract:
    """Write, hash and sign the contract of an approved checkout, in the approval's own transaction.

    ``consents`` are those logged in this checkout; ``borrower`` is masked (``name``, ``id_number``, ``phone``). Raises
    ``CostAboveCeiling``, or ``ContractWithoutDisclosure`` when the disclosure of exactly this plan was not confirmed.
    """
    refuse_above_ceiling(tx, plan, lender)
    disclosure = _disclosure_consent(consents, plan)
    facts = Facts(
        contract=tx.new_id("ctr"),
        mode=tenant.mode,
        checkout=checkout_id,
        payment=payment_id,
        merchant=tenant.merchant_id,
        merchant_name=merchant_name,
        merchant_reference=merchant_reference,
        shopper=shopper_id,
        borrower=borrower,
        plan=plan,
        government_subsidy=government_subsidy,
        consents=consents,
        disclosure_consent=disclosure.id,
        concluded_at=tx.now,
    )
    contract = _signed(facts, authority)
    tx.add(contract)
    return contract


def refuse_above_ceiling(tx: Transaction, plan: dict[str, Any], lender: Lender) -> None:
    """Raise ``CostAboveCeiling`` when the finished payments of a plan cost more than today's rule allows."""
    today = shanghai_date(tx.now)
    try:
        found = verdict(plan, lender=lender, on=today)
    except NoRule as error:
        raise CostAboveCeiling(f"No loan can be made: {error}.", param="term") from None
    if not found.allowed:
        raise CostAboveCeiling(
            f"The plan costs {found.rate.nominal_percent} % a year (nominal), {found.rate.effective_percent} % "
            f"(effective); the ceiling on {today} is {found.ceiling:.2%} ({' and '.join(lender.bases)}).",
            param="term",
            ceiling=str(found.ceiling),
        )


def of_checkout(tx: Transaction, checkout_id: str) -> Contract | None:
    """The contract of a checkout, or None."""
    return tx.exec(select(Contract).where(Contract.checkout_id == checkout_id)).first()


def of_payment(tx: Transaction, payment_id: str) -> Contract | None:
    """The contract of a payment, or None."""
    return tx.exec(select(Contract).where(Contract.payment_id == payment_id)).first()


def of_checkout_along(
    tx: Transaction, checkout_id: str, count: Callable[[Any], ScalarSelect[int]]
) -> tuple[Contract | None, int]:
    """The contract of a checkout, and what ``count`` asks about its payment in the same statement; None and 0."""
    query = select(Contract, count(col(Contract.payment_id))).where(Contract.checkout_id == checkout_id)
    row = tx.exec(query).first()
    return (None, 0) if row is None else (row[0], row[1])


def _disclosure_consent(consents: Sequence[ConsentFact], plan: dict[str, Any]) -> ConsentFact:
    for consent in consents:
        if consent.kind == "disclosure" and consent.text_sha256 == plan["quote_hash"]:
            return consent
    raise ContractWithoutDisclosure(
        "The cost disclosure of this plan was not confirmed in this checkout: show it and have the shopper "
        "confirm it first.",
        param="quote_hash",
    )


def _signed(facts: Facts, authority: SigningAuthority) -> Contract:
    text = canonical(facts)
    content = text.encode()
    signature = authority.sign(content)
    return Contract(
        id=facts.contract,
        mode=facts.mode,
        merchant_id=facts.merchant,
        checkout_id=facts.checkout,
        payment_id=facts.payment,
        shopper_id=facts.shopper,
        quote_sha256=facts.plan["quote_hash"],
        disclosure_consent_id=facts.disclosure_consent,
        text=text,
        text_sha256=hashlib.sha256(content).hexdigest(),
        algorithm=signature.algorithm,
        key_id=signature.key_id,
        signature=signature.value,
        concluded_at=facts.concluded_at,
    )
