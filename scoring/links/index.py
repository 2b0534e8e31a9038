"""The index of links: edges and labels go in, the features of one application come out.

It reads no clock, and an answer about a moment uses nothing later: no later edge, and no label that was not known
`label_delay_seconds` before. Not safe for two threads at once: the caller holds a lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from scoring.links.edges import KINDS, Edge, Link, LinkFeatures, LinkSettings
from scoring.links.node import Node
from scoring.links.question import Question


class LinkIndex:
    """Edges of the last months in memory, at most `settings.max_edges`."""

    def __init__(self, settings: LinkSettings | None = None) -> None:
        self.settings = settings or LinkSettings()
        self._links: dict[str, Node] = {}
        self._applicants: dict[str, Node] = {}
        self._arrivals: deque[tuple[int, str, str]] = deque()
        self._edges = 0

    def __len__(self) -> int:
        """How many edges are held."""
        return self._edges

    def observe(self, edge: Edge) -> None:
        """Take an edge, in any order of time. Raises ValueError for an unknown kind."""
        name, link, at = edge
        if link.kind not in KINDS:
            raise ValueError(f"a link's kind is one of {', '.join(KINDS)}, not {link.kind!r}")
        key = _key(link)
        node = self._links.get(key)
        if node is None:
            node = self._links[key] = Node(link.kind, key)
        applicant = self._applicant(name)
        node.add(at, applicant)
        applicant.add(at, node)
        self._arrivals.append((at, name, key))
        self._edges += 1
        while self._edges > self.settings.max_edges:
            self._drop(*self._arrivals.popleft())

    def label(self, applicant: str, bad: bool, known_at: int) -> None:
        """An applicant turned out bad (or good after all) at a moment; the newest label counts, bad before good."""
        self._applicant(applicant).add_label(known_at, bad)

    def features(self, applicant: str, links: Iterable[Link], at: int) -> LinkFeatures:
        """What is known at `at` about an application with these links, observed already or not.

        Of several links of a kind, the one with most applicants counts.
        """
        asked = {_key(link): link.kind for link in links}
        nodes = [(kind, self._links.get(key)) for key, kind in asked.items()]
        return Question(self.settings, self._applicants.get(applicant), at).answer(nodes)

    def forget(self, before: int) -> None:
        """Drop the edges before a moment, and the labels of those who are left without any."""
        for arrival in [arrival for arrival in self._arrivals if arrival[0] < before]:
            self._drop(*arrival)
        self._arrivals = deque(arrival for arrival in self._arrivals if arrival[0] >= before)
        for node in [node for node in self._applicants.values() if node.labels and not node.times]:
            node.labels = [label for label in node.labels if label[0] >= before]
            if not node.labels:
                del self._applicants[node.name]

    def forget_applicant(self, applicant: str) -> None:
        """Drop everything about one applicant."""
        node = self._applicants.get(applicant)
        if node is None:
            return
        node.labels = Node.NO_LABELS
        for at, link in list(zip(node.times, node.others, strict=True)):
            self._drop(at, applicant, link.name)
        self._applicants.pop(applicant, None)
        self._arrivals = deque(arrival for arrival in self._arrivals if arrival[1] != applicant)

    def _applicant(self, name: str) -> Node:
        node = self._applicants.get(name)
        if node is None:
            node = self._applicants[name] = Node("", name)
        return node

    def _drop(self, at: int, name: str, key: str) -> None:
        link, applicant = self._links[key], self._applicants[name]
        link.remove(at, applicant)
        applicant.remove(at, link)
        self._edges -= 1
        if not link.times:
            del self._links[key]
        if not applicant.times and not applicant.labels:
            del self._applicants[name]


def _key(link: Link) -> str:
    return f"{link.kind} {link.value}"
