"""Features of a batch (extra ``links``): communities by Leiden and personalised PageRank from known bads, hubs removed.

For a job at night. An application that comes later is answered by its links: a new applicant takes the largest
community and the largest rank of what was used.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

from scoring.errors import LinksUnavailable
from scoring.links.edges import WALKED, Edge, Link, LinkSettings

DAMPING: Final = 0.85
Name = str | Link


@dataclass(frozen=True, slots=True)
class BatchFeatures:
    """What the last batch says about one application."""

    community_applicants: int
    """Applicants in the largest community that the applicant or one of the links is in; 0 when none was known."""
    bad_rank: float
    """Expected visits by a walker that starts at a known bad, returns there with chance 0.15, and is summed over all
    known bads.
    """


NOTHING: Final = BatchFeatures(0, 0.0)


class LinkBatch:
    """One night's graph: every applicant and every link that is not a hub, with community and rank."""

    def __init__(
        self, edges: Iterable[Edge], known_bad: Collection[str], settings: LinkSettings, seed: int = 1
    ):
        """``edges`` are those of the walk window, ``known_bad`` those known long enough: the caller cuts both.

        Raises ``LinksUnavailable`` without igraph.
        """
        igraph = _igraph()
        pairs = _without_hubs(edges, settings.hub_size)
        names: dict[Name, int] = {}
        ends = [(names.setdefault(a, len(names)), names.setdefault(link, len(names))) for a, link in pairs]
        igraph.set_random_number_generator(random.Random(seed))
        graph = igraph.Graph(n=len(names), edges=ends)
        self._names = names
        self._community = graph.community_leiden(objective_function="modularity", n_iterations=2).membership
        self._size: dict[int, int] = {}
        for name, place in names.items():
            if isinstance(name, str):
                community = self._community[place]
                self._size[community] = self._size.get(community, 0) + 1
        bads = [names[who] for who in known_bad if who in names]
        rank = (
            graph.personalized_pagerank(damping=DAMPING, reset_vertices=bads) if bads else [0.0] * len(names)
        )
        self._rank = [value * len(bads) for value in rank]

    def features(self, applicant: str, links: Iterable[Link]) -> BatchFeatures:
        """What this night's graph says about an application that came after it."""
        places = [self._names[name] for name in (applicant, *links) if name in self._names]
        if not places:
            return NOTHING
        return BatchFeatures(
            max(self._size.get(self._community[place], 0) for place in places),
            max(self._rank[place] for place in places),
        )


def _without_hubs(edges: Iterable[Edge], hub_size: int) -> list[tuple[str, Link]]:
    """Each pair of an applicant and a walked link once, in the order of arrival."""
    people: dict[Link, dict[str, None]] = {}
    for edge in edges:
        if edge.link.kind in WALKED:
            people.setdefault(edge.link, {})[edge.applicant] = None
    return [(who, link) for link, found in people.items() if len(found) <= hub_size for who in found]


def _igraph() -> Any:
    try:
        import igraph  # noqa: PLC0415
    except ImportError as missing:
        raise LinksUnavailable(
            "batch features of links need the package igraph: pip install 'fenqi-gateway[links]'"
        ) from missing
    return igraph
