"""Deciding: the lender and the bureau are asked between transactions, and the ruling is written down once.

1. ``begin``, in the confirmation's transaction: the request with its reference, the checkout ``deciding``, and a task
   for the worker that falls due after a short lease.
2. Outside any transaction: the real-name source and the bureau are asked and the scorer recommends; what the lender is
   asked is written down; the lender is asked. About somebody of whom it is not known who they are, nobody else is.
3. In a transaction: the ruling, and with it the limit, the payment, the contract and the event.

The request that confirmed does 2 and 3 at once. When it cannot, because it was ended or the lender does not answer, the
worker goes on, looks up before it asks, and asks under the same reference. A lender that stays silent for
``LONGEST_WAIT`` leaves the application to a person: silence is neither an approval nor a decline.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from gateway.checkout import application, identifying, offering, outcome, service
from gateway.checkout.models import Checkout
from gateway.contracts import service as contracts
from gateway.core.tenant import mode_of
from gateway.db import turns
from gateway.db.transactions import READ_COMMITTED, Transaction
from gateway.decision import requests, reviews
from gateway.decision import service as decisions
from gateway.decision.funder import Ruling
from gateway.decision.reasons import REASONS
from gateway.decision.service import Recommended
from gateway.errors import CostAboveCeiling, DatabaseUnavailable, FunderUnavailable
from gateway.identity import claims, code_limits
from gateway.identity import service as identity
from gateway.identity.real_name import MATCH
from gateway.plans import service as plans
from gateway.web.context import Gateway
from scoring.links import rules

if TYPE_CHECKING:
    from gateway.contracts.text import ConsentFact
    from gateway.decision.models import DecisionRequest
    from gateway.outbox.models import OutboxItem

log = logging.getLogger("gateway.deciding")
PAGE_SECONDS = 3.0
"""How long a shopper's request waits for real-name source, bureau and lender together."""
WORKER_SECONDS = 10.0
LEASE = timedelta(seconds=10)
"""For so long after the confirmation its own request may go on alone."""
LONGEST_WAIT = timedelta(minutes=15)
SHORTEST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(seconds=60)
"""Between two attempts of the worker: half of the time that has passed, within these."""
WITH_APPLICANT = identity.read_along(requests.BY_ID, requests.APPLICANT)
UNPROVEN = Ruling("review", 0, "gateway", (REASONS["identity_conflict"],))
"""Of whom it is not known who they are, a person decides: no limit is granted, held or drawn."""


@dataclass(frozen=True, slots=True)
class Begun:
    """What a confirmation has committed: none of it need be read again by whoever goes on at once."""

    request: DecisionRequest
    applicant: _Applicant | None
    """None where it is not known who applies, which is read again."""
    consents: Sequence[ConsentFact]


def begin(
    tx: Transaction,
    gateway: Gateway,
    checkout: Checkout,
    plan: dict[str, Any],
    *,
    consents: Sequence[ConsentFact],
    device: str | None,
) -> Begun:
    """Write down what is to be decided about a confirmed checkout, which is ``deciding`` from here.

    Applications from one phone are made one after the other, so that each counts those before it.
    """
    assert checkout.shopper_id is not None, "a confirmed checkout has a shopper"
    person = identity.opened(tx, gateway.vault, checkout.shopper_id)
    if not code_limits.is_sandbox(service.tenant_of(checkout), person["phone"]):
        turns.wait(tx, f"applications from {identity.lookups_of(tx, checkout.shopper_id)['phone']}")
    linked = application.linked(tx, gateway, checkout, phone=person["phone"], device=device)
    known, person_decides = application.known(tx, checkout, plan)
    features = known | application.counted(linked)
    request = requests.open_request(
        tx,
        service.tenant_of(checkout),
        checkout_id=checkout.id,
        shopper_id=checkout.shopper_id,
        amount_fen=checkout.financed_fen,
        features=features,
        link_signals=rules(linked),
        ask_bureau=any(consent.kind == "bureau_query" for consent in consents),
        person_decides=person_decides,
        granted_by=_granted_by(tx, checkout, features),
        lease_ends=tx.wall + LEASE,
    )
    service.move(tx, checkout, "deciding")
    applicant = _Applicant.of_nobody_else(tx, request, person)
    return Begun(request, applicant, consents)


def answer(
    gateway: Gateway, request_id: str, *, begun: Begun | None = None, fault: str | None = None
) -> None:
    """Ask and rule at once, for a shopper who waits; whatever fails here, the worker goes on with.

    ``begun`` is what the confirmation has just committed, in hand. ``fault`` is played on the events of the ruling, in
    test mode.
    """
    try:
        _decide(gateway, request_id, again=False, within_seconds=PAGE_SECONDS, begun=begun, fault=fault)
    except (FunderUnavailable, DatabaseUnavailable) as error:
        log.warning("%s is left to the worker: %s", request_id, error)
    except Exception:  # the confirmation is committed: the page says that it is being decided
        log.exception("%s is left to the worker", request_id)


