"""What the routes of test mode take and give: playing the shopper, the lender, the institution, and time."""

from __future__ import annotations

from marshmallow import fields

from gateway.web.fields import CalendarDay, Choice, Fen, Line, Moment, Strict, WholeNumber


class DisputePlayed(Strict):
    """Test mode: a shopper contests a capture; all that is not refunded when the amount is left out."""

    payment = Line(longest=100, required=True)
    capture = Line(longest=100, load_default=None)
    amount = Fen(load_default=None)
    reason = Line(longest=200, load_default="goods_not_received")


class DisputeResolved(Strict):
    """Test mode: decide a dispute."""

    outcome = Choice("won", "lost", "canceled", required=True)


class ContestPlayed(Strict):
    """Test mode: the shopper contests a stage that the merchant has claimed."""

    reason = Line(longest=500, shortest=2, load_default="not_delivered")


class RepaymentPlayed(Strict):
    """Test mode: the shopper pays. Without an amount, what is owed now; with early_settlement, all that is left."""

    amount = Fen(load_default=None)
    early_settlement = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    received_on = CalendarDay(load_default=None)
    reference = Line(longest=100, load_default=None)


class MissPlayed(Strict):
    """Test mode: the collections of the next ``instalments`` fail."""

    instalments = WholeNumber(low=1, high=12, load_default=1)


class PayoutReturned(Strict):
    """Test mode: a paid payout comes back."""

    reason = Line(longest=100, load_default="account_closed")


class TestClockRequest(Strict):
    """Make a test clock."""

    name = Line(longest=100, shortest=0, load_default="")


class AdvanceRequest(Strict):
    """Move the clock ahead, by days or to a moment; give one of the two."""

    days = WholeNumber(low=1, high=1200, load_default=None)
    to = Moment(load_default=None)


class TestClockAnswer(Strict):
    """A merchant's own business time in test mode."""

    id = fields.String()
    object = fields.Constant("test_clock")
    mode = fields.String()
    name = fields.String()
    status = fields.String(metadata={"description": "ready or advancing"})
    now = Moment()
    advance_to = Moment(allow_none=True)
    created_at = Moment()
