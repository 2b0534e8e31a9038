"""A node of the graph: an applicant or a link, with what was seen at it in the order of time."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Collection
from typing import ClassVar

from scoring.links.edges import COUNT_CAP, DAY, HOUR


class Node:
    """Sightings at one node, ordered by time; those of one moment in the order of arrival.

    ``kind`` is empty for applicants. Windows are half-open: after ``since``, up to and including ``at``.
    """

    __slots__ = ("first", "kind", "labels", "last", "name", "others", "tally", "times")
    NO_LABELS: ClassVar[list[tuple[int, bool]]] = []

    def __init__(self, kind: str, name: str) -> None:
        self.kind, self.name = kind, name
        self.times = array("q")
        self.first = self.last = 0
        """The ends of ``times``, which most questions need and nothing else of it."""
        self.others: list[Node] = []
        self.tally: dict[Node, int] | None = None
        """From the second sighting on, how often each was seen: the answer to a window that holds everything."""
        self.labels = self.NO_LABELS
        """Of an applicant: when it became known (epoch seconds) that they are bad, or good after all."""

    def add(self, at: int, other: Node) -> None:
        """Note a sighting, also one that arrives late."""
        if self.tally is not None:
            self.tally[other] = self.tally.get(other, 0) + 1
        elif self.others:
            self.tally = {self.others[0]: 1}
            self.tally[other] = self.tally.get(other, 0) + 1
        place = len(self.times) if not self.times or at >= self.last else bisect_right(self.times, at)
        self.times.insert(place, at)
        self.others.insert(place, other)
        self.first, self.last = self.times[0], self.times[-1]

    def remove(self, at: int, other: Node) -> bool:
        """Forget one sighting; says whether there was such a one."""
        for place in range(bisect_left(self.times, at), bisect_right(self.times, at)):
            if self.others[place] is other:
                del self.times[place], self.others[place]
                if self.times:
                    self.first, self.last = self.times[0], self.times[-1]
                if self.tally is not None:
                    left = self.tally.pop(other) - 1
                    if left:
                        self.tally[other] = left
                return True
        return False

    def forget(self, before: int) -> int:
        """Forget every sighting before a moment at once; says how many there were."""
        end = bisect_left(self.times, before)
        if self.tally is not None:
            for other in self.others[:end]:
                left = self.tally.pop(other) - 1
                if left:
                    self.tally[other] = left
        del self.times[:end], self.others[:end]
        if self.times:
            self.first, self.last = self.times[0], self.times[-1]
        return end

    def add_label(self, known_at: int, bad: bool) -> None:
        """Note a label once."""
        if self.labels is self.NO_LABELS:
            self.labels = []
        if (known_at, bad) not in self.labels:
            insort(self.labels, (known_at, bad))

    def is_bad(self, known_by: int) -> bool:
        """Whether the newest label that was known by then says so."""
        place = bisect_right(self.labels, (known_by, True))
        return bool(place) and self.labels[place - 1][1]

    def within(self, since: int, at: int, most: int) -> Collection[Node] | None:
        """Everybody of a window, or None when they are more than ``most``. Not to be changed."""
        if self.first > since and self.last <= at:
            everybody = self.others if self.tally is None else self.tally
            return everybody if len(everybody) <= most else None
        if self.last <= since or self.first > at or not self.times:
            return ()
        return self._distinct(bisect_right(self.times, since), bisect_right(self.times, at), most)

    def saw(self, other: Node, since: int, at: int) -> bool:
        """Whether somebody was seen in a window."""
        if self.tally is not None and other not in self.tally:
            return False
        return any(
            one is other and since < time <= at for one, time in zip(self.others, self.times, strict=True)
        )

    def counts(self, at: int, asker: Node | None) -> tuple[int, int, int]:
        """How many were seen in 1 hour, 24 hours and 30 days, the asker included; at most ``COUNT_CAP``."""
        times = self.times
        end = len(times) if self.last <= at else bisect_right(times, at)
        month = 0 if self.first > at - 30 * DAY else bisect_right(times, at - 30 * DAY, 0, end)
        if month >= end:
            return 1, 1, 1
        day = month if times[month] > at - DAY else bisect_right(times, at - DAY, month, end)
        hour = day if day == end or times[day] > at - HOUR else bisect_right(times, at - HOUR, day, end)
        in_month = self._counted(month, end, asker)
        in_day = in_month if day == month else self._counted(day, end, asker)
        return in_day if hour == day else self._counted(hour, end, asker), in_day, in_month

    def newest(self, since: int, at: int, most: int) -> set[Node]:
        """The applicants behind the newest ``most`` sightings of a window."""
        high, low = bisect_right(self.times, at), bisect_right(self.times, since)
        return set(self.others[max(low, high - most) : high])

    def _counted(self, low: int, high: int, asker: Node | None) -> int:
        if high - low < 2:
            return 1 if high == low or self.others[low] is asker else 2
        people = self._distinct(low, high, COUNT_CAP)
        return COUNT_CAP if people is None else min(COUNT_CAP, len(people) + (asker not in people))

    def _distinct(self, low: int, high: int, most: int) -> set[Node] | None:
        chunk = most + most // 4 + 1  # newest first, so that a hub is known from its last few sightings
        if high - low <= chunk:
            found = set(self.others[low:high])
            return found if len(found) <= most else None
        found = set()
        while high > low:
            found.update(self.others[max(low, high - chunk) : high])
            if len(found) > most:
                return None
            high -= chunk
        return found
