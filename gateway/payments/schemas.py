"""What payments and disputes take, and what they look like."""

from __future__ import annotations

from marshmallow import fields, validate

from gateway.core.payment_status import PAYMENT_STATUSES
from gateway.operators.decisions import LONGEST_REASON
from gateway.plans.schemas import PlanAnswer
from gateway.web.fields import (
    AsStored,
    CalendarDay,
    Choice,
    Fen,
    Line,
    Metadata,
    Moment,
    QueryNumber,
    Reference,
    SerialNumber,
    Strict,
    WholeNumber,
)
from gateway.web.paging import PageQuery


class CaptureItem(Strict):
    """Which line of the order ships, and the serial numbers in the box."""

    line = WholeNumber(
        low=1,
        high=200,
        required=True,
        metadata={"description": "Place of the item in the checkout's items, from 1."},
    )
    quantity = WholeNumber(low=1, high=10_000, required=True)
    serial_numbers = fields.List(
        SerialNumber(),
        load_default=list,
        validate=validate.Length(max=200),
        metadata={"description": "At most one for each piece; a phone's must be its IMEI."},
    )


class Delivery(Strict):
    """The parcel."""

    carrier = Line(longest=60, load_default=None, allow_none=True)
    tracking_number = Reference(longest=80, load_default=None, allow_none=True)
    delivered_at = Moment(
        load_default=None,
        allow_none=True,
        metadata={"description": "When the shopper received the goods: the 7-day return period starts here."},
    )


class CaptureRequest(Strict):
    """Capture all that is left (amount and items left out) or a part of it, on shipment.

    With items the amount is what they were financed for: leave it out, or send just that.
    """

    amount = Fen(
        load_default=None,
        metadata={"description": "In fen; when omitted, the value of the items, or all that is left."},
    )
    items = fields.List(
        fields.Nested(CaptureItem), load_default=None, validate=validate.Length(min=1, max=200)
    )
    delivery = fields.Nested(Delivery, load_default=None)
    final = fields.Boolean(
        truthy={True},
        falsy={False},
        load_default=False,
        metadata={"description": "Voids what remains after this capture."},
    )
    milestone = Line(
        longest=100,
        load_default=None,
        metadata={"description": "The stage that it captures; it is settled once that is done."},
    )


class VoidRequest(Strict):
    """Release what was not captured, all of it when the amount is omitted."""

    amount = Fen(load_default=None)
    reason = Line(longest=200, required=True)


class UpdateRequest(Strict):
    """What changes after the approval; what is left out stays as it is."""

    merchant_reference = Reference(
        longest=100,
        load_default=None,
        metadata={"description": "The shop's order number; setting it also acknowledges the payment."},
    )
    shipping = fields.Nested(Delivery, load_default=None, allow_none=True)
    metadata = Metadata(
        load_default=None,
        allow_none=True,
        metadata={"description": "Merged by key; an empty value removes its key."},
    )


class ExtendRequest(Strict):
    """Until when the authorisation lasts; as long as the category of the order allows when omitted."""

    authorization_expires_at = Moment(
        load_default=None,
        metadata={
            "description": "After the current end; at most 90 days after the approval for furnishing, 60 for "
            "education and appliances, 42 for other orders."
        },
    )


class AcknowledgeRequest(Strict):
    """The shop says that its order exists."""

    merchant_order_id = Reference(longest=100, required=True)


class PaymentQuery(PageQuery):
    """Filters of the list of payments."""

    merchant_reference = Reference(longest=100, load_default=None)
    merchant_order_id = Reference(longest=100, load_default=None)
    store = Line(longest=100, load_default=None)
    status = Choice(*PAYMENT_STATUSES, load_default=None)
    created_from = CalendarDay(
        load_default=None,
        metadata={
            "description": "Day of the approval in Shanghai. With it or created_to, newest approval first."
        },
    )
    created_to = CalendarDay(load_default=None, metadata={"description": "Last such day, included."})
    amount_min = QueryNumber(
        load_default=None, metadata={"description": "Smallest authorised amount, in fen."}
    )
    amount_max = QueryNumber(
        load_default=None, metadata={"description": "Largest authorised amount, in fen."}
    )


class SubsidyClaimAnswer(Strict):
    """The trade-in subsidy that goes with a capture: the merchant advanced it, the programme owes it. Fen."""

    id = fields.String()
    programme = fields.String()
    amount = fields.Integer()
    returned = fields.Integer(metadata={"description": "Part that was refunded because goods came back."})
    paid_at = Moment(allow_none=True)


