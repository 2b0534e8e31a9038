"""What a checkout takes and what it looks like."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from gateway.merchants.service import CATEGORIES
from gateway.plans.schemas import PlanAnswer, UnavailableTerm
from gateway.plans.subsidies import CATEGORIES as SUBSIDY_CATEGORIES
from gateway.web.fields import (
    AsStored,
    Choice,
    Fen,
    Line,
    Metadata,
    Moment,
    Reference,
    ReturnAddress,
    SerialNumber,
    Strict,
    WholeNumber,
)
from gateway.web.i18n import LANGUAGES
from gateway.web.paging import PageQuery

EVERY_CATEGORY = (*CATEGORIES, "edu_k12")
"""``edu_k12`` is read in order to be refused by its own code."""
SHORTEST_LIFE, LONGEST_LIFE = 300, 7 * 24 * 3600


class Item(Strict):
    """One line of the order; the unit price in fen."""

    name = Line(longest=200, required=True)
    quantity = WholeNumber(low=1, high=10_000, required=True)
    unit_price = Fen(low=0, required=True)
    category = Choice(*EVERY_CATEGORY, load_default=None)
    sku = Reference(longest=100, load_default=None)
    serial_number = SerialNumber(load_default=None)
    energy_grade = WholeNumber(
        low=1,
        high=5,
        load_default=None,
        metadata={"description": "Energy or water efficiency grade, 1 is the best."},
    )
    subsidy_category = Choice(
        *SUBSIDY_CATEGORIES,
        load_default=None,
        metadata={"description": "Kind of goods for which this item claims the order's government_subsidy."},
    )


class TermsField(fields.List):
    """Terms offered in this checkout, in months."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(WholeNumber(low=3, high=12), validate=validate.Length(min=1, max=10), **kwargs)


class GovernmentSubsidy(Strict):
    """A trade-in subsidy that the shop advances; the amount in fen."""

    programme = Line(longest=60, required=True, metadata={"example": "trade_in_2026"})
    amount = Fen(required=True)


class CheckoutRequest(Strict):
    """Start a checkout; amounts in fen. Items less merchant_discount and government_subsidy must equal the amount.

    The amount is what the shopper pays for the order, the down payment included; amount less down_payment is financed.
    Shipping is a separate item.
    """

    amount = Fen(
        required=True, metadata={"description": "Total that the shopper pays for the order, in fen."}
    )
    currency = Choice("CNY", load_default="CNY")
    merchant_reference = Reference(longest=100, required=True)
    items = fields.List(fields.Nested(Item), required=True, validate=validate.Length(min=1, max=200))
    category = Choice(*EVERY_CATEGORY, required=True)
    merchant_discount = Fen(low=0, load_default=0)
    government_subsidy = fields.Nested(GovernmentSubsidy, load_default=None)
    down_payment = Fen(
        low=0,
        load_default=0,
        metadata={"description": "Part of the amount that the shopper pays to the shop immediately, in fen."},
    )
    terms = TermsField(load_default=None)
    return_url = ReturnAddress(required=True)
    cancel_url = ReturnAddress(required=True)
    store = Line(
        longest=100,
        load_default=None,
        metadata={
            "description": "Which of your stores makes the sale; shown to the shopper beside your name."
        },
    )
    locale = Choice(
        *LANGUAGES,
        load_default=None,
        metadata={
            "description": "Language of your page: the shopper's pages begin in it, and the way back to you carries "
            "the one that was last read, as locale."
        },
    )
    term = WholeNumber(
        low=3,
        high=12,
        load_default=None,
        metadata={"description": "Plan chosen on your page, in months; the shopper can still change it."},
    )
    metadata = Metadata(load_default=dict)
    expires_in = WholeNumber(
        low=SHORTEST_LIFE,
        high=LONGEST_LIFE,
        load_default=24 * 3600,
        metadata={"description": "Seconds until the checkout expires."},
    )


class CheckoutQuery(PageQuery):
    """Filters of the list of checkouts."""

    merchant_reference = Reference(longest=100, load_default=None)
    status = Choice(
        "open",
        "identified",
        "deciding",
        "under_review",
        "approved",
        "declined",
        "expired",
        "canceled",
        load_default=None,
    )
    store = Line(longest=100, load_default=None)


class Decline(Strict):
    """Why a checkout was declined, as far as the merchant may know."""

    code = fields.String()


class CounterOffer(Strict):
    """The smallest change of a declined order that would be approved; amounts in fen."""

    term = fields.Integer(metadata={"description": "Months of the plan."})
    down_payment = fields.Integer(
        metadata={"description": "What the shopper would pay you immediately, in all, in fen."}
    )
    financed_amount = fields.Integer(metadata={"description": "What would be lent, in fen."})
    expires_at = Moment(metadata={"description": "Until when the shopper can continue with it."})


class CheckoutAnswer(Strict):
    """A checkout; send the shopper to the ``url`` that the call which created it answers."""

    id = fields.String()
    object = fields.Constant("checkout")
    mode = fields.String()
    status = fields.String()
    url = fields.String(
        allow_none=True,
        metadata={
            "format": "uri",
            "description": "Where to send the shopper. It carries a secret, so it is returned only by the call "
            "that creates the checkout (and its retries); everywhere else it is null.",
        },
    )
    amount = fields.Integer()
    currency = fields.Constant("CNY")
    merchant_reference = fields.String()
    category = fields.String()
    items = fields.List(fields.Dict())
    merchant_discount = fields.Integer()
    government_subsidy = fields.Nested(GovernmentSubsidy, allow_none=True)
    down_payment = fields.Integer()
    financed_amount = fields.Integer()
    plans = fields.List(AsStored(PlanAnswer))
    unavailable = fields.List(AsStored(UnavailableTerm))
    term = fields.Integer(
        allow_none=True,
        metadata={
            "description": "The chosen plan, in months; before anybody is identified, that of your request."
        },
    )
    payment = fields.String(allow_none=True)
    decline = fields.Nested(Decline, allow_none=True)
    cancel_reason = fields.String(
        allow_none=True,
        metadata={
            "description": "Why it is canceled: merchant (by your call), shopper (turned back), or pay_in_full (the "
            "shopper chose to pay the whole amount to you, without a loan)."
        },
    )
    return_url = fields.String()
    cancel_url = fields.String()
    store = fields.String(allow_none=True)
    locale = fields.String(allow_none=True)
    metadata = Metadata()
    expires_at = Moment()
    review_due_at = Moment(
        allow_none=True,
        metadata={"description": "When the shopper was promised an answer from a person."},
    )
    reopens = fields.String(
        allow_none=True,
        metadata={
            "description": "The declined checkout of this order for which a person approved a new offer."
        },
    )
    counter_offer = fields.Nested(
        CounterOffer,
        allow_none=True,
        metadata={
            "description": "Of a checkout that was declined for its amount alone: what the shopper is offered instead. "
            "A shopper who continues with it confirms a new checkout of this order."
        },
    )
    counter_offer_of = fields.String(
        allow_none=True,
        metadata={
            "description": "The declined checkout of this order whose counter-offer the shopper continues with."
        },
    )
    created_at = Moment()


class CompleteRequest(Strict):
    """Test mode: play the shopper. Without an ID number, a new well-formed adult is invented for this checkout."""

    term = WholeNumber(low=3, high=12, load_default=None)
    phone = Line(longest=20, personal=True, load_default="13800000001")
    name = Line(longest=60, load_default="测试用户")
    id_number = Line(longest=60, personal=True, load_default=None)


class ResolveRequest(Strict):
    """Test mode: end a review."""

    outcome = Choice("approve", "decline", required=True)