def carry_out(gateway: Gateway, item: OutboxItem) -> None:
    """Go on with a request that was interrupted, or that the lender has not answered."""
    request_id = item.payload["request"]
    try:
        _decide(gateway, request_id, again=True, within_seconds=WORKER_SECONDS)
    except (FunderUnavailable, DatabaseUnavailable) as error:
        log.warning("%s has no ruling yet: %s", request_id, error)
    except Exception:  # nobody waits longer for a mistake of ours than for the lender
        log.exception("%s has no ruling yet", request_id)
    else:
        return
    gateway.db.write(lambda tx: _wait(tx, gateway, request_id), READ_COMMITTED)


def chosen_plan(checkout: Checkout) -> dict[str, Any]:
    """The plan of the chosen term."""
    return next(plan for plan in checkout.plans if plan["term"] == checkout.term)


def _decide(
    gateway: Gateway,
    request_id: str,
    *,
    again: bool,
    within_seconds: float,
    begun: Begun | None = None,
    fault: str | None = None,
) -> None:
    """Steps 2 and 3. With ``again`` the outside is asked what it knows first. Raises ``FunderUnavailable``."""
    deadline = gateway.clock() + timedelta(seconds=within_seconds)
    consents = begun.consents if begun is not None else None
    applicant: _Applicant | None
    if begun is not None and begun.applicant is not None:
        request, proven, applicant = begun.request, True, begun.applicant
    else:
        with gateway.db.read() as tx:
            request = tx.execute(WITH_APPLICANT, {"request": request_id}).one()[0]
            if request.decided_at is not None:
                return
            proven = identifying.is_proven(tx, request)
            applicant = _Applicant.of(tx, gateway, request) if request.advice is None else None
    if applicant is not None:
        request, proven = _advised(gateway, request, applicant, again=again, deadline=deadline)
    advice = requests.advice_of(request)
    if not proven:
        ruling = UNPROVEN
    elif request.granted_by is not None:
        ruling = Ruling("approve", 0, request.granted_by)
    else:
        left = _seconds_left(gateway, deadline)
        ruling = requests.ruling_of(gateway.ports.funder, request, advice, again=again, within_seconds=left)

    def rule(tx: Transaction) -> None:
        tx.info["test_fault"] = fault
        _rule(tx, gateway, request_id, advice, ruling, consents=consents)

    gateway.db.write(rule, READ_COMMITTED)


@dataclass(frozen=True, slots=True)
class _Applicant:
    """Who applies, as far as it is known, and the keyed hash of the ID number."""

    standing: claims.Standing
    subject: str

    @classmethod
    def of_nobody_else(
        cls, tx: Transaction, request: DecisionRequest, person: dict[str, str]
    ) -> _Applicant | None:
        """The applicant whose particulars are open already; None for one whose ID number somebody else holds."""
        shopper = identity.read(tx, request.shopper_id)
        if shopper.claims_number_of is not None:
            return None
        return cls(claims.Standing(person, shopper.verified_at is not None, None), shopper.id_number_lookup)

    @classmethod
    def of(cls, tx: Transaction, gateway: Gateway, request: DecisionRequest) -> _Applicant:
        standing = claims.standing(tx, gateway.vault, request.shopper_id)
        return cls(standing, identity.lookups_of(tx, request.shopper_id)["id_number"])


def _advised(
    gateway: Gateway, request: DecisionRequest, applicant: _Applicant, *, again: bool, deadline: datetime
) -> tuple[DecisionRequest, bool]:
    """The request with what is submitted to the lender: written down before it is asked, and the same ever after.

    And whether the applicant may be decided about without a person.
    """
    standing, request_id = applicant.standing, request.id
    left = _seconds_left(gateway, deadline) / 3
    real_name = identifying.checked(gateway, request, standing, again=again, within_seconds=left)
    on_file = standing.on_file
    if identifying.is_same_person(standing, real_name):
        request = gateway.db.write(lambda tx: _on_file(tx, gateway, request_id), READ_COMMITTED)
        with gateway.db.read() as tx:
            on_file = claims.on_file(tx, request.shopper_id)
    reported: dict[str, Any] = {}
    missing: tuple[str, ...] = ()
    if standing.on_file in (None, request.shopper_id) and real_name in (None, MATCH):
        # A stranger's consent does not open the file of the ID number's holder.
        reported, missing = requests.reported(
            gateway.ports.bureau,
            request,
            subject=applicant.subject,
            again=again,
            within_seconds=_seconds_left(gateway, deadline) / 2,
        )
    advice = decisions.recommend(
        gateway.ports.scorer,
        mode=mode_of(request.mode),
        phone=standing.person["phone"],
        features=request.features | reported,
        required=missing,
        link_signals=request.link_signals,
        person_decides=request.person_decides,
    )
    if decisions.only_amount_failed(advice, request.link_signals):
        offer = offering.find(gateway, request, advice.features, required=missing)
        advice = replace(advice, counter_offer=offer)
    request = gateway.db.write(
        lambda tx: requests.keep_advice(tx, request, advice, real_name=real_name), READ_COMMITTED
    )
    return request, identifying.may_be_decided(on_file, request.real_name)


