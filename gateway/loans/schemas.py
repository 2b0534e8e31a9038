"""What a loan looks like from outside: schedule and state, without personal data or scores."""

from marshmallow import fields

from gateway.plans.schemas import InstalmentAnswer
from gateway.web.fields import Moment, Strict


class LoanAnswer(Strict):
    """A loan; amounts in fen."""

    id = fields.String()
    object = fields.Constant("loan")
    mode = fields.String()
    status = fields.String()
    bucket = fields.String(allow_none=True, metadata={"description": "M1, M2 or M3+ while overdue"})
    payment = fields.String()
    capture = fields.String()
    funder = fields.String()
    principal = fields.Integer()
    refunded_principal = fields.Integer()
    outstanding_principal = fields.Integer()
    currency = fields.Constant("CNY")
    contract_date = fields.String(metadata={"format": "date"})
    schedule = fields.List(fields.Nested(InstalmentAnswer))
    total_payment = fields.Integer()
    total_interest = fields.Integer()
    total_fee = fields.Integer()
    created_at = Moment()
