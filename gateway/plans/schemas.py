"""What a quote takes and what a plan looks like."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields

from gateway.merchants.service import CATEGORIES
from gateway.operators.decisions import LONGEST_REASON
from gateway.operators.schemas import ProposalAnswer
from gateway.web.fields import (
    AsStored,
    CalendarDay,
    Choice,
    Fen,
    Line,
    Moment,
    QueryNumber,
    Strict,
    WholeNumber,
)


class TermList(fields.Field[list[int]]):
    """Terms in months, as ``3,6,12`` in a query."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.metadata = {"type": "string", "example": "3,6,12", **self.metadata}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[int]:
        parts = value.split(",") if isinstance(value, str) else []
        good = parts and all(part.isascii() and part.isdigit() and len(part) <= 2 for part in parts)
        terms = sorted({int(part) for part in parts}) if good else []
        if not terms or not all(3 <= term <= 12 for term in terms):
            raise ValidationError("Must be terms from 3 to 12 months, separated by commas, such as 3,6,12.")
        return terms


class QuoteQuery(Strict):
    """A quote is asked for an amount; terms and category narrow it."""

    amount = QueryNumber(low=1, required=True, metadata={"description": "Fen."})
    terms = TermList(load_default=None)
    category = Choice(*CATEGORIES, "edu_k12", load_default=None)


class InstalmentAnswer(Strict):
    """One instalment; amounts in fen, the balance is the principal owed after it."""

    period = fields.Integer()
    due_date = fields.String(metadata={"format": "date"})
    principal = fields.Integer()
    interest = fields.Integer()
    fee = fields.Integer()
    payment = fields.Integer()
    balance = fields.Integer()


class PlanAnswer(Strict):
    """A plan: what the shopper pays, when, and what it costs a year. Amounts in fen, rates as decimal text."""

    object = fields.Constant("plan")
    term = fields.Integer()
    method = fields.String()
    amount = fields.Integer()
    financed_amount = fields.Integer()
    installment = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        metadata={"description": "first, regular and last, in fen"},
    )
    total_payment = fields.Integer()
    total_interest = fields.Integer()
    total_fee = fields.Integer()
    annual_rate = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        metadata={
            "description": "nominal (12 x monthly IRR) and effective (compound), from the rounded schedule"
        },
    )
    interest_free = fields.Boolean()
    merchant_subsidy = fields.Integer()
    schedule = fields.List(fields.Nested(InstalmentAnswer))
    disclosure = fields.Dict()
    quote_hash = fields.String()


class UnavailableTerm(Strict):
    """A term that is not offered for the amount, and why."""

    term = fields.Integer()
    reason = fields.String()
    min_amount = fields.Integer(allow_none=True)
    max_amount = fields.Integer(allow_none=True)


class QuoteAnswer(Strict):
    """All plans for an amount, and the terms that are not available with the reason."""

    object = fields.Constant("quote")
    amount = fields.Integer()
    currency = fields.Constant("CNY")
    plans = fields.List(AsStored(PlanAnswer))
    unavailable = fields.List(AsStored(UnavailableTerm))


class RateAnswer(Strict):
    """One row of a rate card: one term, for whom it is, and who pays what. Rates are decimal text, amounts fen."""

    term = fields.Integer()
    method = fields.String()
    annual_rate = fields.String(
        allow_none=True, metadata={"description": "Nominal a year, paid by the shopper."}
    )
    fee_rate_total = fields.String(
        allow_none=True,
        metadata={"description": "Of the principal, for the whole term, paid by the shopper."},
    )
    fee_timing = fields.String(allow_none=True, metadata={"description": "spread or first_period"})
    fee_rate_per_period = fields.String(
        allow_none=True, metadata={"description": "Of the principal, each period, paid by the shopper."}
    )
    merchant_fee_rate = fields.String(
        metadata={"description": "Of the financed amount, paid by the merchant for the service."}
    )
    merchant_subsidy_rate = fields.String(
        metadata={"description": "Of the financed amount, paid by the merchant in place of the shopper."}
    )
    min_amount = fields.Integer()
    max_amount = fields.Integer()
    category = fields.String(allow_none=True, metadata={"description": "null is any."})
    lender = fields.String(allow_none=True, metadata={"description": "null is any."})
    valid_from = fields.String(metadata={"format": "date"})
    valid_to = fields.String(allow_none=True, metadata={"format": "date"})


class ParticipationAnswer(Strict):
    """A subsidy programme that the merchant takes part in, with its first and last day."""

    subsidy_programme = fields.String()
    valid_from = fields.String(metadata={"format": "date"})
    valid_to = fields.String(allow_none=True, metadata={"format": "date"})


class RateCardAnswer(Strict):
    """All that is agreed about prices from a day on, in both modes; the next card replaces the whole of it."""

    id = fields.String()
    object = fields.Constant("rate_card")
    status = fields.Constant("confirmed")
    in_force = fields.Boolean(metadata={"description": "Whether it is the card of today (Shanghai)."})
    valid_from = fields.String(metadata={"format": "date"})
    prices = fields.List(fields.Nested(RateAnswer))
    subsidy_programmes = fields.List(fields.Nested(ParticipationAnswer))
    created_at = Moment(metadata={"description": "When it was confirmed."})


def _rate(**more: Any) -> Line:
    return Line(longest=20, load_default=None, allow_none=True, **more)


class RateRequest(Strict):
    """One row of a proposed card, with the names of its file; what is left out is null."""

    term = WholeNumber(required=True)
    method = Line(longest=40, required=True)
    annual_rate = _rate()
    fee_rate_total = _rate()
    fee_timing = _rate()
    fee_rate_per_period = _rate()
    merchant_fee_rate = Line(longest=20, required=True)
    merchant_subsidy_rate = Line(longest=20, required=True)
    min_amount = Fen(required=True)
    max_amount = Fen(required=True)
    category = Line(longest=40, load_default=None, allow_none=True)
    lender = Line(longest=100, load_default=None, allow_none=True)
    valid_from = Line(longest=10, load_default=None, allow_none=True, metadata={"format": "date"})
    valid_to = Line(longest=10, load_default=None, allow_none=True, metadata={"format": "date"})


class ParticipationRequest(Strict):
    """A subsidy programme that the merchant is to take part in."""

    subsidy_programme = Line(longest=100, required=True)
    valid_from = Line(longest=10, load_default=None, allow_none=True, metadata={"format": "date"})
    valid_to = Line(longest=10, load_default=None, allow_none=True, metadata={"format": "date"})


class RateCardRequest(Strict):
    """A whole card for a merchant from a day on."""

    merchant = Line(longest=40, required=True)
    valid_from = CalendarDay(required=True)
    prices = fields.List(fields.Nested(RateRequest), required=True)
    subsidy_programmes = fields.List(fields.Nested(ParticipationRequest), load_default=list)
    reason = Line(longest=LONGEST_REASON, required=True)


class ProposedRateCardAnswer(ProposalAnswer):
    """A card as operators see it, in whatever state."""

    object = fields.Constant("rate_card")
    prices = fields.List(fields.Nested(RateAnswer))
    subsidy_programmes = fields.List(fields.Nested(ParticipationAnswer))


class RateCardPreviewAnswer(ProposedRateCardAnswer):
    """The same with what a proposed card would change on its first day; null once it is decided."""

    difference = fields.Dict(allow_none=True)
