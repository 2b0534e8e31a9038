"""A seeded, wholly synthetic population of applications with fraud and default labels.

No row describes a person and no figure is fitted to a real lender's book. Levels follow public orders of
magnitude for online instalments in China (fraud 0.3-1.5 % of applications, order sizes, the two-peak day);
the shapes are invented. A model trained on it shows that the machinery works. It says nothing about real
borrowers.

The latent process, one applicant at a time:

* ``stress`` ~ N(0, 1) is the unobserved strain on the applicant's purse. Income, bureau records and past
  repayment are noisy readings of it; default follows it, the size of the order and the instalment-to-income
  ratio.
* an applicant is new (no record with the gateway) or returning with a repayment record;
* about 1 % intend never to pay. A third of them work in rings that share devices and addresses, a third act
  alone with a fresh phone, and a third imitate ordinary applicants, so no score can catch them all;
* each source (bureau, phone operator, device, income ...) is missing at random, and a share of the rows has
  no outside source at all, as with a gateway that has just been installed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring.application import SHARES, Application

Column = NDArray[np.float64]
Columns = dict[str, Column]

CATEGORIES: Final = ("3c", "furnishing", "education", "other")
CATEGORY_SHARE: Final = (0.52, 0.18, 0.16, 0.14)
MEDIAN_ORDER_YUAN: Final = (4_600.0, 7_800.0, 9_000.0, 2_600.0)
ORDER_SPREAD: Final = (0.45, 0.70, 0.55, 0.60)
TERMS: Final = (3, 6, 9, 12)
TERM_SHARE: Final = (0.22, 0.26, 0.10, 0.42)
FRAUD_INTERCEPT: Final = -4.36
DEFAULT_INTERCEPT: Final = -3.34
RING, ALONE, IMITATOR = 1, 2, 3
COUNTED_GROUP: Final = 8
"""The most that are counted of a group of linked applicants (``scoring.links``)."""
FLAGS: Final = frozenset({"shipping_matches_known_region"})
UNDRAWN: Final = frozenset({"category", "instalment_fen", "listed", "energy_grade", "new_energy_vehicle"})
"""Fields that no model reads and the generator does not draw; the category is kept apart as text."""

SOURCES: Final[dict[str, tuple[float, tuple[str, ...]]]] = {
    "bureau": (0.25, ("bureau_queries_3m", "bureau_lenders", "utilisation", "monthly_obligations_fen")),
    "phone operator": (0.30, ("phone_age_months",)),
    "device": (
        0.15,
        ("applications_on_device_24h", "new_applicants_on_device_24h", "applicants_on_device_30d"),
    ),
    "address": (0.15, ("applications_on_address_30d", "shipping_matches_known_region")),
    "card": (0.40, ("applicants_on_card_30d",)),
    "links": (0.15, ("linked_known_bad_share", "linked_component_size")),
    "income": (0.25, ("declared_monthly_income_fen",)),
    "page timing": (0.10, ("checkout_seconds", "minutes_since_phone_verified")),
}
"""Outside sources: share of rows in which each is missing, and the fields it fills."""
OWN_SOURCES: Final[dict[str, tuple[float, tuple[str, ...]]]] = {
    "order": (0.04, ("item_count", "hour_of_day", "merchant_age_days")),
    "own books": (
        0.02,
        (
            "prior_loans",
            "prior_on_time_instalments",
            "prior_late_instalments",
            "max_delinquency_days",
            "open_principal_fen",
            "applications_on_phone_24h",
        ),
    ),
}
"""Sources of the gateway itself, rarely missing: so that no field's absence is new to a model."""
NO_OUTSIDE_SOURCE_SHARE: Final = 0.20


