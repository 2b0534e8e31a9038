"""What a loan looks like from outside: schedule and state, without personal data or scores."""

from marshmallow import fields

from gateway.plans.schemas import InstalmentAnswer
from gateway.web.fields import Moment, Strict


class BillAnswer(Strict):
    """An instalment that fell due; amounts in fen."""

    period = fields.Integer()
    status = fields.String(metadata={"description": "open or paid"})
    late_interest = fields.Integer(metadata={"description": "Late interest so far."})
    amount_due = fields.Integer(metadata={"description": "The part not yet paid, including late interest."})
    paid_on = fields.String(allow_none=True, metadata={"format": "date"})


class EarlySettlement(Strict):
    """What would end the loan today; amounts in fen."""

    on = fields.String(metadata={"format": "date"})
    policy = fields.String(metadata={"description": "pro_rata_day or full_period"})
    amount = fields.Integer()
    already_due = fields.Integer()
    principal = fields.Integer()
    interest = fields.Integer()
    fee = fields.Integer()
    saved_interest = fields.Integer()
    saved_fee = fields.Integer()


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
    repaid_principal = fields.Integer()
    written_off_principal = fields.Integer()
    written_off_charges = fields.Integer(
        metadata={"description": "Interest, fees and late interest that were written off with the principal."}
    )
    recovered = fields.Integer(metadata={"description": "Amount paid after the write-off."})
    left_to_recover = fields.Integer(
        metadata={
            "description": "The written-off amount that is still unpaid; anything paid above it is returned to "
            "the shopper."
        }
    )
    outstanding_principal = fields.Integer()
    amount_due = fields.Integer(metadata={"description": "Due and unpaid now."})
    shopper_credit = fields.Integer(
        metadata={"description": "Paid in advance; used for the next instalment due."}
    )
    currency = fields.Constant("CNY")
    contract_date = fields.String(metadata={"format": "date"})
    next_due_date = fields.String(allow_none=True, metadata={"format": "date"})
    schedule = fields.List(fields.Nested(InstalmentAnswer))
    bills = fields.List(fields.Nested(BillAnswer))
    total_payment = fields.Integer()
    total_interest = fields.Integer()
    total_fee = fields.Integer()
    total_late_interest = fields.Integer()
    early_settlement = fields.Nested(EarlySettlement, allow_none=True)
    created_at = Moment()
