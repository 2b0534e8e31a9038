"""What is linked, what is asked of the links, and the settings both follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

HOUR: Final = 3_600
DAY: Final = 24 * HOUR
WALKED: Final = ("device", "phone", "address", "card")
"""Kinds along which one applicant leads to another."""
KINDS: Final = (*WALKED, "referrer")
"""A referrer (shop and store) is counted and never walked: its applicants have nothing to do with each other."""


class Link(NamedTuple):
    """One thing an applicant used: its kind (one of ``KINDS``) and its keyed hash."""

    kind: str
    value: str


class Edge(NamedTuple):
    """An applicant used a link at a moment (UTC epoch seconds)."""

    applicant: str
    link: Link
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSettings:
    """How far and how long the index looks. Raises ValueError for a number that makes no sense."""

    label_delay_seconds: int = 7 * DAY
    """A label counts from so long after it became known: what was only just learned may still be taken back."""
    walk_seconds: int = 90 * DAY
    """How old an edge may be to be walked. Longer than the counts (30 days): a first unpaid instalment is known
    only after a month.
    """
    hub_size: int = 20
    """A link that more applicants share is a hub (dormitory, pick-up point, tablet) and is not walked; at most 28."""
    component_cap: int = 8
    """The most that are counted of the group around an applicant, the applicant included."""
    max_edges: int = 2_000_000
    """The number of edges beyond which the oldest arrivals are forgotten."""
    prior_bad_share: float = 0.01
    prior_weight: float = 4.0
    """A known-bad share is smoothed as if this many further neighbours had the prior share."""

    def __post_init__(self) -> None:
        least = {"label_delay_seconds": 0, "walk_seconds": 30 * DAY, "hub_size": 2, "component_cap": 2,
                 "max_edges": 1, "prior_weight": 1e-9, "prior_bad_share": 0}  # fmt: skip
        for name, low in least.items():
            if getattr(self, name) < low:
                raise ValueError(f"{name} must be at least {low}, not {getattr(self, name)}")
        if self.hub_size > COUNT_CAP - 2:
            raise ValueError(f"hub_size must be at most {COUNT_CAP - 2}: more are not counted")

    def smoothed(self, bad: int, of: int) -> float:
        """The share of bad ones, drawn to the prior share where there are few."""
        return (bad + self.prior_bad_share * self.prior_weight) / (of + self.prior_weight)


@dataclass(frozen=True, slots=True)
class LinkFeatures:
    """What the links say about one application.

    Counts of applicants include this one and end at ``COUNT_CAP``; None where the application has no link of
    that kind.
    """

    device_applicants_1h: int | None
    device_applicants_24h: int | None
    device_applicants_30d: int | None
    phone_applicants_24h: int | None
    phone_applicants_30d: int | None
    address_applicants_1h: int | None
    address_applicants_24h: int | None
    address_applicants_30d: int | None
    card_applicants_1h: int | None
    card_applicants_24h: int | None
    card_applicants_30d: int | None
    referrer_applicants_24h: int | None
    device_new_applicants_24h: int | None
    """Of the device's applicants of 24 hours, those whom the index first saw within these 24 hours."""
    device_is_hub: bool
    """More than ``hub_size`` applicants used the device in the 30 days before the last 24 hours: a shop's tablet."""
    device_is_household: bool
    """All applicants of the device in 30 days share one address with this one; at most ``HOUSEHOLD`` people there."""
    neighbours: int
    """Other applicants that share a link which is not a hub."""
    neighbours_known_bad: int
    """Those of them who were known to be bad ``label_delay_seconds`` ago."""
    neighbours_known_bad_share: float
    """The share, smoothed."""
    device_strangers: int
    """Neighbours on the applicant's devices that share no address with the applicant, not even a crowded one."""
    card_strangers: int
    """Neighbours on the applicant's cards that share no address with the applicant."""
    component_applicants: int
    """The group around the applicant, hubs not walked, up to ``component_cap``; 1 is nobody else."""
    component_known_bad: int
    """Those of the counted group who were known to be bad."""
    component_strangers: int
    """Those of the counted group that share no address with the applicant."""
    component_new_strangers_7d: int
    """Those of the strangers whom the index first saw within 7 days."""
    component_new_strangers_30d: int
    """Those whom it first saw within 30 days."""
    hub_known_bad_share: float
    """The largest smoothed share of known bads among the newest ``HUB_SAMPLE`` sightings at a hub it uses."""


COUNT_CAP: Final = 30
HOUSEHOLD: Final = 4
HUB_SAMPLE: Final = 40
