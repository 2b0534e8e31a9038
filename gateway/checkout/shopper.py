"""The shopper's side of a checkout: choose and identify, read the disclosure, confirm, and be answered at once."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlmodel import select

from gateway.checkout import agreements, application, service
from gateway.checkout.models import Checkout, Consent
from gateway.checkout.states import EXPIRABLE, REQUIRED_CONSENTS
from gateway.contracts import service as contracts
from gateway.contracts.text import ConsentFact
from gateway.core.calendar import shanghai_date
from gateway.db.transactions import Transaction
from gateway.decision import reviews
from gateway.decision import service as decisions
from gateway.errors import (
    CheckoutExpired,
    CodeRefused,
    ConsentMissing,
    NotFound,
    QuoteChanged,
    ReadingTimeShort,
    TermUnavailable,
    WrongState,
)
from gateway.identity import service as identity
from gateway.merchants import test_clocks
from gateway.payments import quotas
from gateway.payments import service as payments
from gateway.plans import service as plans
from gateway.web.context import Gateway

if TYPE_CHECKING:
    from gateway.contracts.models import Contract
    from gateway.decision.models import CreditDecision, HumanReview


def for_shopper(tx: Transaction, checkout_id: str) -> Checkout:
    """The checkout behind an unguessable address; its status reads as expired when its time is over.

    Raises ``NotFound``. For pages: nothing of a read is kept.
    """
    checkout = tx.get(Checkout, checkout_id)
    if checkout is None:
        raise NotFound("There is no such checkout. Go back to the shop and try again.")
    test_clocks.enter(tx, service.tenant_of(checkout))
    if service.is_over(tx, checkout):
        checkout.status = "expired"
    return checkout


def send_code(tx: Transaction, gateway: Gateway, checkout_id: str, *, phone: str) -> None:
    """Send a one-time code to the phone the shopper typed."""
    checkout = _in_progress(tx, checkout_id)
    identity.send_code(
        tx,
        gateway.vault,
        gateway.ports["notifier"],
        mode=service.tenant_of(checkout).mode,
        subject_id=checkout.id,
        phone=phone,
    )


def identify(
    tx: Transaction,
    gateway: Gateway,
    checkout_id: str,
    *,
    term: int,
    name: str,
    id_number: str,
    phone: str,
    code: str,
) -> Checkout | CodeRefused:
    """Choose a term and say who one is; the plan is made anew if the day has changed since the quote.

    A refused code is returned, not raised, so that the try is counted. Raises ``TermUnavailable``,
    ``IdentityRefused``, ``SubsidyQuotaUsed``, ``CheckoutExpired`` or ``WrongState``.
    """
    checkout = _in_progress(tx, checkout_id)
    _requote(tx, gateway, checkout)
    if term not in [plan["term"] for plan in checkout.plans]:
        raise TermUnavailable(f"{term} instalments are not offered for this order.", param="term")
    person = identity.checked(tx, name=name, id_number=id_number, phone=phone)
    refused = identity.attempt_code(tx, gateway.vault, subject_id=checkout.id, phone=person.phone, code=code)
    if refused is not None:
        return refused
    shopper = identity.recognise(
        tx,
        gateway.vault,
        mode=service.tenant_of(checkout).mode,
        identity=person,
        keep_days=gateway.settings.applicant_days,
    )
    _refuse_used_quota(tx, checkout, shopper.id)
    checkout.term, checkout.shopper_id = term, shopper.id
    checkout.identified_at, checkout.disclosed_at = tx.now, None
    if checkout.status == "open":
        service.move(tx, checkout, "identified")
    tx.add(checkout)
    return checkout


def disclose(tx: Transaction, checkout_id: str) -> Checkout:
    """Note when the cost disclosure was first shown: its reading time runs from here. Raises ``WrongState``."""
    checkout = _in_progress(tx, checkout_id)
    if checkout.status != "identified":
        raise WrongState("Choose a plan and say who you are first.", param="checkout")
    if checkout.disclosed_at is None:
        checkout.disclosed_at = tx.now
        tx.add(checkout)
    return checkout


def confirm(
    tx: Transaction,
    gateway: Gateway,
    checkout_id: str,
    *,
    quote_hash: str,
    consents: set[str],
    device: str | None = None,
) -> Checkout:
    """Conclude: consents are logged, the lender decides, and an approval becomes a payment, all in one commit.

    ``device`` is the number of the browser, if it is known (see ``checkout.device``).
    Raises ``WrongState`` for a second confirm, ``ConsentMissing``, ``QuoteChanged``, ``ReadingTimeShort``,
    ``SubsidyQuotaUsed`` or ``CostAboveCeiling``; then nothing has changed.
    """
    checkout = _in_progress(tx, checkout_id)
    if checkout.status != "identified" or checkout.term is None or checkout.shopper_id is None:
        raise WrongState(f"The checkout is {checkout.status} and cannot be confirmed.", param="checkout")
    plan = chosen_plan(checkout)
    _check_confirmation(tx, gateway, checkout, plan, quote_hash, consents)
    _refuse_used_quota(tx, checkout, checkout.shopper_id)
    contracts.refuse_above_ceiling(tx, plan, plans.lender_of(gateway.settings))
    _log_consents(tx, checkout, plan, consents)
    checkout.confirmed_at, checkout.confirmed_quote_hash = tx.now, quote_hash
    mode, phone = service.tenant_of(checkout).mode, identity.phone_of(tx, gateway.vault, checkout.shopper_id)
    linked = application.linked(tx, gateway, checkout, phone=phone, device=device)
    features, required = application.features(tx, gateway, checkout, plan, consents)
    decision = decisions.decide(
        tx,
        scorer=gateway.ports["scorer"],
        funder=gateway.ports["funder"],
        funder_name=gateway.settings.funder,
        mode=mode,
        checkout_id=checkout.id,
        shopper_id=checkout.shopper_id,
        phone=phone,
        amount_fen=checkout.financed_fen,
        features=features | application.counted(linked),
        links=linked,
        required=required,
        challengers=gateway.ports["challengers"],
    )
    _conclude(tx, gateway, checkout, plan, decision)
    return checkout


def resolve_review(
    tx: Transaction, gateway: Gateway, checkout_id: str, *, outcome: str, decided_by: str
) -> Checkout:
    """A person ends the review of a checkout. Raises ``WrongState``, or ``CostAboveCeiling`` for an approval."""
    checkout = _in_progress(tx, checkout_id)
    if checkout.status != "under_review":
        raise WrongState(f"The checkout is {checkout.status}: there is no review to end.", param="checkout")
    decision = decisions.resolve_review(
        tx,
        checkout_id=checkout.id,
        outcome=outcome,
        decided_by=decided_by,
        funder_name=gateway.settings.funder,
    )
    _conclude(tx, gateway, checkout, chosen_plan(checkout), decision)
    return checkout


def cancel(tx: Transaction, checkout_id: str) -> Checkout:
    """The shopper turns back; canceling again changes nothing. Raises ``WrongState`` when it was decided."""
    checkout = _found(tx, checkout_id)
    if checkout.status not in ("canceled", "expired"):
        service.move(tx, checkout, "canceled")
    return checkout


def ask_for_review(tx: Transaction, checkout_id: str) -> HumanReview:
    """The shopper asks that a person looks at the decline; once. Raises ``NotFound`` or ``WrongState``."""
    checkout = _found(tx, checkout_id)
    if checkout.status != "declined":
        raise WrongState(f"The checkout is {checkout.status}: there is no decline.", param="checkout")
    return reviews.request(tx, checkout_id=checkout.id)


def contract_of(tx: Transaction, checkout_id: str) -> Contract | None:
    """The signed contract of an approved checkout, for the shopper to keep; None before there is one."""
    return contracts.of_checkout(tx, checkout_id)


def chosen_plan(checkout: Checkout) -> dict[str, Any]:
    """The plan of the chosen term."""
    return next(plan for plan in checkout.plans if plan["term"] == checkout.term)


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


def _found(tx: Transaction, checkout_id: str) -> Checkout:
    checkout = service.locked(tx, checkout_id)
    if checkout is None:
        raise NotFound("There is no such checkout. Go back to the shop and try again.")
    return checkout


def _in_progress(tx: Transaction, checkout_id: str) -> Checkout:
    checkout = _found(tx, checkout_id)
    if checkout.status == "expired":
        raise CheckoutExpired(
            f"The checkout ended at {checkout.expires_at:%Y-%m-%dT%H:%M:%SZ}. Nothing was charged."
        )
    if checkout.status not in EXPIRABLE:
        raise WrongState(f"The checkout is {checkout.status}.", param="checkout")
    return checkout


def _requote(tx: Transaction, gateway: Gateway, checkout: Checkout) -> None:
    """A quote is of its day: due dates move with it, so a plan from yesterday is made anew before it is chosen."""
    today = shanghai_date(tx.now)
    if checkout.identified_at is None and shanghai_date(checkout.created_at) == today:
        return
    quote = plans.quote(
        tx,
        service.tenant_of(checkout),
        amount_fen=checkout.amount_fen,
        terms=checkout.terms,
        category=checkout.category,
        lender=plans.lender_of(gateway.settings),
        down_payment_fen=checkout.down_payment_fen,
    )
    checkout.plans, checkout.unavailable = quote["plans"], quote["unavailable"]
    checkout.prices = quote["prices"]


def _check_confirmation(
    tx: Transaction,
    gateway: Gateway,
    checkout: Checkout,
    plan: dict[str, Any],
    quote_hash: str,
    consents: set[str],
) -> None:
    missing = [kind for kind in REQUIRED_CONSENTS if kind not in consents]
    if missing:
        raise ConsentMissing("These consents are needed: " + ", ".join(missing) + ".", param=missing[0])
    if quote_hash != plan["quote_hash"]:
        raise QuoteChanged("The plan changed since it was shown: read it again.", param="quote_hash")
    if checkout.disclosed_at is None:
        raise ReadingTimeShort(
            "Read the cost disclosure first.", seconds_left=gateway.settings.disclosure_reading_seconds
        )
    ready = checkout.disclosed_at + timedelta(seconds=gateway.settings.disclosure_reading_seconds)
    if tx.now < ready:
        left = int((ready - tx.now).total_seconds()) + 1
        raise ReadingTimeShort(f"Read the cost disclosure for {left} more seconds.", seconds_left=left)


def _refuse_used_quota(tx: Transaction, checkout: Checkout, shopper_id: str) -> None:
    quotas.refuse_used(
        tx,
        service.tenant_of(checkout).mode,
        shopper_id=shopper_id,
        claim=checkout.government_subsidy,
        items=checkout.items,
    )


def _log_consents(tx: Transaction, checkout: Checkout, plan: dict[str, Any], consents: set[str]) -> None:
    kinds = [kind for kind in agreements.KINDS if kind in consents]
    hashes = {kind: agreements.sha256(kind, agreements.current(kind)) for kind in kinds}
    hashes["disclosure"] = plan["quote_hash"]
    for kind, digest in hashes.items():
        tx.add(
            Consent(
                id=tx.new_id("cns"),
                checkout_id=checkout.id,
                shopper_id=checkout.shopper_id or "",
                kind=kind,
                version=plan["disclosure"]["text_version"]
                if kind == "disclosure"
                else agreements.current(kind),
                text_sha256=digest,
                channel="hosted_page",
                given_at=tx.now,
            )
        )


def _conclude(
    tx: Transaction, gateway: Gateway, checkout: Checkout, plan: dict[str, Any], decision: CreditDecision
) -> None:
    if decision.outcome == "review":
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
        government_subsidy=checkout.government_subsidy,
        ordered=service.lines_of(checkout),
    )
    assert payment is not None, "the decision has granted room for the amount under the same lock"
    _contract(tx, gateway, checkout, plan, payment.id)
    checkout.payment_id = payment.id
    service.move(tx, checkout, "approved")


def _contract(
    tx: Transaction, gateway: Gateway, checkout: Checkout, plan: dict[str, Any], payment_id: str
) -> None:
    assert checkout.shopper_id is not None
    given = tx.exec(select(Consent).where(Consent.checkout_id == checkout.id))
    contracts.conclude(
        tx,
        gateway.ports["signing_authority"],
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
        consents=[ConsentFact(row.id, row.kind, row.version, row.text_sha256, row.given_at) for row in given],
    )
