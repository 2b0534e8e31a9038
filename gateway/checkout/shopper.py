"""The shopper's side of a checkout: choose and identify, read the disclosure, confirm."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert
from sqlmodel import SQLModel

from gateway.checkout import access, agreements, deciding, questions, service
from gateway.checkout.deciding import chosen_plan
from gateway.checkout.models import Checkout
from gateway.checkout.states import EXPIRABLE, REQUIRED_CONSENTS
from gateway.contracts import service as contracts
from gateway.contracts.text import ConsentFact
from gateway.core.calendar import shanghai_date
from gateway.db import keyed
from gateway.db.transactions import Transaction
from gateway.decision import reviews
from gateway.documents import settled
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
from gateway.identity import codes
from gateway.identity import service as identity
from gateway.loans import service as loans
from gateway.merchants import business_clock
from gateway.payments import quotas
from gateway.plans import service as plans
from gateway.web.context import Gateway

if TYPE_CHECKING:
    from gateway.contracts.models import Contract
    from gateway.decision.models import HumanReview


NEW_CONSENTS = insert(SQLModel.metadata.tables["consent"])


def for_shopper(tx: Transaction, checkout_id: str) -> Checkout:
    """The checkout of a page; its status reads as expired when its time is over.

    Raises ``NotFound``. For pages: nothing of a read is kept.
    """
    row = tx.execute(questions.SHOWN, {"checkout": checkout_id}).first()
    if row is None:
        raise NotFound("This checkout does not exist. Return to the shop and try again.")
    checkout: Checkout = row[0]
    business_clock.enter_read(tx, service.tenant_of(checkout), row[1])
    if service.is_over(tx, checkout):
        checkout.status = "expired"
    return checkout


def queue_code(tx: Transaction, gateway: Gateway, checkout_id: str, *, phone: str, code: str) -> None:
    """Queue the message with a one-time code to the phone the shopper typed."""
    checkout = in_progress(tx, checkout_id)
    tenant = service.tenant_of(checkout)
    codes.queue(tx, gateway.vault, tenant, subject_id=checkout.id, phone=phone, code=code)


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
    """Choose a term and identify the shopper; the plan is recomputed if the day has changed since the quote.

    A refused code is returned, not raised, so that the try is counted. Raises ``TermUnavailable``,
    ``IdentityRefused``, ``SubsidyQuotaUsed``, ``CheckoutExpired`` or ``WrongState``.
    """
    checkout = in_progress(tx, checkout_id)
    _requote(tx, gateway, checkout)
    if term not in [plan["term"] for plan in checkout.plans]:
        raise TermUnavailable(f"{term} instalments are not offered for this order.", param="term")
    person = identity.checked(tx, name=name, id_number=id_number, phone=phone)
    refused = codes.attempt(
        tx,
        gateway.vault,
        service.tenant_of(checkout),
        subject_id=checkout.id,
        phone=person.phone,
        code=code,
        id_number=person.id_number,
    )
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
    checkout.phone_lookup = access.phone_hash(gateway.vault, person.phone)
    checkout.identified_at, checkout.disclosed_at = _next_moment(tx.now, checkout.identified_at), None
    if checkout.status == "open":
        service.move(tx, checkout, "identified")
    tx.add(checkout)
    return checkout


def _next_moment(now: datetime, last: datetime | None) -> datetime:
    """Now, but later than the last one: a pass names the moment, and a test clock stands still."""
    return now if last is None else max(now, last + timedelta(microseconds=1))


def disclose(tx: Transaction, checkout_id: str, *, ago: timedelta = timedelta()) -> Checkout:
    """Note when the cost disclosure was first shown, so long ``ago``: its reading time runs from there.

    Raises ``WrongState``.
    """
    checkout = in_progress(tx, checkout_id)
    if checkout.status != "identified":
        raise WrongState("Choose a plan and enter your details first.", param="checkout")
    if checkout.disclosed_at is None:
        checkout.disclosed_at = tx.now - ago
        tx.add(checkout)
    return checkout


def confirm(
    tx: Transaction,
    gateway: Gateway,
    checkout_id: str,
    *,
    quote_hash: str,
    consents: set[str],
    shopper_id: str | None,
    device: str | None = None,
    language: str | None = None,
) -> deciding.Begun:
    """Conclude: consents are logged, and the request for a decision is written down; what follows is ``deciding``.

    ``shopper_id`` is the person who confirms, who may have been replaced since. ``device`` is the number of the
    browser, if it is known (see ``checkout.device``), and ``language`` the one in which the plan was read.
    Raises ``WrongState`` for a second confirm, ``ConsentMissing``, ``QuoteChanged``, ``ReadingTimeShort``,
    ``SubsidyQuotaUsed`` or ``CostAboveCeiling``; then nothing has changed.
    """
    checkout = in_progress(tx, checkout_id, with_people=True)
    if checkout.status != "identified" or checkout.term is None or checkout.shopper_id is None:
        raise WrongState(f"The checkout is {checkout.status} and cannot be confirmed.", param="checkout")
    if checkout.shopper_id != shopper_id:
        raise WrongState("A different person is now identified in this checkout.", param="checkout")
    plan = chosen_plan(checkout)
    _check_confirmation(tx, gateway, checkout, plan, quote_hash, consents)
    _refuse_used_quota(tx, checkout, checkout.shopper_id)
    contracts.refuse_above_ceiling(tx, plan, plans.lender_of(gateway.settings))
    logged = _log_consents(tx, checkout, plan, consents)
    checkout.confirmed_at, checkout.confirmed_quote_hash = tx.now, quote_hash
    checkout.language = language
    return deciding.begin(tx, gateway, checkout, plan, consents=logged, device=device)


def choose_again(
    tx: Transaction, gateway: Gateway, checkout_id: str, *, term: int, shopper_id: str
) -> Checkout:
    """Another term for the person who is identified already; the disclosure of it is shown afresh.

    Raises ``TermUnavailable``, ``CheckoutExpired`` or ``WrongState``, also when another person was identified since.
    """
    checkout = in_progress(tx, checkout_id)
    if checkout.shopper_id != shopper_id:
        raise WrongState("A different person is now identified in this checkout.", param="checkout")
    _requote(tx, gateway, checkout)
    if term not in [plan["term"] for plan in checkout.plans]:
        raise TermUnavailable(f"{term} instalments are not offered for this order.", param="term")
    checkout.term, checkout.disclosed_at = term, None
    tx.add(checkout)
    return checkout


def cancel(tx: Transaction, checkout_id: str, *, why: str = "shopper") -> Checkout:
    """The shopper turns back; canceling again changes nothing. Raises ``WrongState`` when it was decided."""
    checkout = _locked(tx, checkout_id)
    if checkout.status not in ("canceled", "expired"):
        service.end(tx, checkout, why=why)
    return checkout


def ask_for_review(tx: Transaction, gateway: Gateway, checkout_id: str) -> HumanReview:
    """The shopper asks that a person looks at the decline; once. Raises ``NotFound`` or ``WrongState``."""
    checkout = _locked(tx, checkout_id)
    due_at = tx.now + timedelta(hours=gateway.settings.review_hours)
    if checkout.status != "declined":
        raise WrongState(f"The checkout is {checkout.status}: it was not declined.", param="checkout")
    return reviews.request(tx, checkout_id=checkout.id, due_at=due_at)


def contract_of(tx: Transaction, checkout_id: str) -> Contract | None:
    """The signed contract of an approved checkout, for the shopper to keep; None before there is one."""
    return contracts.of_checkout(tx, checkout_id)


def kept_of(tx: Transaction, checkout: Checkout) -> tuple[Contract | None, list[str]]:
    """What the shopper can keep of an order: the contract, and the loans that there is a certificate of."""
    contract, ended = contracts.of_checkout_along(tx, checkout.id, loans.ended_of_payment)
    return contract, _settled_loans(tx, checkout) if ended else []


def _settled_loans(tx: Transaction, checkout: Checkout) -> list[str]:
    """The loans of an order on which nothing is owed any more; there is a certificate of each."""
    if checkout.payment_id is None:
        return []
    found = loans.of_payment(tx, service.tenant_of(checkout), checkout.payment_id)
    return [loan.id for loan in found if settled.is_settled(tx, loan)]


def _locked(tx: Transaction, checkout_id: str, *, with_people: bool = False) -> Checkout:
    checkout = service.locked(tx, checkout_id, with_people=with_people)
    if checkout is None:
        raise NotFound("This checkout does not exist. Return to the shop and try again.")
    return checkout


def in_progress(tx: Transaction, checkout_id: str, *, with_people: bool = False) -> Checkout:
    """The checkout, locked, before it is confirmed. Raises ``NotFound``, ``CheckoutExpired`` or ``WrongState``."""
    checkout = _locked(tx, checkout_id, with_people=with_people)
    if checkout.status == "expired":
        raise CheckoutExpired(
            f"The checkout expired at {checkout.expires_at:%Y-%m-%dT%H:%M:%SZ}. Nothing was charged."
        )
    if checkout.status not in EXPIRABLE:
        raise WrongState(f"The checkout is {checkout.status}.", param="checkout")
    return checkout


def _requote(tx: Transaction, gateway: Gateway, checkout: Checkout) -> None:
    """A quote is of its day: due dates move with it, so a plan from yesterday is recomputed before it is chosen."""
    today = shanghai_date(tx.now)
    if checkout.identified_at is None and shanghai_date(checkout.created_at) == today:
        return
    quote = service.quote_today(tx, gateway, checkout)
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
        raise ConsentMissing("These consents are required: " + ", ".join(missing) + ".", param=missing[0])
    if quote_hash != plan["quote_hash"]:
        raise QuoteChanged("The plan has changed since it was shown: review it again.", param="quote_hash")
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


def _log_consents(
    tx: Transaction, checkout: Checkout, plan: dict[str, Any], consents: set[str]
) -> list[ConsentFact]:
    """The consents, and the confirmation of the disclosure, as they are logged now; nothing changes them."""
    kinds = [kind for kind in agreements.KINDS if kind in consents]
    hashes = {kind: agreements.sha256(kind, agreements.current(kind)) for kind in kinds}
    hashes["disclosure"] = plan["quote_hash"]
    version = {"disclosure": plan["disclosure"]["text_version"]}
    logged = [
        ConsentFact(
            tx.new_id("cns"), kind, version.get(kind) or agreements.current(kind), digest, given_at=tx.now
        )
        for kind, digest in hashes.items()
    ]
    of = {"checkout_id": checkout.id, "shopper_id": checkout.shopper_id, "channel": "hosted_page"}
    keyed.insert(tx, NEW_CONSENTS, [of | asdict(consent) for consent in logged])
    return logged
