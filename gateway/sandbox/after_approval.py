"""Test mode: routes that act as shopper, lender, institution and time after approval. 404 in live mode."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from gateway.core.calendar import shanghai_date
from gateway.db.transactions import READ_COMMITTED
from gateway.errors import InvalidRequest, NotFound, WrongState
from gateway.loans import repayment
from gateway.loans import service as loans
from gateway.loans.schemas import LoanAnswer
from gateway.merchants import business_clock
from gateway.outbox import service as outbox
from gateway.payments import service, subsidies
from gateway.payments.collections import service as collections
from gateway.payments.disputes import service as disputes
from gateway.payments.milestones import service as milestones
from gateway.payments.milestones.schemas import MilestoneAnswer
from gateway.payments.schemas import DisputeAnswer, PaymentAnswer
from gateway.sandbox.schemas import (
    AdvanceRequest,
    ContestPlayed,
    DisputePlayed,
    DisputeResolved,
    MissPlayed,
    PayoutReturned,
    RepaymentPlayed,
    TestClockAnswer,
    TestClockRequest,
)
from gateway.settlement import payouts
from gateway.settlement import service as settlement
from gateway.settlement.schemas import PayoutAnswer
from gateway.web.operations import Api, Call, Created

ADVANCE = "test_clock.advance"
helpers = Api("test_helpers_after_approval", prefix="/v1/test_helpers")
clocks = Api("test_clocks", prefix="/v1/test_clocks")


@helpers.post("/loans/<loan_id>/repay", scope="payments:write", body=RepaymentPlayed, answer=LoanAnswer)
def repay_loan(call: Call, loan_id: str) -> Any:
    """Act as the shopper who pays: what is owed now, another amount, or with early_settlement everything left."""
    _only_in_test(call)
    loan, body = loans.get(call.tx, call.tenant, loan_id), call.body
    reference = body["reference"] or call.tx.new_id("tst")
    if body["early_settlement"]:
        if body["amount"] is not None or body["received_on"] is not None:
            raise InvalidRequest(
                "An early settlement does not take an amount or a day.", param="early_settlement"
            )
        done = repayment.settle_early(call.tx, call.tenant, loan_id=loan.id, reference=reference)
        collections.free_limit(call.tx, done)
    else:
        due = loans.view(call.tx, loan)["amount_due"]
        if not due and body["amount"] is None:
            raise WrongState("Nothing is due: send an amount, or settle early.", param="amount")
        collections.receive(
            call.tx,
            call.tenant,
            loan_id=loan.id,
            amount_fen=body["amount"] or due,
            reference=reference,
            received_on=body["received_on"] or shanghai_date(call.tx.now),
        )
    return loans.view(call.tx, loan)


@helpers.post("/loans/<loan_id>/miss", scope="payments:write", body=MissPlayed, answer=LoanAnswer)
def miss_instalments(call: Call, loan_id: str) -> Any:
    """Let the collections of the next instalments fail."""
    _only_in_test(call)
    loan = loans.locked(call.tx, call.tenant, loan_id)
    loans.play_missed(call.tx, loan, call.body["instalments"])
    return loans.view(call.tx, loan)


@helpers.post("/payments/<payment_id>/expire", scope="payments:write", answer=PaymentAnswer)
def expire_payment(call: Call, payment_id: str) -> Any:
    """Let the authorisation lapse now."""
    _only_in_test(call)
    payment = service.locked(call.tx, call.tenant, payment_id)
    service.expire(call.tx, payment)
    return service.view(call.tx, payment)


@helpers.post("/payouts/<payout_id>/return", scope="payments:write", body=PayoutReturned, answer=PayoutAnswer)
def return_payout(call: Call, payout_id: str) -> Any:
    """Let a paid payout come back, as from a closed account."""
    _only_in_test(call)
    settlement.get_payout(call.tx, call.tenant, payout_id)
    return settlement.payout_view(payouts.give_back(call.tx, payout_id, failure=call.body["reason"]))


@helpers.post("/subsidy_claims/<claim_id>/pay", scope="payments:write", answer=PaymentAnswer)
def pay_subsidy(call: Call, claim_id: str) -> Any:
    """Let the programme pay a trade-in subsidy; the merchant gets it with the next batch."""
    _only_in_test(call)
    claim = subsidies.receive(call.tx, call.tenant, claim_id)
    return service.view(call.tx, service.get(call.tx, call.tenant, claim.payment_id))


@helpers.post(
    "/disputes", scope="payments:write", body=DisputePlayed, answer=DisputeAnswer, level=READ_COMMITTED
)
def open_dispute(call: Call) -> Any:
    """Let the shopper contest a capture."""
    _only_in_test(call)
    body = call.body
    dispute = disputes.open_dispute(
        call.tx,
        call.tenant,
        payment_id=body["payment"],
        capture_id=body["capture"],
        amount_fen=body["amount"],
        reason=body["reason"],
    )
    return Created(disputes.view(dispute))


@helpers.post(
    "/disputes/<dispute_id>/resolve", scope="payments:write", body=DisputeResolved, answer=DisputeAnswer
)
def resolve_dispute(call: Call, dispute_id: str) -> Any:
    """Decide a dispute."""
    _only_in_test(call)
    return disputes.view(disputes.resolve(call.tx, call.tenant, dispute_id, outcome=call.body["outcome"]))


@helpers.post(
    "/payments/<payment_id>/milestones/<milestone_id>/contest",
    scope="payments:write",
    body=ContestPlayed,
    answer=MilestoneAnswer,
    level=READ_COMMITTED,
)
def contest_milestone(call: Call, payment_id: str, milestone_id: str) -> Any:
    """Let the shopper contest a claimed stage, as on the page of the order."""
    _only_in_test(call)
    row = milestones.contest(
        call.tx,
        call.tenant,
        payment_id=payment_id,
        milestone_id=milestone_id,
        reason=call.body["reason"],
    )
    return milestones.view(call.tx, row)


@clocks.post(scope="payments:write", body=TestClockRequest, answer=TestClockAnswer)
def create_test_clock(call: Call) -> Any:
    """Create the merchant's test clock; from then on its business time follows the clock."""
    return Created(_shown(call, business_clock.create(call.tx, call.tenant, name=call.body["name"])))


@clocks.get("/<clock_id>", scope="payments:write", answer=TestClockAnswer)
def get_test_clock(call: Call, clock_id: str) -> Any:
    """Retrieve a test clock: its time, and whether it is advancing."""
    return _shown(call, business_clock.get(call.tx, call.tenant, clock_id))


@clocks.post("/<clock_id>/advance", scope="payments:write", body=AdvanceRequest, answer=TestClockAnswer)
def advance_test_clock(call: Call, clock_id: str) -> Any:
    """Move the clock forward by days or to a moment; the jobs of each day run on the way. Wait until it is ready."""
    clock, body = business_clock.get(call.tx, call.tenant, clock_id), call.body
    if (body["days"] is None) == (body["to"] is None):
        raise InvalidRequest("Send either days or to.", param="days")
    to = body["to"] or business_clock.time_of(call.tx, clock) + timedelta(days=body["days"])
    clock = business_clock.start_advance(call.tx, call.tenant, clock_id, to=to)
    outbox.put(call.tx, ADVANCE, {"test_clock": clock.id}, tenant=call.tenant)
    return _shown(call, clock)


def _shown(call: Call, clock: Any) -> dict[str, Any]:
    return business_clock.view(call.tx, clock)


def _only_in_test(call: Call) -> None:
    if call.tenant.mode != "test":
        raise NotFound("Test helpers exist in test mode only.")
