"""What milestones take, and what they look like."""

from __future__ import annotations

from marshmallow import fields, validate

from gateway.web.fields import CalendarDay, Choice, Digest, Fen, Line, Moment, Strict, WholeNumber
from gateway.web.paging import PageQuery

SMALLEST_FEN = 100
LARGEST_FILE = 50 * 1024 * 1024


class MilestoneRequest(Strict):
    """Stage a part of a payment: a delivery, some lessons, or something else that is done later."""

    kind = Choice("delivery", "lesson", "other", required=True)
    amount = Fen(
        low=SMALLEST_FEN,
        required=True,
        metadata={"description": "The part of the payment that it stages, in fen; at least 100."},
    )
    description = Line(
        longest=200,
        load_default=None,
        metadata={"description": "The shopper reads it, such as 'Lessons 1-8'."},
    )
    due = CalendarDay(
        load_default=None,
        metadata={
            "description": "Day (Shanghai) by which it is to be claimed. A seller that claims a captured stage too "
            "long after it is stopped."
        },
    )


class EvidenceFile(Strict):
    """A file that the merchant keeps and can show: its name, its SHA-256 and its size in bytes. It is not uploaded."""

    name = Line(longest=200, required=True)
    sha256 = Digest(required=True)
    size = WholeNumber(low=1, high=LARGEST_FILE, required=True)


class ClaimRequest(Strict):
    """The stage is done. The evidence is shown to the shopper and to whoever decides a contest."""

    text = Line(longest=2000, load_default=None)
    files = fields.List(
        fields.Nested(EvidenceFile), load_default=None, validate=validate.Length(min=1, max=20)
    )


class AnswerRequest(Strict):
    """Answer a shopper who contests a stage."""

    text = Line(longest=2000, required=True)


class MilestoneQuery(PageQuery):
    """Filters of the milestones of a payment."""

    status = Choice("planned", "claimed", "contested", "released", "canceled", load_default=None)


class EvidenceAnswer(Strict):
    """What the merchant says of the stage."""

    text = fields.String(allow_none=True)
    files = fields.List(fields.Nested(EvidenceFile))


class ContestAnswer(Strict):
    """What the shopper says against it."""

    reason = fields.String()
    contested_at = Moment()


class MilestoneAnswer(Strict):
    """A stage of a payment; amounts in fen."""

    id = fields.String()
    object = fields.Constant("milestone")
    mode = fields.String()
    payment = fields.String()
    capture = fields.String(allow_none=True, metadata={"description": "The capture that it stages."})
    kind = fields.String()
    description = fields.String(allow_none=True)
    amount = fields.Integer()
    currency = fields.Constant("CNY")
    returned_amount = fields.Integer(metadata={"description": "Part that refunds have taken from it."})
    held_amount = fields.Integer(
        allow_none=True,
        metadata={"description": "What was kept back of the capture's net for it; null before the capture."},
    )
    due = fields.String(allow_none=True, metadata={"format": "date"})
    status = fields.String(metadata={"description": "planned, claimed, contested, released or canceled"})
    evidence = fields.Nested(EvidenceAnswer, allow_none=True)
    claimed_at = Moment(allow_none=True)
    releases_at = Moment(
        allow_none=True,
        metadata={"description": "Released then unless the shopper contests it; null while nothing runs."},
    )
    contest = fields.Nested(ContestAnswer, allow_none=True)
    answer = fields.String(allow_none=True, metadata={"description": "The merchant's newest answer."})
    ended_at = Moment(allow_none=True)
    created_at = Moment()
