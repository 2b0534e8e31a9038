"""A request for a decision on its way: written down, advised, submitted to the lender, ruled on once.

Its identifier is the reference under which the bureau and the lender are asked. What they are asked is written down
before, so that the worker, going on after a crash, asks the same under the same reference. The functions that ask run
outside any transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Text, bindparam, cast, update
from sqlmodel import SQLModel, col, func, select

from gateway.core.references import reference
from gateway.core.tenant import Tenant, mode_of
from gateway.db.transactions import Transaction
from gateway.decision import bureau
from gateway.decision.bureau import Bureau, BureauReport, BureauUnavailable, Inquiry
from gateway.decision.funder import Funder, Ruling, Submission
from gateway.decision.models import DecisionRequest
from gateway.decision.reasons import REASONS
from gateway.decision.service import Recommended
from gateway.outbox import service as outbox

TOPIC = "checkout.decide"
BY_ID = select(DecisionRequest).where(DecisionRequest.id == bindparam("request"))
APPLICANT = DecisionRequest.shopper_id
"""The applicant, for a question that somebody else also sees."""
NOT_ADVISED = frozenset({"price_tier", "annual_rate_bp"})
"""Advised by earlier releases, whose requests may still wait; nobody was charged by it."""
UNDECIDED = BY_ID.with_for_update()
NO_ADVICE = func.coalesce(cast(col(DecisionRequest.advice), Text), "null") == "null"
"""PostgreSQL keeps what is not there as the document null."""
FIRST_ADVICE = (
    update(SQLModel.metadata.tables["decision_request"])
    .where(col(DecisionRequest.id) == bindparam("request"), NO_ADVICE)
    .values(advice=bindparam("first_advice"), real_name=bindparam("first_real_name"))
)


def open_request(
    tx: Transaction,
    tenant: Tenant,
    *,
    checkout_id: str,
    shopper_id: str,
    amount_fen: int,
    features: dict[str, Any],
    link_signals: Sequence[str],
    ask_bureau: bool,
    person_decides: bool,
    granted_by: str | None,
    lease_ends: datetime,
) -> DecisionRequest:
    """Write down what is to be decided; the worker takes it up at ``lease_ends`` unless it was ruled on before."""
    request_id = reference(
        "drq", tenant, checkout_id
    )  # lender, bureau and real-name source are asked under it
    task_id = outbox.put(tx, TOPIC, {"request": request_id}, tenant=tenant, at=lease_ends)
    request = DecisionRequest(
        id=request_id,
        mode=tenant.mode,
        checkout_id=checkout_id,
        shopper_id=shopper_id,
        amount_fen=amount_fen,
        ask_bureau=ask_bureau,
        person_decides=person_decides,
        features=features,
        link_signals=list(link_signals),
        granted_by=granted_by,
        task_id=task_id,
        created_at=tx.now,
        asked_at=tx.wall,
    )
    tx.add(request)
    return request


def wait(tx: Transaction, tenant: Tenant, request: DecisionRequest, *, until: datetime) -> None:
    """Let the worker take the request up again at ``until`` (the machine's time)."""
    request.task_id = outbox.put(tx, TOPIC, {"request": request.id}, tenant=tenant, at=until)
    tx.add(request)


def of_checkout(tx: Transaction, checkout_id: str) -> DecisionRequest | None:
    """The request about a checkout, if it was confirmed."""
    return tx.exec(select(DecisionRequest).where(DecisionRequest.checkout_id == checkout_id)).first()


def get(tx: Transaction, request_id: str) -> DecisionRequest:
    """The request."""
    return tx.get_one(DecisionRequest, request_id)


def read_with(checkout: Any, applicant: Any) -> Any:
    """The question for a request, its checkout and the applicant, all locked; given are the classes of these."""
    joined = BY_ID.add_columns(checkout).join(checkout, checkout.id == col(DecisionRequest.checkout_id))
    return joined.with_for_update(of=(DecisionRequest, checkout, applicant)).execution_options(
        populate_existing=True
    )


def undecided(tx: Transaction, request_id: str) -> DecisionRequest | None:
    """The request, locked; None when it was ruled on."""
    request = tx.exec(UNDECIDED, params={"request": request_id}).one()
    return request if request.decided_at is None else None


def reported(
    connected: Bureau | None, request: DecisionRequest, *, subject: str, again: bool, within_seconds: float
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What the bureau says, if one is connected and the shopper consents; what it failed to answer is missing.

    What is unknown is looked up: first with ``again``, else when no answer came.
    """
    if connected is None or not request.ask_bureau:
        return {}, ()
    inquiry = Inquiry(
        reference=request.id,
        mode=mode_of(request.mode),
        subject=subject,
        consent=f"{request.checkout_id}:bureau_query",
        within_seconds=within_seconds,
    )
    try:
        report = _report(connected, inquiry, again=again)
    except BureauUnavailable:
        return {}, bureau.FIELDS[:1]
    return report.as_features(), ()


def _report(connected: Bureau, inquiry: Inquiry, *, again: bool) -> BureauReport:
    if again and (known := connected.look_up(inquiry)) is not None:
        return known
    try:
        return connected.report(inquiry)
    except BureauUnavailable:
        late = connected.look_up(inquiry)
        if late is None:
            raise
        return late


def keep_advice(
    tx: Transaction, request: DecisionRequest, advice: Recommended, *, real_name: str | None
) -> DecisionRequest:
    """Write down what will be submitted to the lender, and what the real-name check said; the first word is right."""
    first = asdict(advice)
    words = {"request": request.id, "first_advice": first, "first_real_name": real_name}
    if not tx.connection().execute(FIRST_ADVICE, words).rowcount:
        return get(tx, request.id)
    request.advice, request.real_name = first, real_name
    return request


def of_person_on_file(
    tx: Transaction,
    request: DecisionRequest,
    *,
    real_name: str,
    features: dict[str, Any],
    person_decides: bool,
    granted_by: str | None,
) -> None:
    """The applicant was found to be somebody on file: what is known of that person counts, nothing was advised yet."""
    request.real_name = real_name
    request.features = request.features | features
    request.person_decides = person_decides
    request.granted_by = granted_by
    tx.add(request)
    tx.flush()


def advice_of(request: DecisionRequest) -> Recommended:
    """What was, or will be, submitted to the lender; a review where nothing could be recommended."""
    if request.advice is not None:
        return Recommended(**{name: of for name, of in request.advice.items() if name not in NOT_ADVISED})
    return Recommended("review", 0, [REASONS["scorer_unavailable"]], request.features, scored="review")


def ruling_of(
    lender: Funder, request: DecisionRequest, advice: Recommended, *, again: bool, within_seconds: float
) -> Ruling:
    """The lender's decision. With ``again`` it is looked up before anything is sent. Raises ``FunderUnavailable``."""
    submission = Submission(
        reference=request.id,
        mode=mode_of(request.mode),
        shopper_id=request.shopper_id,
        amount_fen=request.amount_fen,
        recommended=advice.outcome,
        limit_fen=advice.limit_fen,
        within_seconds=within_seconds,
    )
    return (lender.look_up(submission) if again else None) or lender.decide(submission)


def close(tx: Transaction, request: DecisionRequest, *, decision_id: str) -> None:
    """The request is ruled on: nobody need go on with it."""
    request.decision_id, request.decided_at = decision_id, tx.now
    tx.add(request)
    outbox.withdraw(tx, request.task_id)
