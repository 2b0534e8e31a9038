"""The index of links: edges and labels go in, the features of one application come out.

It reads no clock, and an answer about a moment uses nothing later: no later edge, and no label that was not known
`label_delay_seconds` before. Not safe for two threads at once: the caller holds a lock.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import deque
from collections.abc import Collection, Iterable

from scoring.links.edges import (
    COUNT_CAP,
    DAY,
    HOUSEHOLD,
    HUB_SAMPLE,
    KINDS,
    WALKED,
    Edge,
    Link,
    LinkFeatures,
    LinkSettings,
)
from scoring.links.trail import Trail

Counts = dict[str, tuple[int | None, int | None, int | None]]
NOBODY = (None, None, None)
ALONE = (1, 1, 1)
NOT_LINKED: Counts = dict.fromkeys(KINDS, NOBODY)


class LinkIndex:
    """Edges of the last months in memory, at most `settings.max_edges`."""

    def __init__(self, settings: LinkSettings | None = None) -> None:
        self.settings = settings or LinkSettings()
        self._people: dict[str, Trail] = {}
        """Of each link that is walked, who used it."""
        self._customers: dict[str, Trail] = {}
        """Of each referrer, who came by it."""
        self._links: dict[str, Trail] = {}
        """Of each applicant, what they used."""
        self._labels: dict[str, list[tuple[int, bool]]] = {}
        self._arrivals: deque[tuple[int, str, str]] = deque()
        self._edges = 0

    def __len__(self) -> int:
        """How many edges are held."""
        return self._edges

    def observe(self, edge: Edge) -> None:
        """Take an edge, in any order of time. Raises ValueError for an unknown kind."""
        applicant, link, at = edge
        if link.kind not in KINDS:
            raise ValueError(f"a link's kind is one of {', '.join(KINDS)}, not {link.kind!r}")
        key = _key(link)
        for trails, node, other in (
            (self._trails(key), key, applicant),
            (self._links, applicant, key),
        ):
            if node in trails:
                trails[node].add(at, other)
            else:
                trails[node] = Trail(at, other)
        self._arrivals.append((at, applicant, key))
        self._edges += 1
        while self._edges > self.settings.max_edges:
            self._drop(*self._arrivals.popleft())

    def label(self, applicant: str, bad: bool, known_at: int) -> None:
        """An applicant turned out bad (or good after all) at a moment; the newest label counts, bad before good."""
        labels = self._labels.setdefault(applicant, [])
        if (known_at, bad) not in labels:
            insort(labels, (known_at, bad))

    def known_bad(self, applicant: str, at: int) -> bool:
        """Whether a question asked at `at` may know that the applicant is bad."""
        labels = self._labels.get(applicant)
        if labels is None:
            return False
        place = bisect_right(labels, (at - self.settings.label_delay_seconds, True))
        return bool(place) and labels[place - 1][1]

    def forget(self, before: int) -> None:
        """Drop the edges before a moment, and the labels of those who are left without any."""
        for arrival in [arrival for arrival in self._arrivals if arrival[0] < before]:
            self._drop(*arrival)
        self._arrivals = deque(arrival for arrival in self._arrivals if arrival[0] >= before)
        for applicant in [who for who in self._labels if who not in self._links]:
            kept = [label for label in self._labels[applicant] if label[0] >= before]
            if kept:
                self._labels[applicant] = kept
            else:
                del self._labels[applicant]

    def forget_applicant(self, applicant: str) -> None:
        """Drop everything about one applicant."""
        trail = self._links.get(applicant)
        if trail is not None:
            for at, key in list(zip(trail.times, trail.others, strict=True)):
                self._drop(at, applicant, key)
            self._arrivals = deque(arrival for arrival in self._arrivals if arrival[1] != applicant)
        self._labels.pop(applicant, None)

    def features(self, applicant: str, links: Iterable[Link], at: int) -> LinkFeatures:
        """What is known at `at` about an application with these links, observed already or not.

        Of several links of a kind, the one with most applicants counts.
        """
        counts, used, devices, homes, hubs = NOT_LINKED.copy(), self._used((applicant,), at), [], [], []
        hub_size, hub_homes = self.settings.hub_size, list[str]()
        for link in links:
            kind, key = link.kind, _key(link)
            trail = (self._customers if kind == "referrer" else self._people).get(key)
            found = ALONE if trail is None else trail.counts(at, applicant)
            best = counts[kind]
            counts[kind] = found if best is NOBODY else tuple(map(max, best, found))  # type: ignore[assignment]
            if trail is None or kind == "referrer":
                continue
            if kind == "device":
                devices.append(trail)
            elif kind == "address":
                homes.append(trail)
            if len(trail.times) <= hub_size or trail.within(at - self.settings.walk_seconds, at, hub_size) is not None:
                used.add(key)
            else:
                hubs.append(trail)
                if kind == "address":
                    hub_homes.append(key)
        neighbours = self._others(used, {applicant}, at)
        known_bad = self._known_bad_of(neighbours, at)
        group = self._component(applicant, used, neighbours, at) if neighbours else {applicant}
        on_device, on_card, at_home = self._by_kind(applicant, used, at) if neighbours else (neighbours,) * 3
        if neighbours:
            at_home |= self._at_hub(group | on_device | on_card, hub_homes, at)
        strangers = group - at_home - {applicant}
        device, phone, address, card = (counts[kind] for kind in WALKED)
        shared = (device[2] or 0) > 1
        return LinkFeatures(
            *device,
            *phone[1:],
            *address,
            *card,
            counts["referrer"][1],
            None if device is NOBODY else self._new_applicants(applicant, devices, at),
            (device[2] or 0) > hub_size and any([self._is_settled_hub(trail, at) for trail in devices]),
            shared and bool(homes) and self._is_household(applicant, devices, homes, at),
            len(neighbours),
            known_bad,
            self.settings.smoothed(known_bad, len(neighbours)),
            len(on_device - at_home),
            len(on_card - at_home),
            len(group),
            self._known_bad_of(group - {applicant}, at),
            len(strangers),
            sum([self._is_new(one, at, 7 * DAY) for one in strangers]),
            sum([self._is_new(one, at, 30 * DAY) for one in strangers]),
            max([self._hub_share(applicant, trail, at) for trail in hubs], default=self.settings.smoothed(0, 0)),
        )

    def _used(self, applicants: Collection[str], at: int) -> set[str]:
        """What these applicants used. Who used more things than a hub has people leads nowhere."""
        since, hub_size = at - self.settings.walk_seconds, self.settings.hub_size
        found: set[str] = set()
        for applicant in applicants:
            trail = self._links.get(applicant)
            used = trail.within(since, at, hub_size) if trail else None
            if used:
                found.update(used)
        return found

    def _others(self, keys: Collection[str], seen: set[str], at: int) -> set[str]:
        """Who else used these, hubs and referrers left out. Most keys have one sighting, so that comes first."""
        since, hub_size = at - self.settings.walk_seconds, self.settings.hub_size
        found: set[str] = set()
        people_of = self._people.get
        for key in keys:
            trail = people_of(key)
            if trail is None:
                continue
            if trail.tally is None:
                if since < trail.times[0] <= at:
                    found.add(trail.others[0])
                continue
            people = trail.within(since, at, hub_size)
            if people:
                found.update(people)
        return found - seen

    def _by_kind(self, applicant: str, keys: set[str], at: int) -> tuple[set[str], set[str], set[str]]:
        """Who shares a device, a card and an address with the applicant."""
        sorts: dict[str, list[str]] = {"d": [], "c": [], "a": [], "p": [], "r": []}
        for key in keys:
            sorts[key[0]].append(key)
        me = {applicant}
        return self._others(sorts["d"], me, at), self._others(sorts["c"], me, at), self._others(sorts["a"], me, at)

    def _at_hub(self, applicants: Collection[str], hubs: list[str], at: int) -> set[str]:
        """Those who shipped to one of these crowded addresses, too: roommates in a dormitory are no strangers."""
        since, found = at - self.settings.walk_seconds, set()
        for hub in hubs:
            for applicant in applicants:
                trail = self._links.get(applicant)
                if trail and trail.saw(hub, since, at):
                    found.add(applicant)
        return found

    def _component(self, applicant: str, starts: set[str], neighbours: set[str], at: int) -> set[str]:
        """The group, level by level up to the cap.

        Where a level passes the cap, its first in the order of their names are taken: the same for every asker.
        """
        cap, group, walked, level = self.settings.component_cap, {applicant}, starts, neighbours
        while level:
            if len(group) + len(level) >= cap:
                group.update(sorted(level)[: cap - len(group)])
                break
            group |= level
            keys = self._used(level, at) - walked
            walked = walked | keys
            level = self._others(keys, group, at)
        return group

    def _known_bad_of(self, applicants: Collection[str], at: int) -> int:
        return sum([self.known_bad(other, at) for other in applicants if other in self._labels])

    def _new_applicants(self, applicant: str, devices: list[Trail], at: int) -> int:
        """Applicants on one device in 24 hours whom nothing was known of before, this one included if so."""
        most = myself = int(self._is_new(applicant, at, DAY))
        for trail in devices:
            people = trail.within(at - DAY, at, COUNT_CAP)
            if people is None:
                return COUNT_CAP
            others = sum([self._is_new(other, at, DAY) for other in set(people) if other != applicant])
            most = max(most, others + myself)
        return most

    def _is_new(self, applicant: str, at: int, window: int) -> bool:
        trail = self._links.get(applicant)
        return trail is None or trail.times[0] > at - window

    def _is_settled_hub(self, trail: Trail, at: int) -> bool:
        return trail.within(at - 30 * DAY, at - DAY, self.settings.hub_size) is None

    def _is_household(self, applicant: str, devices: list[Trail], homes: list[Trail], at: int) -> bool:
        since = at - 30 * DAY
        sharing: set[str] = {applicant}
        for trail in devices:
            people = trail.within(since, at, HOUSEHOLD)
            if people is None:
                return False
            sharing.update(people)
        if len(sharing) == 1:
            return False
        for trail in homes:
            people = trail.within(since, at, HOUSEHOLD)
            if people is not None and len(home := {*people, applicant}) <= HOUSEHOLD and sharing <= home:
                return True
        return False

    def _hub_share(self, applicant: str, hub: Trail, at: int) -> float:
        people = hub.newest(at - self.settings.walk_seconds, at, HUB_SAMPLE) - {applicant}
        return self.settings.smoothed(self._known_bad_of(people, at), len(people))

    def _trails(self, key: str) -> dict[str, Trail]:
        return self._customers if key.startswith("referrer") else self._people

    def _drop(self, at: int, applicant: str, key: str) -> None:
        trails = self._trails(key)
        if key not in trails or not trails[key].remove(at, applicant):
            return  # gone with its applicant
        self._edges -= 1
        self._links[applicant].remove(at, key)
        if not trails[key].times:
            del trails[key]
        if not self._links[applicant].times:
            del self._links[applicant]


def _key(link: Link) -> str:
    return f"{link.kind} {link.value}"