class CapturedItemAnswer(Strict):
    """Pieces of a line that left with a capture; the amount (fen) is what they were captured for."""

    line = fields.Integer()
    quantity = fields.Integer()
    amount = fields.Integer()


class LineAnswer(Strict):
    """A line of the order, and how many of its pieces were ordered, captured and returned."""

    line = fields.Integer()
    name = fields.String()
    ordered = fields.Integer()
    captured = fields.Integer()
    returned = fields.Integer()
    amount = fields.Integer(
        metadata={"description": "Part of the payment's amount that the line is worth, in fen."}
    )


class CaptureAnswer(Strict):
    """One capture; amounts in fen."""

    id = fields.String()
    object = fields.Constant("capture")
    amount = fields.Integer()
    refunded_amount = fields.Integer()
    staged_amount = fields.Integer(metadata={"description": "The part of it that waits for its stages."})
    merchant_fee = fields.Integer()
    merchant_subsidy = fields.Integer()
    government_subsidy = fields.Nested(SubsidyClaimAnswer, allow_none=True)
    items = fields.List(fields.Nested(CapturedItemAnswer))
    loan = fields.String()
    captured_at = Moment()
    settlement_date = fields.String(metadata={"format": "date"})
    delivery = fields.Nested(Delivery, allow_none=True)
    return_until = fields.String(
        metadata={"format": "date", "description": "Last day on which a full return unwinds it."}
    )


class PaymentAnswer(Strict):
    """A payment; amounts in fen, the status a function of the amounts."""

    id = fields.String()
    object = fields.Constant("payment")
    mode = fields.String()
    status = fields.String()
    amount = fields.Integer()
    currency = fields.Constant("CNY")
    captured_amount = fields.Integer()
    refunded_amount = fields.Integer()
    voided_amount = fields.Integer()
    expired_amount = fields.Integer()
    capturable_amount = fields.Integer()
    refundable_amount = fields.Integer()
    refund_pending_amount = fields.Integer()
    term = fields.Integer()
    plan = AsStored(PlanAnswer)
    captures = fields.List(fields.Nested(CaptureAnswer))
    lines = fields.List(fields.Nested(LineAnswer))
    shipping = fields.Nested(
        Delivery,
        allow_none=True,
        metadata={"description": "The delivery of the most recent capture that has one."},
    )
    government_subsidy = fields.Dict(
        allow_none=True,
        metadata={"description": "programme and amount (fen) of the order; never part of the loan"},
    )
    checkout = fields.String()
    merchant_reference = fields.String()
    merchant_order_id = fields.String(allow_none=True)
    store = fields.String(allow_none=True)
    metadata = Metadata()
    acknowledged_at = Moment(allow_none=True)
    acknowledge_by = Moment(
        allow_none=True,
        metadata={"description": "The authorisation is voided then unless the order has been acknowledged."},
    )
    authorization_expires_at = Moment()
    authorization_extended = fields.Boolean(
        metadata={"description": "Whether it was extended, which can be done once."}
    )
    created_at = Moment()


class DisputeQuery(PageQuery):
    """Filters of the list of disputes."""

    payment = Line(longest=100, load_default=None)


class RespondRequest(Strict):
    """Answer a dispute: what was sold, when it was delivered, what was agreed."""

    evidence = Line(longest=5000, required=True)


class DisputeAnswer(Strict):
    """A shopper contests a capture; the amount (fen) is set aside until it is decided."""

    id = fields.String()
    object = fields.Constant("dispute")
    mode = fields.String()
    status = fields.String()
    payment = fields.String()
    capture = fields.String()
    amount = fields.Integer()
    currency = fields.Constant("CNY")
    reason = fields.String()
    evidence = fields.String(allow_none=True)
    respond_by = Moment()
    created_at = Moment()
    decided_at = Moment(allow_none=True)


class OperatorDisputeQuery(PageQuery):
    """Which disputes operators list."""

    merchant = Line(longest=40, load_default=None)
    mode = Choice("test", "live", load_default=None)
    status = Choice(
        "needs_response", "under_review", "won", "lost", "accepted", "canceled", load_default=None
    )


class ResolveDisputeRequest(Strict):
    """Decide a dispute, and say why."""

    outcome = Choice(
        "won",
        "lost",
        "canceled",
        required=True,
        metadata={
            "description": "won: the merchant is right; lost: the shopper; canceled: it was taken back."
        },
    )
    reason = Line(longest=LONGEST_REASON, required=True)


class OperatorDisputeAnswer(DisputeAnswer):
    """A dispute of whichever merchant."""

    merchant = fields.String()
    overdue = fields.Boolean(
        metadata={"description": "Nothing is decided, and the time of the merchant to answer is over."}
    )
