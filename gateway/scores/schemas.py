"""What a score is asked for and what it looks like."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from gateway.web.fields import AsStored, Choice, Fen, Line, Moment, Strict, WholeNumber

CONSENT_SOURCES = ("bureau", "operator", "device", "address", "card", "links")
"""Sources whose fields are used only with the person's consent (``scoring.sources``)."""
LARGEST_FEN = 10**10
MOST = 10**6


class Share(fields.Float):
    """A number from 0 to ``high``."""

    def __init__(self, high: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.high = high
        self.metadata = {"minimum": 0, "maximum": high, **self.metadata}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= self.high:
            raise ValidationError(f"Must be a number from 0 to {self.high}.")
        return float(value)


class Truth(fields.Boolean):
    """``true`` or ``false``, no words or numbers for them."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("Must be true or false.")
        return value


def _unknown(field: fields.Field[Any]) -> fields.Field[Any]:
    """A field that may be left out: unknown, never zero."""
    field.allow_none, field.load_default, field.required = True, None, False
    return field


def _money(low: int = 0, description: str = "") -> Fen:
    return Fen(low=low, high=LARGEST_FEN, metadata={"description": f"Fen. {description}".strip()})


def _count(low: int = 0, high: int = MOST) -> WholeNumber:
    return WholeNumber(low=low, high=high)


class ScoreApplication(Strict):
    """What is known about one application; what is left out is unknown, never zero. Money in fen."""

    amount = Fen(
        required=True, high=LARGEST_FEN, metadata={"description": "In fen, before the down payment."}
    )
    term = WholeNumber(low=1, high=36, required=True, metadata={"description": "Monthly instalments."})
    category = Line(longest=40, required=True)
    down_payment = Fen(low=0, high=LARGEST_FEN, load_default=0, metadata={"description": "Fen."})
    instalment = _unknown(_money(1, "The highest monthly payment."))
    item_count = _unknown(_count(1))
    hour_of_day = _unknown(_count(0, 23))
    checkout_seconds = _unknown(_count())
    merchant_age_days = _unknown(_count())
    energy_grade = _unknown(_count(1, 5))
    new_energy_vehicle = _unknown(Truth())
    declared_monthly_income = _unknown(_money())
    prior_loans = _unknown(_count())
    prior_on_time_instalments = _unknown(_count())
    prior_late_instalments = _unknown(_count())
    max_delinquency_days = _unknown(_count())
    open_principal = _unknown(_money())
    applications_on_phone_24h = _unknown(_count(1))
    minutes_since_phone_verified = _unknown(_count(0, 10**9))
    bureau_queries_3m = _unknown(_count())
    bureau_lenders = _unknown(_count())
    utilisation = _unknown(Share(5))
    monthly_obligations = _unknown(_money())
    phone_age_months = _unknown(_count())
    applications_on_device_24h = _unknown(_count(1))
    new_applicants_on_device_24h = _unknown(_count())
    applicants_on_device_30d = _unknown(_count(1))
    applications_on_address_30d = _unknown(_count(1))
    shipping_matches_known_region = _unknown(Truth())
    applicants_on_card_30d = _unknown(_count(1))
    linked_known_bad_share = _unknown(Share(1))
    linked_component_size = _unknown(_count(1))

    @validates_schema
    def _check_down_payment(self, data: dict[str, Any], **kwargs: Any) -> None:
        if data.get("down_payment", 0) >= data.get("amount", LARGEST_FEN):
            raise ValidationError("Must be less than the amount.", "down_payment")


class ScoreConsent(Strict):
    """A consent of the person that the partner holds and can show."""

    source = Choice(*CONSENT_SOURCES, required=True)
    reference = Line(longest=100, required=True, metadata={"description": "The partner's reference for it."})
    given_at = Moment(required=True)


class ScoreRequest(Strict):
    """A score is asked for one application, under a reference that names no person."""

    reference = Line(longest=64, required=True)
    application = fields.Nested(ScoreApplication, required=True)
    consents = fields.List(fields.Nested(ScoreConsent), load_default=list)
    model = Line(
        longest=60,
        load_default=None,
        metadata={"description": "Requires a specific model, such as fenqi-2026.11."},
    )
    explain = Truth(load_default=True)


class ScoreReason(Strict):
    """What raised a risk: a stable code and its sentence in Chinese and English."""

    code = fields.String()
    score = fields.String(metadata={"enum": ["fraud", "credit"]})
    text_zh = fields.String()
    text_en = fields.String()
    person_may_see = fields.Boolean(
        metadata={"description": "False for reasons that would teach how to impersonate someone."}
    )


class ScoreModel(Strict):
    """Which model answered; the same name and hash give the same answer for the same application."""

    name = fields.String()
    sha256 = fields.String()


class ScoreQuota(Strict):
    """How many scores a day the partner may ask for, and how many are left of today's (Asia/Shanghai)."""

    limit = fields.Integer()
    remaining = fields.Integer()
    resets_at = fields.String(metadata={"format": "date-time"})


class ScoreAnswer(Strict):
    """Two scores: fraud 0 (least risk) to 100, credit 300 to 850 (600 at odds of 20 to 1), the latter in steps of 5."""

    object = fields.Constant("score")
    id = fields.String()
    mode = fields.String()
    reference = fields.String()
    fraud_score = fields.Integer(metadata={"minimum": 0, "maximum": 100})
    credit_score = fields.Integer(metadata={"minimum": 300, "maximum": 850})
    reasons = fields.List(fields.Nested(ScoreReason))
    model = fields.Nested(ScoreModel)
    quota = AsStored(ScoreQuota)
    created_at = Moment()
