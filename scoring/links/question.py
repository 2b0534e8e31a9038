"""One question to the index: a walk from an application over what is known at its moment, hubs left out."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from operator import attrgetter
from typing import Final

from scoring.links.edges import COUNT_CAP, DAY, HOUSEHOLD, HUB_SAMPLE, KINDS, LinkFeatures, LinkSettings
from scoring.links.node import Node

Counts = tuple[int | None, int | None, int | None]
Around = tuple[int, int, float, int, int, int, int, int, int, int]
UNKNOWN: Final[Counts] = (None, None, None)
ALONE: Final = (1, 1, 1)
NOT_LINKED: Final[dict[str, Counts]] = dict.fromkeys(KINDS, UNKNOWN)
by_name = attrgetter("name")


class Question:
    """What an applicant (None: never seen) may be told at a moment."""

    __slots__ = ("at", "known_by", "me", "settings", "since")

    def __init__(self, settings: LinkSettings, me: Node | None, at: int) -> None:
        self.settings, self.me, self.at = settings, me, at
        self.since = at - settings.walk_seconds
        self.known_by = at - settings.label_delay_seconds

    def answer(self, links: Iterable[tuple[str, Node | None]]) -> LinkFeatures:
        """The features of an application with these links; a link that nobody used is None."""
        at, hub_size = self.at, self.settings.hub_size
        counts = NOT_LINKED.copy()
        used: set[Node] = set(self.me.within(self.since, at, hub_size) or ()) if self.me else set()
        devices: list[Node] = []
        homes: list[Node] = []
        hubs: list[Node] = []
        for kind, link in links:
            found = ALONE if link is None else link.counts(at, self.me)
            best = counts[kind]
            counts[kind] = found if best is UNKNOWN else _larger(best, found)
            if link is None or kind == "referrer":
                continue
            if kind == "device":
                devices.append(link)
            elif kind == "address":
                homes.append(link)
            if found[2] > hub_size + 1 or link.within(self.since, at, hub_size) is None:
                hubs.append(link)
            else:
                used.add(link)
        device, address, card = counts["device"], counts["address"], counts["card"]
        nobody = self.settings.smoothed(0, 0)
        return LinkFeatures(
            *device,
            *counts["phone"][1:],
            *address,
            *card,
            counts["referrer"][1],
            None if device is UNKNOWN else self._new_on(devices),
            (device[2] or 0) > hub_size and any(map(self._is_settled_hub, devices)),
            (device[2] or 0) > 1 and bool(homes) and self._is_household(devices, homes),
            *self._around(used, [link for link in hubs if link.kind == "address"]),  # type: ignore[arg-type]
            max([self._hub_share(hub) for hub in hubs]) if hubs else nobody,
        )

    def _around(self, used: set[Node], hub_homes: list[Node]) -> Around:
        """Neighbours and the group behind them: ``neighbours`` to ``component_new_strangers_30d``."""
        sharing: dict[str, set[Node]] = {"device": set(), "phone": set(), "address": set(), "card": set()}
        neighbours: set[Node] = set()
        for link in used:
            if link.kind != "referrer" and (
                people := link.within(self.since, self.at, self.settings.hub_size)
            ):
                sharing[link.kind].update(people)
                neighbours.update(people)
        neighbours.discard(self.me)  # type: ignore[arg-type]
        if not neighbours:
            return 0, 0, self.settings.smoothed(0, 0), 0, 0, 1, 0, 0, 0, 0
        on_device, at_home, on_card = sharing["device"], sharing["address"], sharing["card"]
        group = self._group(used, neighbours)
        if self.me:
            at_home.add(self.me)
        for hub in hub_homes:  # roommates in a dormitory are not strangers
            at_home.update([one for one in group | neighbours if one.saw(hub, self.since, self.at)])
        strangers = group - at_home
        known_bad = self._known_bad_of(neighbours)
        return (
            len(neighbours),
            known_bad,
            self.settings.smoothed(known_bad, len(neighbours)),
            len(on_device - at_home),
            len(on_card - at_home),
            1 + len(group),
            self._known_bad_of(group),
            len(strangers),
            sum([one.first > self.at - 7 * DAY for one in strangers]),
            sum([one.first > self.at - 30 * DAY for one in strangers]),
        )

    def _group(self, used: set[Node], neighbours: set[Node]) -> set[Node]:
        """The others of the group, level by level up to the cap.

        Where a level passes the cap, its first in the order of their names are taken: the same for every asker.
        """
        most, walked, level = self.settings.component_cap - 1, used.copy(), neighbours
        group: set[Node] = set()
        while level:
            if len(group) + len(level) >= most:
                group.update(sorted(level, key=by_name)[: most - len(group)])
                break
            group |= level
            level = self._next(level, walked) - group
            level.discard(self.me)  # type: ignore[arg-type]
        return group

    def _next(self, level: set[Node], walked: set[Node]) -> set[Node]:
        """Those who share what these used. Someone who used more things than a hub has people leads nowhere."""
        since, at, hub_size = self.since, self.at, self.settings.hub_size
        found: set[Node] = set()
        for applicant in level:
            for link in applicant.within(since, at, hub_size) or ():
                people = link.tally
                # What was seen once was seen with this applicant.
                if people is None or link.kind == "referrer" or link in walked:
                    continue
                walked.add(link)
                if link.first <= since or link.last > at:
                    found.update(link.within(since, at, hub_size) or ())
                elif len(people) <= hub_size:
                    found.update(people)
        return found

    def _known_bad_of(self, applicants: Collection[Node]) -> int:
        return sum([one.is_bad(self.known_by) for one in applicants if one.labels])

    def _new_on(self, devices: list[Node]) -> int:
        """Applicants on one device in 24 hours whom nothing was known of before, this one included if so."""
        yesterday = self.at - DAY
        myself = int(self.me is None or not self.me.times or self.me.first > yesterday)
        most = 0
        for device in devices:
            people = device.within(yesterday, self.at, COUNT_CAP)
            if people is None:
                return COUNT_CAP
            others = [one.first > yesterday for one in set(people) if one is not self.me]
            most = max(most, sum(others))
        return most + myself

    def _is_settled_hub(self, device: Node) -> bool:
        return device.within(self.at - 30 * DAY, self.at - DAY, self.settings.hub_size) is None

    def _is_household(self, devices: list[Node], homes: list[Node]) -> bool:
        since = self.at - 30 * DAY
        sharing: set[Node | None] = {self.me}
        for device in devices:
            people = device.within(since, self.at, HOUSEHOLD)
            if people is None:
                return False
            sharing.update(people)
        if len(sharing) == 1:
            return False
        for link in homes:
            people = link.within(since, self.at, HOUSEHOLD)
            if people is not None and len(home := {*people, self.me}) <= HOUSEHOLD and sharing <= home:
                return True
        return False

    def _hub_share(self, hub: Node) -> float:
        people = hub.newest(self.since, self.at, HUB_SAMPLE)
        people.discard(self.me)  # type: ignore[arg-type]
        return self.settings.smoothed(self._known_bad_of(people), len(people))


def _larger(one: Counts, other: Counts) -> Counts:
    first, second, third = (max(a or 0, b or 0) for a, b in zip(one, other, strict=True))
    return first, second, third
