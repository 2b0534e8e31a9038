"""GET /v1/loans/{id}."""

from __future__ import annotations

from typing import Any

from gateway.core.calendar import shanghai_date
from gateway.loans import repayment, service
from gateway.loans.schemas import LoanAnswer
from gateway.web.operations import Api, Call

api = Api("loans", prefix="/v1/loans")


@api.get("/<loan_id>", scope="payments:read", answer=LoanAnswer)
def get_loan(call: Call, loan_id: str) -> Any:
    """Retrieve a loan: its schedule and state, without personal data or scores."""
    loan = service.get(call.tx, call.tenant, loan_id)
    settled = repayment.quote_settlement(call.tx, loan, shanghai_date(call.tx.now))
    return {**service.view(call.tx, loan), "early_settlement": settled}
