"""The features of links as a row of numbers for a model, with the direction that a model must keep.

A count on a hub says nothing about gangs: it becomes NaN, so that a crowded dormitory is not the riskiest address.
"""

from __future__ import annotations

from typing import Final

from scoring.links.edges import WALKED, LinkFeatures, LinkSettings

NAN: Final = float("nan")
COUNTS: Final[dict[str, tuple[str, ...]]] = {
    "device": (
        "device_applicants_1h",
        "device_applicants_24h",
        "device_applicants_30d",
        "device_new_applicants_24h",
    ),
    "phone": ("phone_applicants_24h", "phone_applicants_30d"),
    "address": ("address_applicants_1h", "address_applicants_24h", "address_applicants_30d"),
    "card": ("card_applicants_1h", "card_applicants_24h", "card_applicants_30d"),
}
GRAPH: Final = (
    "neighbours",
    "neighbours_known_bad",
    "neighbours_known_bad_share",
    "device_strangers",
    "card_strangers",
    "component_applicants",
    "component_known_bad",
    "component_strangers",
    "component_new_strangers_7d",
    "component_new_strangers_30d",
    "hub_known_bad_share",
)
FLAGS: Final = ("device_is_hub", "device_is_household")
ROW_NAMES: Final = (*(name for kind in WALKED for name in COUNTS[kind]), *GRAPH, *FLAGS)
MONOTONE: Final = tuple([1] * (len(ROW_NAMES) - len(FLAGS)) + [0, -1])
"""Risk never falls as a count rises, and never rises because the device belongs to a household."""


def row(features: LinkFeatures, hub_size: int = LinkSettings().hub_size) -> tuple[float, ...]:
    """The numbers in the order of ``ROW_NAMES``; NaN for an unknown link and for the counts of a hub."""
    found: list[float] = []
    for kind in WALKED:
        month = getattr(features, f"{kind}_applicants_30d")
        known = month is not None and month <= hub_size
        found += [float(getattr(features, name)) if known else NAN for name in COUNTS[kind]]
    found += [float(getattr(features, name)) for name in (*GRAPH, *FLAGS)]
    return tuple(found)
