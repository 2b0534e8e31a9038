"""Where each field of an application comes from, and which sources need the applicant's consent.

What the order itself says, what the applicant declares and what the lender's own books hold are needed for the
contract that is asked for. What others know about the applicant is used only with consent (PIPL art. 13, 23, 29).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Source:
    """One source: its fields of ``Application``, and whether they may be used only with consent."""

    fields: tuple[str, ...]
    needs_consent: bool


SOURCES: Final[Mapping[str, Source]] = {
    "order": Source(
        (
            "amount_fen", "term", "category", "down_payment_fen", "item_count", "instalment_fen", "hour_of_day",
            "checkout_seconds", "merchant_age_days", "energy_grade", "new_energy_vehicle",
        ),
        needs_consent=False,
    ),
    "declaration": Source(("declared_monthly_income_fen",), needs_consent=False),
    "own_books": Source(
        (
            "prior_loans", "prior_on_time_instalments", "prior_late_instalments", "max_delinquency_days",
            "open_principal_fen", "applications_on_phone_24h", "minutes_since_phone_verified", "listed",
        ),
        needs_consent=False,
    ),
    "bureau": Source(
        ("bureau_queries_3m", "bureau_lenders", "utilisation", "monthly_obligations_fen"), needs_consent=True
    ),
    "operator": Source(("phone_age_months",), needs_consent=True),
    "device": Source(
        ("applications_on_device_24h", "new_applicants_on_device_24h", "applicants_on_device_30d"),
        needs_consent=True,
    ),
    "address": Source(("applications_on_address_30d", "shipping_matches_known_region"), needs_consent=True),
    "card": Source(("applicants_on_card_30d",), needs_consent=True),
    "links": Source(("linked_known_bad_share", "linked_component_size"), needs_consent=True),
}  # fmt: skip
"""Every field of ``Application`` belongs to exactly one source."""

SOURCE_OF: Final[Mapping[str, str]] = {
    field: name for name, source in SOURCES.items() for field in source.fields
}


def without_consent(fields: Mapping[str, Any], consents: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The given fields that no consent covers, by source; a field that is None is not given.

    ``consents`` names sources. Raises ValueError for a source that does not exist, KeyError for an unknown field.
    """
    unknown = set(consents) - SOURCES.keys()
    if unknown:
        raise ValueError(f"there is no source {sorted(unknown)[0]!r}; there are: {', '.join(SOURCES)}")
    found: dict[str, tuple[str, ...]] = {}
    for field, value in fields.items():
        source = SOURCE_OF[field]
        if value is not None and SOURCES[source].needs_consent and source not in consents:
            found[source] = (*found.get(source, ()), field)
    return found


def with_consent(fields: Mapping[str, Any], consents: Collection[str]) -> dict[str, Any]:
    """The fields that may be used; those of a source without consent are left out, so they count as unknown."""
    withheld = {name for names in without_consent(fields, consents).values() for name in names}
    return {name: value for name, value in fields.items() if name not in withheld}
