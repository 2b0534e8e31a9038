"""What refunds take, and what they and their previews look like."""

from __future__ import annotations

from marshmallow import fields, validate

from gateway.payments.refunds.kinds import REFUND_KINDS
from gateway.plans.schemas import InstalmentAnswer
from gateway.web.fields import Choice, Fen, Line, Moment, Reference, Strict, WholeNumber
from gateway.web.paging import PageQuery


class ReturnedItem(Strict):
    """Which line of the order came back, and how many pieces."""

    line = WholeNumber(low=1, high=200, required=True)
    quantity = WholeNumber(low=1, high=10_000, required=True)


class RefundRequest(Strict):
    """Refund a payment: all that is left when amount and items are omitted.

    With items (pieces that come back) the amount is what they were captured for: leave it out, or send just that.
    """

    payment = Line(longest=100, required=True)
    capture = Line(longest=100, load_default=None)
    amount = Fen(load_default=None)
    items = fields.List(
        fields.Nested(ReturnedItem), load_default=None, validate=validate.Length(min=1, max=200)
    )
    refund_reference = Reference(longest=100, load_default=None)
    kind = Choice(*REFUND_KINDS, load_default="return")
    reason = Line(longest=200, required=True)


class RefundQuery(PageQuery):
    """Filters of the list of refunds."""

    payment = Line(longest=100, load_default=None)
    reference = Reference(
        longest=100, load_default=None, metadata={"description": "The refund_reference it was created with."}
    )


class RefundAnswer(Strict):
    """A refund; amounts in fen."""

    id = fields.String()
    object = fields.Constant("refund")
    mode = fields.String()
    status = fields.String()
    payment = fields.String()
    capture = fields.String(allow_none=True)
    refund_reference = fields.String()
    kind = fields.String()
    reason = fields.String()
    amount = fields.Integer()
    currency = fields.Constant("CNY")
    items = fields.List(
        fields.Nested(ReturnedItem), metadata={"description": "Pieces that were returned with it."}
    )
    loan_reduction = fields.Integer(metadata={"description": "Part that reduces what the shopper owes."})
    returned_to_shopper = fields.Integer(metadata={"description": "Part that is paid back to the shopper."})
    merchant_fee_returned = fields.Integer()
    merchant_subsidy_returned = fields.Integer()
    initiated_by = fields.String()
    created_at = Moment()


class ShopperReturnPreview(Strict):
    """Money that would go back to the shopper, the way it came; fen."""

    loan = fields.String()
    amount = fields.Integer()
    of = fields.String(
        metadata={"description": "refund, or credit: what else is owed to the shopper of a loan that ends."}
    )


class LoanInstalmentAnswer(InstalmentAnswer):
    """One row of the schedule of a loan; amounts in fen."""

    loan = fields.String()


class SettlementEffectLine(Strict):
    """A line that a settlement would get, signed from the merchant's side; amounts in fen.

    What it takes, ``-net``, is the sum of from_pending, from_available and owed_by_merchant.
    """

    kind = fields.String(metadata={"description": "refund, stage_returned or subsidy_return"})
    capture = fields.String()
    amount = fields.Integer()
    merchant_fee = fields.Integer()
    merchant_subsidy = fields.Integer()
    net = fields.Integer()
    from_pending = fields.Integer(
        metadata={
            "description": "Taken from the capture that is not settled yet; below 0 for what a stage frees."
        }
    )
    from_available = fields.Integer(
        metadata={"description": "Taken from the balance that is not paid out yet."}
    )
    owed_by_merchant = fields.Integer(metadata={"description": "Carried to later settlements."})
    settlement_date = fields.String(
        metadata={"format": "date", "description": "Settled on this day, or on the next working day."}
    )


class SettlementEffect(Strict):
    """What the merchant's settlements would show of a refund; fen."""

    net = fields.Integer()
    lines = fields.List(fields.Nested(SettlementEffectLine))


class RefundPreviewAnswer(Strict):
    """What a refund would do; amounts in fen, names as in the refund."""

    object = fields.Constant("refund_preview")
    mode = fields.String()
    status = fields.String()
    payment = fields.String()
    capture = fields.String(allow_none=True)
    refund_reference = fields.String(allow_none=True)
    kind = fields.String(metadata={"description": "unwind where all of it would be unwound."})
    reason = fields.String()
    amount = fields.Integer()
    currency = fields.Constant("CNY")
    items = fields.List(fields.Nested(ReturnedItem))
    loan_reduction = fields.Integer()
    returned_to_shopper = fields.Integer()
    merchant_fee_returned = fields.Integer()
    merchant_subsidy_returned = fields.Integer()
    subsidy_returned = fields.Integer(
        metadata={"description": "Part of the trade-in subsidy that goes back to its programme."}
    )
    late_interest_waived = fields.Integer()
    initiated_by = fields.String()
    shopper_returns = fields.List(fields.Nested(ShopperReturnPreview))
    schedule_before = fields.List(fields.Nested(LoanInstalmentAnswer))
    schedule_after = fields.List(
        fields.Nested(LoanInstalmentAnswer), metadata={"description": "Empty for a loan that is canceled."}
    )
    settlement_effect = fields.Nested(SettlementEffect)
