"""What an event looks like from outside."""

from marshmallow import fields

from gateway.web.fields import Choice, Line, Moment, Strict
from gateway.web.paging import PageQuery

EVENT_TYPES = (
    "checkout.approved",
    "checkout.declined",
    "checkout.expired",
    "checkout.canceled",
    "checkout.under_review",
    "payment.authorized",
    "payment.captured",
    "payment.voided",
    "payment.expired",
    "refund.succeeded",
    "settlement.closed",
    "payout.paid",
)


class EventQuery(PageQuery):
    """``after`` turns the list around: what came after that event, oldest first, to catch up."""

    after = Line(longest=100, load_default=None)
    type = Choice(*EVENT_TYPES, load_default=None)


class EventAnswer(Strict):
    """One change of state; ``data`` is the object as it was then, without personal data."""

    id = fields.String()
    object = fields.Constant("event")
    type = fields.String()
    mode = fields.String()
    sequence = fields.Integer(metadata={"description": "Counts the events of one object from 1."})
    data = fields.Dict()
    created_at = Moment()
