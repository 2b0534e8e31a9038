"""A seeded, wholly synthetic world of applications with planted gangs. Nobody in it exists, nothing is fitted to data.

Ordinary applicants live alone, in families, shared flats or dormitories; buy for themselves, on a shop's tablet, or by
the phone of somebody who helps neighbours; ship home or to a pick-up point; sell phones second-hand. Rings of twelve
work for days with a few devices, cards and addresses, some of their own as well, and also ship to pick-up points;
an applicant for a ring uses at least one thing of the ring. A quarter of the rings is careful and shares less. Lone
frauds share nothing; some ordinary people do not pay and are labelled bad as frauds are. Labels become known 7 to 45
days after the application.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from scoring.links.edges import DAY, HOUR, Link

START: Final = 1_780_272_000
"""1 June 2026 in Shanghai: the first second of the world."""
ORDINARY, LONE, RING = 0, 1, 2
LABEL_DAYS: Final = (7, 45)
TRAIN_RINGS_END, SPLIT, DAYS = 60, 120, 180
"""Days. Rings of the first part begin before day 60, those of the second after the split: no ring is in both."""
Draw = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Case:
    """One application, and what a real gateway would not know yet: the role and the group of its applicant."""

    at: int
    applicant: str
    links: tuple[Link, ...]
    role: int
    group: str
    """The family or the ring; empty for others."""
    bad: bool
    known_at: int
    """When a label, if the applicant is bad, becomes known."""


@dataclass(frozen=True, slots=True)
class _Places:
    """What many strangers share."""

    dormitories: int
    points: int
    tablets: int
    shops: int
    helpers: int

    @classmethod
    def for_applicants(cls, number: int) -> _Places:
        def about(per: int) -> int:
            return max(1, number // per)

        return cls(about(2_500), about(1_200), about(1_600), about(300), about(400))


def make_world(applicants: int = 100_000, rings: int = 200, ring_size: int = 12, *, seed: int) -> list[Case]:
    """All applications in the order of time; the same arguments give the same world."""
    rng = np.random.default_rng(seed)
    places = _Places.for_applicants(applicants)
    cases = _ordinary(rng, applicants, places)
    for ring in range(rings):
        cases += _ring(rng, f"ring{ring}", ring_size, places, early=ring % 2 == 0)
    return sorted(cases, key=lambda case: (case.at, case.applicant))


def _ordinary(rng: np.random.Generator, applicants: int, places: _Places) -> list[Case]:
    cases: list[Case] = []
    devices: list[str] = []
    number = 0
    while number < applicants:
        kind = rng.random()
        size = int(rng.choice([2, 3, 4], p=[0.55, 0.30, 0.15])) if kind < 0.13 else 1
        if 0.13 <= kind < 0.15:
            size = int(rng.integers(3, 8))
        size = min(size, applicants - number)
        people = [f"p{number + i}" for i in range(size)]
        number += size
        home = f"home {people[0]}"
        if 0.15 <= kind < 0.27:
            home = f"dormitory {rng.integers(places.dormitories)}"
        family = f"family {people[0]}" if kind < 0.13 and size > 1 else ""
        point, begins = _point(rng, places), rng.uniform(0, DAYS)
        for person in people:
            first = _first_day(rng, begins) if family else rng.uniform(0, DAYS)
            cases += _person(rng, person, people[0], (home, point), family, first, devices, places)
    return cases


def _first_day(rng: np.random.Generator, begins: float) -> float:
    """Some of a family apply on one day, some within a week, the others at any time."""
    near = rng.random()
    if near < 0.12:
        return begins + rng.uniform(0, 0.3)
    return begins + rng.normal(0, 4) if near < 0.45 else rng.uniform(0, DAYS)


def _person(
    rng: np.random.Generator,
    person: str,
    head: str,
    addresses: tuple[str, str],
    family: str,
    first: float,
    devices: list[str],
    places: _Places,
) -> list[Case]:
    role = LONE if rng.random() < 0.004 else ORDINARY
    bad = role == LONE or rng.random() < 0.005
    second_hand = devices and rng.random() < 0.015
    own_device = devices[int(rng.integers(len(devices)))] if second_hand else f"device {person}"
    devices.append(own_device)
    helped = f"helper {rng.integers(places.helpers)}" if rng.random() < 0.02 else ""
    phone = f"phone {head}" if family and rng.random() < 0.04 else f"phone {person}"
    card = f"card {head}" if family and rng.random() < 0.30 else f"card {person}"
    cases, day = [], first
    for _ in range(int(rng.choice([1, 2, 3], p=[0.7, 0.2, 0.1]))):
        device = helped or own_device
        if family and rng.random() < 0.30:
            device = f"device {head}"
        if rng.random() < 0.06:
            device = f"tablet {rng.integers(places.tablets)}"
        address = addresses[rng.random() < 0.15]
        if 0 <= day < DAYS:
            links = _links(rng, places, device, phone, address, card if rng.random() < 0.6 else "")
            cases.append(_case(rng, day, person, links, role, family, bad))
        day += float(rng.exponential(25))
    return cases


def _ring(rng: np.random.Generator, name: str, size: int, places: _Places, *, early: bool) -> list[Case]:
    length = rng.uniform(3, 25)
    begins = rng.uniform(5, TRAIN_RINGS_END - length) if early else rng.uniform(SPLIT, DAYS - length)
    shares = 0.6 if rng.random() < 0.25 else 1.0
    pools = {kind: int(rng.integers(low, high)) for kind, low, high in
             (("device", 3, 6), ("card", 2, 5), ("address", 2, 4), ("phone", 2, 3))}  # fmt: skip

    def used(kind: str, person: str, probability: float) -> str:
        if rng.random() < probability * shares:
            return f"{kind} of {name} {rng.integers(pools[kind])}"
        return f"{kind} {person}"

    points = [_point(rng, places) for _ in range(int(rng.integers(1, 4)))]
    cases: list[Case] = []
    for member in range(size):
        person, day = f"{name} {member}", begins + rng.uniform(0, length)
        phone, card = used("phone", person, 0.10), used("card", person, 0.60)
        for _ in range(2 if rng.random() < 0.15 else 1):
            device = used("device", person, 0.75)
            if rng.random() < 0.03:
                device = f"tablet {rng.integers(places.tablets)}"
            address = str(rng.choice(points)) if rng.random() < 0.20 else used("address", person, 0.625)
            shown = card if rng.random() < 0.8 else ""
            if not any(f" of {name} " in thing for thing in (device, phone, address, shown)):
                device = (
                    f"device of {name} {rng.integers(pools['device'])}"  # who shares nothing is in no ring
                )
            if day < DAYS:
                links = _links(rng, places, device, phone, address, shown)
                cases.append(_case(rng, day, person, links, RING, name, bad=True))
            day += rng.uniform(0, 5)
    return cases


def _point(rng: np.random.Generator, places: _Places) -> str:
    """A pick-up point; some are far busier than others."""
    return f"point {int(places.points * rng.random() ** 2)}"


def _links(
    rng: np.random.Generator, places: _Places, device: str, phone: str, address: str, card: str
) -> tuple[Link, ...]:
    shop = f"shop {int(places.shops * rng.random() ** 2)}"
    found = [Link("device", device), Link("phone", phone), Link("address", address), Link("referrer", shop)]
    return tuple([*found, Link("card", card)] if card else found)


def _case(
    rng: np.random.Generator,
    day: float,
    person: str,
    links: tuple[Link, ...],
    role: int,
    group: str,
    bad: bool,
) -> Case:
    at = START + int(day * DAY)
    known_at = at + int(rng.uniform(*LABEL_DAYS) * DAY) // HOUR * HOUR
    return Case(at, person, links, role, group, bad, known_at)
