"""The index of links: edges and labels go in, the features of one application come out.

It reads no clock, and an answer about a moment uses nothing later: no later edge, and no label that was not known
``label_delay_seconds`` before. Not safe for two threads at once: the caller holds a lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable

from scoring.links.edges import KINDS, Edge, Link, LinkFeatures, LinkSettings
from scoring.links.node import Node
from scoring.links.question import Question


class LinkIndex:
    """Edges of the last months in memory, at most ``settings.max_edges``."""

    def __init__(self, settings: LinkSettings | None = None) -> None:
        self.settings = settings or LinkSettings()
        self._links: dict[Link, Node] = {}
        self._applicants: dict[str, Node] = {}
        self._arrivals: deque[Edge] = deque()
        self._edges = 0

    def __len__(self) -> int:
        """How many edges are held."""
        return self._edges

    def observe(self, edge: Edge) -> None:
        """Take an edge, in any order of time. Raises ValueError for an unknown kind."""
        name, link, at = edge
        if link.kind not in KINDS:
            raise ValueError(f"a link's kind must be one of {', '.join(KINDS)}, not {link.kind!r}")
        node = self._links.get(link)
        if node is None:
            node = self._links[link] = Node(link.kind, link.value)
        applicant = self._applicant(name)
        node.add(at, applicant)
        applicant.add(at, node)
        self._arrivals.append(edge)
        self._edges += 1
        while self._edges > self.settings.max_edges:
            self._drop(self._arrivals.popleft())

    def label(self, applicant: str, bad: bool, known_at: int) -> None:
        """An applicant turned out bad (or good after all) at a moment; the newest label counts, bad before good."""
        self._applicant(applicant).add_label(known_at, bad)

    def features(self, applicant: str, links: Iterable[Link], at: int) -> LinkFeatures:
        """What is known at ``at`` about an application with these links, observed already or not.

        Of several links of a kind, the one with most applicants counts.
        """
        nodes = self._links
        used = [(link.kind, nodes.get(link)) for link in dict.fromkeys(links)]
        return Question(self.settings, self._applicants.get(applicant), at).answer(used)

    def forget(self, before: int) -> None:
        """Drop the edges before a moment, and the labels of those who are left without any."""
        old = [edge for edge in self._arrivals if edge.at < before]
        for link in {edge.link for edge in old}:
            node = self._links[link]
            self._edges -= node.forget(before)
            if not node.times:
                del self._links[link]
        for name in {edge.applicant for edge in old}:
            node = self._applicants[name]
            node.forget(before)
            if not node.times and not node.labels:
                del self._applicants[name]
        self._arrivals = deque(edge for edge in self._arrivals if edge.at >= before)
        for node in [node for node in self._applicants.values() if node.labels and not node.times]:
            node.labels = [label for label in node.labels if label[0] >= before]
            if not node.labels:
                del self._applicants[node.name]

    def forget_applicants(self, applicants: Collection[str]) -> None:
        """Drop everything about some applicants; many at once cost hardly more than one."""
        known = {name for name in applicants if name in self._applicants}
        if not known:
            return
        for name in known:
            node = self._applicants[name]
            node.labels = Node.NO_LABELS
            for at, link in list(zip(node.times, node.others, strict=True)):
                self._drop(Edge(name, Link(link.kind, link.name), at))
            self._applicants.pop(name, None)
        self._arrivals = deque(edge for edge in self._arrivals if edge.applicant not in known)

    def _applicant(self, name: str) -> Node:
        node = self._applicants.get(name)
        if node is None:
            node = self._applicants[name] = Node("", name)
        return node

    def _drop(self, edge: Edge) -> None:
        link, applicant = self._links[edge.link], self._applicants[edge.applicant]
        link.remove(edge.at, applicant)
        applicant.remove(edge.at, link)
        self._edges -= 1
        if not link.times:
            del self._links[edge.link]
        if not applicant.times and not applicant.labels:
            del self._applicants[edge.applicant]