@dataclass(frozen=True, slots=True)
class Population:
    """Generated applications, column-wise: ``columns[name]`` as float64 with NaN for unknown, ``category`` as text.

    ``fraud`` and ``default`` are boolean arrays of the same length. ``default`` (90 days overdue within 12
    months) is only drawn for applicants who meant to pay; for a fraud it is False and must not be used.
    """

    columns: Columns
    category: NDArray[np.str_]
    fraud: NDArray[np.bool_]
    default: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.fraud)

    def applications(self) -> Iterator[Application]:
        """The rows as the same objects a gateway passes, in order."""
        names = list(self.columns)
        converted = [_typed(name, self.columns[name]) for name in names]
        for category, *values in zip(self.category.tolist(), *converted, strict=True):
            yield Application(category=category, **dict(zip(names, values, strict=True)))


def generate(rows: int, seed: int) -> Population:
    """Draw ``rows`` synthetic applications; the same ``rows`` and ``seed`` give the same population.

    Raises ValueError for fewer than one row.
    """
    if rows < 1:
        raise ValueError(f"rows must be at least 1, not {rows}")
    rng = np.random.default_rng(seed)
    stress = rng.standard_normal(rows)
    kind = rng.choice(len(CATEGORIES), rows, p=CATEGORY_SHARE)
    columns = _order(rng, kind)
    columns |= _purse(rng, stress)
    columns |= _record(rng, stress)
    columns["merchant_age_days"] = np.floor(rng.gamma(1.6, 330, rows))
    fraud = _is_fraud(rng, columns, kind)
    scheme = np.where(fraud, rng.choice([RING, ALONE, IMITATOR], rows, p=[0.34, 0.38, 0.28]), 0)
    columns |= _presence(rng, scheme, columns["prior_loans"] > 0)
    columns |= _links(rng, scheme, columns)
    _hide_record_of_frauds(columns, scheme)
    default = _defaults(rng, columns, stress) & ~fraud
    _hide_missing_sources(rng, columns)
    unknown = {field.name for field in fields(Application)} ^ (columns.keys() | UNDRAWN)
    if unknown:
        raise AssertionError(f"columns and Application differ in {sorted(unknown)}")
    return Population(columns, np.array(CATEGORIES)[kind], fraud, default)


def _order(rng: np.random.Generator, kind: NDArray[np.int64]) -> Columns:
    rows = len(kind)
    spread = np.array(ORDER_SPREAD)[kind]
    yuan = np.array(MEDIAN_ORDER_YUAN)[kind] * np.exp(spread * rng.standard_normal(rows))
    amount = np.floor(np.clip(yuan, 500, 100_000)) * 100
    share = np.where(rng.random(rows) < 0.14, rng.choice([0.1, 0.2, 0.3], rows), 0.0)
    peak = np.where(rng.random(rows) < 0.3, rng.normal(12.5, 2.5, rows), rng.normal(20.5, 3.0, rows))
    return {
        "amount_fen": amount,
        "down_payment_fen": np.floor(amount * share),
        "term": rng.choice(TERMS, rows, p=TERM_SHARE).astype(float),
        "item_count": 1.0 + rng.poisson(np.array([0.15, 1.6, 0.02, 0.6])[kind]),
        "hour_of_day": np.floor(peak) % 24,
    }


def _purse(rng: np.random.Generator, stress: Column) -> Columns:
    """Income and the bureau's view: noisy readings of the strain on the purse."""
    rows = len(stress)
    income = 7_200 * np.exp(0.45 * rng.standard_normal(rows) - 0.16 * stress)
    lenders = rng.poisson(np.exp(0.30 + 0.42 * stress))
    obligations = lenders * rng.gamma(2.0, 330, rows)
    drawn = 1 / (1 + np.exp(-(-0.9 + 0.85 * stress + 0.9 * rng.standard_normal(rows))))
    return {
        "declared_monthly_income_fen": np.floor(np.clip(income, 1_500, 200_000) / 100) * 10_000,
        "bureau_queries_3m": rng.poisson(np.exp(0.05 + 0.55 * stress)).astype(float),
        "bureau_lenders": lenders.astype(float),
        "monthly_obligations_fen": np.floor(obligations) * 100,
        "utilisation": np.round(drawn, 4),
    }