def _on_file(tx: Transaction, gateway: Gateway, request_id: str) -> DecisionRequest:
    """The applicant is the person on file with a new phone: the application is theirs, with all that is known of them.

    What it is linked by was counted before: the person and the claim are two there, which errs on the safe side.
    """
    request = requests.undecided(tx, request_id)
    if request is None:
        return requests.get(tx, request_id)
    standing = claims.standing(tx, gateway.vault, request.shopper_id)
    if not identifying.is_same_person(standing, MATCH):  # what is on file has changed meanwhile
        return request
    checkout = service.locked(tx, request.checkout_id)
    assert checkout is not None, "a request is about a checkout"
    if identifying.accept(tx, gateway, request.shopper_id, by=request_id) is not None:
        features, person_decides = application.known(tx, checkout)
        granted_by = _granted_by(tx, checkout, features)
        requests.of_person_on_file(
            tx,
            request,
            real_name=MATCH,
            features=features,
            person_decides=person_decides,
            granted_by=granted_by,
        )
    return request


def _rule(
    tx: Transaction,
    gateway: Gateway,
    request_id: str,
    advice: Recommended,
    ruling: Ruling,
    *,
    consents: Sequence[ConsentFact] | None = None,
) -> None:
    """Step 3; a second caller finds the request already ruled on and changes nothing.

    ``consents`` are those of the checkout, if they are in hand.
    """
    request, checkout = service.locked_of_request(tx, request_id)
    if request.decided_at is not None:
        return
    plan, funder_name = chosen_plan(checkout), gateway.settings.funder
    if not identifying.is_proven(tx, request):
        ruling = UNPROVEN
    elif request.real_name == MATCH:
        claims.verify(tx, request.shopper_id, by=request.id)
    if request.granted_by is not None and ruling.outcome == "approve":
        limit_fen = decisions.limit_needed_fen(
            tx,
            request.shopper_id,
            funder_name,
            request.amount_fen,
            recommended_fen=advice.limit_fen,
        )
        ruling = replace(ruling, limit_fen=limit_fen)
    if ruling.outcome == "approve":
        ruling = _within_ceiling(tx, gateway, plan, ruling)
    decision = decisions.record(
        tx,
        request,
        advice,
        ruling,
        funder_name=funder_name,
        challengers=gateway.ports.challengers,
    )
    requests.close(tx, request, decision_id=decision.id)
    if decision.outcome == "decline" and advice.counter_offer is not None and not ruling.reasons:
        checkout.counter_offer = advice.counter_offer  # the lender has no reason of its own
    outcome.settle(tx, gateway, checkout, plan, decision, consents=consents)


def _wait(tx: Transaction, gateway: Gateway, request_id: str) -> None:
    """Try again after a while; after ``LONGEST_WAIT`` a person decides."""
    request = requests.undecided(tx, request_id)
    if request is None:
        return
    age = tx.wall - request.asked_at
    if age >= LONGEST_WAIT:
        advice = requests.advice_of(request)
        unreachable = [REASONS["lender_unreachable"]] if request.advice is not None else ()
        _rule(tx, gateway, request_id, advice, Ruling("review", 0, "gateway", unreachable))
        return
    pause = min(max(age / 2, SHORTEST_PAUSE), LONGEST_PAUSE)
    tenant = service.tenant_of(tx.get_one(Checkout, request.checkout_id))
    requests.wait(tx, tenant, request, until=tx.wall + pause)


def _within_ceiling(tx: Transaction, gateway: Gateway, plan: dict[str, Any], ruling: Ruling) -> Ruling:
    """The ruling; an approval of what may no longer be lent today is a decline that says so."""
    try:
        contracts.refuse_above_ceiling(tx, plan, plans.lender_of(gateway.settings))
    except CostAboveCeiling:
        return Ruling("decline", 0, ruling.decided_by, [REASONS["cost_above_ceiling"]])
    return ruling


def _granted_by(tx: Transaction, checkout: Checkout, features: dict[str, Any]) -> str | None:
    """The reviewer of the decline that this checkout reopens, if they granted the same person the loan."""
    if checkout.reopens is None or features.get("listed") == "blocked":
        return None
    review = reviews.of_checkout(tx, checkout.reopens)
    granted = review is not None and review.status == "reconsider"
    return review.resolved_by if granted and review and review.shopper_id == checkout.shopper_id else None


def _seconds_left(gateway: Gateway, deadline: datetime) -> float:
    return max(0.1, (deadline - gateway.clock()).total_seconds())
