"""What settlements, their lines and payouts look like; amounts in fen."""

from marshmallow import fields

from gateway.web.fields import Moment, Strict


class SettlementAnswer(Strict):
    """One day's settlement; the equation holds to the fen.

    opening + captures + subsidies - merchant_fees - merchant_subsidies - refunds - disputes + adjustments -
    reserve_change = closing + payout_amount.
    """

    id = fields.String()
    object = fields.Constant("settlement")
    mode = fields.String()
    date = fields.String(metadata={"format": "date"})
    currency = fields.Constant("CNY")
    opening = fields.Integer()
    captures = fields.Integer()
    subsidies = fields.Integer()
    merchant_fees = fields.Integer(metadata={"description": "Net of fees returned by refunds."})
    merchant_subsidies = fields.Integer(metadata={"description": "Net of subsidies returned by refunds."})
    refunds = fields.Integer()
    disputes = fields.Integer()
    adjustments = fields.Integer()
    reserve_change = fields.Integer()
    closing = fields.Integer(
        metadata={"description": "Carried to the next batch; negative while the merchant owes."}
    )
    payout_amount = fields.Integer()
    payout = fields.String(allow_none=True)
    created_at = Moment()


class SettlementLineAnswer(Strict):
    """One line of a settlement, signed from the merchant's side: what adds to the payout is positive."""

    id = fields.String()
    object = fields.Constant("settlement_line")
    kind = fields.String()
    merchant_reference = fields.String()
    store = fields.String(allow_none=True)
    payment = fields.String(allow_none=True)
    capture = fields.String(allow_none=True)
    refund = fields.String(allow_none=True)
    dispute = fields.String(allow_none=True)
    payout = fields.String(allow_none=True, metadata={"description": "A payout that failed or was returned."})
    milestone = fields.String(allow_none=True, metadata={"description": "The stage that it is about."})
    amount = fields.Integer()
    merchant_fee = fields.Integer()
    merchant_subsidy = fields.Integer()
    net = fields.Integer()
    entry = fields.String(metadata={"description": "The ledger entry that booked it."})
    created_at = Moment()


class PayoutAnswer(Strict):
    """An instruction to the payment institution, and its state."""

    id = fields.String()
    object = fields.Constant("payout")
    mode = fields.String()
    status = fields.String()
    amount = fields.Integer()
    currency = fields.Constant("CNY")
    settlement = fields.String()
    institution = fields.String()
    failure = fields.String(allow_none=True)
    created_at = Moment()
    paid_at = Moment(allow_none=True)