def _record(rng: np.random.Generator, stress: Column) -> Columns:
    """The gateway's own books: nothing on a new applicant, repayments of a returning one."""
    rows = len(stress)
    loans = np.where(rng.random(rows) < 0.42, rng.geometric(0.5, rows), 0)
    due = rng.binomial(loans * 9, 0.6)
    late = rng.binomial(due, 1 / (1 + np.exp(-(-3.6 + 0.95 * stress))))
    days = np.where(late > 0, np.ceil(rng.gamma(1.2, 5 * np.exp(0.45 * stress), rows)), 0)
    open_loans = rng.binomial(loans, 0.35)
    return {
        "prior_loans": loans.astype(float),
        "prior_on_time_instalments": (due - late).astype(float),
        "prior_late_instalments": late.astype(float),
        "max_delinquency_days": np.clip(days, 0, 180),
        "open_principal_fen": np.floor(open_loans * rng.gamma(2.0, 1_300, rows)) * 100,
    }


def _is_fraud(rng: np.random.Generator, columns: Columns, kind: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Frauds prefer goods that sell on, larger orders, fresh merchants and the night."""
    logit = (
        FRAUD_INTERCEPT
        + np.array([0.55, -0.5, -0.3, -0.2])[kind]
        + 0.45 * np.log(columns["amount_fen"] / 500_000)
        - 0.35 * np.log1p(columns["merchant_age_days"] / 90)
        + 0.6 * (columns["hour_of_day"] < 6)
    )
    return rng.random(len(kind)) < 1 / (1 + np.exp(-logit))


def _presence(rng: np.random.Generator, scheme: NDArray[np.int64], returning: NDArray[np.bool_]) -> Columns:
    """Phone, device, address and behaviour on the page."""
    rows = len(scheme)
    ring, alone = scheme == RING, scheme == ALONE
    fresh = ring | alone
    family = np.where(rng.random(rows) < 0.035, 1, 0)
    shop_tablet = np.where(rng.random(rows) < 0.006, rng.poisson(5, rows), 0)
    device = 1 + family + shop_tablet + np.where(ring, rng.poisson(3.2, rows), 0)
    hub = np.where(rng.random(rows) < 0.05, rng.poisson(9, rows), rng.poisson(0.12, rows))
    address = 1 + hub + np.where(ring, rng.poisson(4, rows), 0)
    retries = rng.poisson(np.where(fresh, 0.9, 0.12))
    phone = np.where(fresh & (rng.random(rows) < 0.75), rng.gamma(1.2, 3.5, rows), rng.gamma(2.0, 38, rows))
    first_visit = np.where(returning & ~fresh, rng.gamma(1.5, 90_000, rows), rng.gamma(1.4, 6, rows))
    practised = rng.random(rows) < 0.08
    pace = np.where(practised, 3.2, np.where(fresh, 4.35, 5.05))
    seconds = np.exp(pace + 0.55 * rng.standard_normal(rows))
    matches = rng.random(rows) < np.where(fresh, 0.42, 0.86)
    return {
        "applications_on_device_24h": device.astype(float),
        "applications_on_phone_24h": 1.0 + retries,
        "applications_on_address_30d": address.astype(float),
        "phone_age_months": np.floor(np.clip(phone, 0, 300)),
        "minutes_since_phone_verified": np.floor(first_visit),
        "checkout_seconds": np.floor(np.clip(seconds, 5, 3_600)),
        "shipping_matches_known_region": matches.astype(float),
    }


def _links(rng: np.random.Generator, scheme: NDArray[np.int64], columns: Columns) -> Columns:
    """Applicants who share a device, a card or a known bad: rings, families, now and then a stranger."""
    rows = len(scheme)
    ring = scheme == RING
    device = columns["applications_on_device_24h"]
    seen_before = columns["prior_loans"] > 0
    newcomers = np.where(ring, device, rng.binomial((device - 1).astype(int), 0.35) + ~seen_before)
    month = device + np.where(ring, rng.poisson(3.0, rows), rng.random(rows) < 0.06)
    card = 1 + np.where(ring, rng.poisson(0.9, rows), rng.random(rows) < 0.025)
    family = np.where(rng.random(rows) < 0.35, rng.poisson(0.9, rows), 0)
    component = np.clip(1 + family + np.where(ring, rng.poisson(7, rows), 0), 1, COUNTED_GROUP)
    known = ring & (rng.random(rows) < 0.55)
    stray = rng.random(rows) < 0.004
    nobody = np.where(component > 1, 0.04 / (component + 3), 0)
    share = np.where(known, rng.beta(2.2, 4, rows), np.where(stray, rng.beta(1.2, 9, rows), nobody))
    # A device that a household or a crowd shares is told as unknown, not as many applicants.
    shared = ~ring & (device > 1) & (rng.random(rows) < np.where(device > 3, 0.9, 0.5))
    columns["applications_on_device_24h"] = np.where(shared, np.nan, device)
    newcomers, month = np.where(shared, np.nan, newcomers), np.where(shared, np.nan, month)
    return {
        "new_applicants_on_device_24h": newcomers.astype(float),
        "applicants_on_device_30d": month.astype(float),
        "applicants_on_card_30d": card.astype(float),
        "linked_known_bad_share": np.round(share, 4),
        "linked_component_size": component.astype(float),
    }


def _hide_record_of_frauds(columns: Columns, scheme: NDArray[np.int64]) -> None:
    """Rings and lone frauds come with a fresh identity; imitators keep the record they have."""
    fresh = (scheme == RING) | (scheme == ALONE)
    for name in ("prior_loans", "prior_on_time_instalments", "prior_late_instalments", "max_delinquency_days",
                 "open_principal_fen"):  # fmt: skip
        columns[name] = np.where(fresh, 0.0, columns[name])


def _defaults(rng: np.random.Generator, columns: Columns, stress: Column) -> NDArray[np.bool_]:
    """90 days overdue within 12 months, for those who meant to pay."""
    financed = columns["amount_fen"] - columns["down_payment_fen"]
    burden = (financed / columns["term"] + columns["monthly_obligations_fen"]) / columns[
        "declared_monthly_income_fen"
    ]
    on_time, late = columns["prior_on_time_instalments"], columns["prior_late_instalments"]
    logit = (
        DEFAULT_INTERCEPT
        + 0.85 * stress
        + 0.75 * np.tanh(1.2 * (burden - 0.35))
        + 0.30 * np.log(financed / 500_000)
        - 0.10 * np.log1p(columns["phone_age_months"] / 24)
        + 0.55 * np.log1p(late)
        - 0.28 * np.log1p(on_time)
        + 0.030 * np.minimum(columns["max_delinquency_days"], 60)
        - 1.2 * columns["down_payment_fen"] / columns["amount_fen"]
    )
    return rng.random(len(stress)) < 1 / (1 + np.exp(-logit))


def _hide_missing_sources(rng: np.random.Generator, columns: Columns) -> None:
    rows = len(columns["term"])
    none_at_all = rng.random(rows) < NO_OUTSIDE_SOURCE_SHARE
    for sources, absent in ((SOURCES, none_at_all), (OWN_SOURCES, np.zeros(rows, dtype=bool))):
        for share, names in sources.values():
            missing = absent | (rng.random(rows) < share)
            for name in names:
                columns[name] = np.where(missing, np.nan, columns[name])


def _typed(name: str, column: Column) -> list[object]:
    """A float column as Python values of the field's own type, None for NaN."""
    kind = bool if name in FLAGS else float if name in SHARES else int
    return [None if value != value else kind(value) for value in column.tolist()]  # noqa: PLR0124
