"""What is known about one application for instalments, at the moment of the decision.

Money is integer fen. ``None`` means "not known", never zero: the models see it as missing, and the decision
turns an unknown required source into a review. Nothing here identifies a person, and no protected attribute
(sex, age, ethnicity, religion, marital status, education, health, place of birth) has a field. That the
applicant is an adult is the identity room's check, made before.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final, Literal, get_args

from scoring.errors import InvalidApplication

PROTECTED_ATTRIBUTES: Final = frozenset(
    {
        "age",
        "birth_date",
        "birth_region",
        "education",
        "ethnicity",
        "gender",
        "health",
        "marital_status",
        "nationality",
        "native_place",
        "religion",
        "sex",
    }
)
"""Never a field of an application nor a feature of a model."""

Listed = Literal["blocked", "watched", "trusted"]
"""What a list of the lender says of an applicant: blocked and watched by its fraud desk, or known to it for long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """One application: the order, the merchant, and what the sources said about the applicant.

    Raises ``InvalidApplication`` when a given value is outside its range.
    """

    amount_fen: int
    """Order amount in fen, after discounts and government subsidy, before the down payment."""
    term: int
    """Number of monthly instalments, 1 to 36."""
    category: str
    """Category code of the order: ``3c``, ``furnishing``, ``education``; any other is scored as 'other'."""
    down_payment_fen: int = 0
    """Paid at once by the shopper, in fen; the rest of the order amount is financed."""
    item_count: int | None = None
    """Pieces in the order, the sum of the quantities."""
    instalment_fen: int | None = None
    """Largest monthly payment of the chosen plan in fen; affordability takes financed / term when unknown."""
    hour_of_day: int | None = None
    """Hour of the application in Asia/Shanghai, 0 to 23."""
    checkout_seconds: int | None = None
    """Seconds from opening the checkout page to confirming it."""
    merchant_age_days: int | None = None
    """Days since the merchant was admitted to the gateway."""

    declared_monthly_income_fen: int | None = None
    """Monthly income the applicant declared, in fen."""
    monthly_obligations_fen: int | None = None
    """Instalments the applicant owes a month to other lenders, in fen; the gateway's own loans are
    ``open_principal_fen``.
    """
    phone_age_months: int | None = None
    """Months since the phone number was put in service for its holder."""
    minutes_since_phone_verified: int | None = None
    """Minutes since the applicant first proved possession of this phone number to the gateway."""
    shipping_matches_known_region: bool | None = None
    """The shipping province is that of the phone number or of an address used before; never read from the
    ID number.
    """

    prior_loans: int | None = None
    """Loans the gateway's own books hold for this applicant, open or ended; 0 for somebody new."""
    prior_on_time_instalments: int | None = None
    """Instalments paid on or before the due date (grace period included), over all prior loans."""
    prior_late_instalments: int | None = None
    """Instalments paid after the grace period or still unpaid after it, over all prior loans."""
    max_delinquency_days: int | None = None
    """Most days any instalment was overdue, 0 when none ever was."""
    open_principal_fen: int | None = None
    """Principal outstanding plus authorised amounts not yet captured, in fen, before this application."""

    bureau_queries_3m: int | None = None
    """Credit-bureau queries by other lenders in the last three months."""
    bureau_lenders: int | None = None
    """Lenders with an open account at the bureau."""
    utilisation: float | None = None
    """Share of the revolving credit lines known to the bureau that is drawn, 0 to 5 (1 = fully drawn)."""

    applications_on_device_24h: int | None = None
    """Distinct applicants seen on this device in the last 24 hours, this one included."""
    applications_on_phone_24h: int | None = None
    """Applications with this phone number in the last 24 hours, this one included."""
    applications_on_address_30d: int | None = None
    """Distinct applicants shipping to this address in the last 30 days, this one included."""
    new_applicants_on_device_24h: int | None = None
    """Distinct applicants on this device in the last 24 hours whom nobody had seen before, this one included."""
    applicants_on_device_30d: int | None = None
    """Distinct applicants seen on this device in the last 30 days, this one included."""
    applicants_on_card_30d: int | None = None
    """Distinct applicants paying by this bank card in the last 30 days, this one included."""
    linked_known_bad_share: float | None = None
    """Share, 0 to 1, of the applicants within two links who are known to have been fraudulent, by labels older than
    their delay; drawn towards 0 where few are linked."""
    linked_component_size: int | None = None
    """Applicants that hang together by links, this one included, counted up to a cap; hubs do not connect."""

    listed: Listed | None = None
    """What a list of the lender says of the applicant; None when none names them."""
    energy_grade: int | None = None
    """Energy grade of the goods, 1 (best) to 5; of several goods the worst."""
    new_energy_vehicle: bool | None = None
    """The goods are a vehicle driven by new energy."""

    def __post_init__(self) -> None:
        if not isinstance(self.category, str) or not self.category:
            raise InvalidApplication("category", "must be a non-empty string")
        for name in FLAGS:
            if not isinstance(getattr(self, name), bool | None):
                raise InvalidApplication(name, "must be a boolean or None")
        if self.listed is not None and self.listed not in get_args(Listed):
            raise InvalidApplication("listed", f"must be one of {', '.join(get_args(Listed))}, or None")
        for name in NUMERIC_FIELDS:
            _check_number(name, getattr(self, name))
        if self.down_payment_fen >= self.amount_fen:
            raise InvalidApplication("down_payment_fen", "must be less than amount_fen")

    @property
    def financed_fen(self) -> int:
        """Amount asked to be lent, in fen: order amount less down payment."""
        return self.amount_fen - self.down_payment_fen

    @property
    def largest_instalment_fen(self) -> int:
        """Monthly payment in fen: the largest of the plan, or financed / term rounded up without a plan."""
        return -(-self.financed_fen // self.term) if self.instalment_fen is None else self.instalment_fen


FLAGS: Final = ("shipping_matches_known_region", "new_energy_vehicle")
SHARES: Final = frozenset({"utilisation", "linked_known_bad_share"})
"""Fields that need not be whole numbers."""
BOUNDS: Final[dict[str, tuple[int, int]]] = {
    "amount_fen": (1, 10**10),
    "term": (1, 36),
    "hour_of_day": (0, 23),
    "item_count": (1, 10**6),
    "utilisation": (0, 5),
    "applications_on_device_24h": (1, 10**6),
    "applications_on_phone_24h": (1, 10**6),
    "applications_on_address_30d": (1, 10**6),
    "new_applicants_on_device_24h": (0, 10**6),
    "applicants_on_device_30d": (1, 10**6),
    "applicants_on_card_30d": (1, 10**6),
    "linked_known_bad_share": (0, 1),
    "linked_component_size": (1, 10**6),
    "energy_grade": (1, 5),
}
"""Least and greatest value of a numeric field; the others are 0 to 10**12."""
REQUIRED_FIELDS: Final = frozenset({"amount_fen", "term", "down_payment_fen"})
NUMERIC_FIELDS: Final = tuple(
    field.name for field in fields(Application) if field.name not in ("category", "listed", *FLAGS)
)


def _check_number(name: str, value: object) -> None:
    """Raise ``InvalidApplication`` unless ``value`` is a number in range, or None where that is allowed."""
    if value is None and name not in REQUIRED_FIELDS:
        return
    allowed = (int, float) if name in SHARES else (int,)
    if isinstance(value, bool) or not isinstance(value, allowed):
        raise InvalidApplication(name, f"must be {'a number' if name in SHARES else 'an integer'}")
    low, high = BOUNDS.get(name, (0, 10**12))
    if not low <= value <= high:  # type: ignore[operator]
        raise InvalidApplication(name, f"must be from {low} to {high}, not {value}")
