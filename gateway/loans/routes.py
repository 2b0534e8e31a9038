"""GET /v1/loans/{id}."""

from __future__ import annotations

from typing import Any

from gateway.loans import service
from gateway.loans.schemas import LoanAnswer
from gateway.web.operations import Api, Call

api = Api("loans", prefix="/v1/loans")


@api.get("/<loan_id>", scope="payments:read", answer=LoanAnswer)
def get_loan(call: Call, loan_id: str) -> Any:
    """Retrieve a loan: its schedule and state, without personal data or scores."""
    return service.view(call.tx, service.get(call.tx, call.tenant, loan_id))
