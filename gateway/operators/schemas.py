"""What the routes for operators have in common."""

from __future__ import annotations

from marshmallow import fields

from gateway.operators.decisions import LONGEST_REASON
from gateway.web.fields import Choice, Line, Moment, Strict
from gateway.web.paging import PageQuery

STATUSES = ("proposed", "confirmed", "rejected", "withdrawn")


class DecisionRequest(Strict):
    """Why a proposal is confirmed, rejected or withdrawn."""

    reason = Line(longest=LONGEST_REASON, required=True)


class ProposalQuery(PageQuery):
    """Which proposals to list."""

    merchant = Line(longest=40, load_default=None)
    status = Choice(*STATUSES, load_default=None)


class OperatorAnswer(Strict):
    """One of the gateway's own people."""

    id = fields.String()
    name = fields.String()


class ProposalAnswer(Strict):
    """What one operator has proposed and another may have decided."""

    id = fields.String()
    merchant = fields.String()
    status = fields.String(metadata={"enum": list(STATUSES)})
    valid_from = fields.String(metadata={"format": "date", "description": "First day in force (Shanghai)."})
    proposed_by = fields.Nested(OperatorAnswer)
    proposed_at = Moment()
    reason = fields.String()
    confirmed_by = fields.Nested(
        OperatorAnswer, allow_none=True, metadata={"description": "null unless it is confirmed."}
    )
    decided_by = fields.Nested(
        OperatorAnswer,
        allow_none=True,
        metadata={"description": "Who confirmed, rejected or withdrew it."},
    )
    decided_at = Moment(allow_none=True)
    decision_reason = fields.String(allow_none=True)
