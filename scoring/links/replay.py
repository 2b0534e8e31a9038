"""A world is played once in the order of time: each application is asked about as it comes, and again later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring.links.edges import DAY, Edge, LinkFeatures, LinkSettings
from scoring.links.index import LinkIndex
from scoring.links.row import ROW_NAMES, row
from scoring.links.rules import rules
from scoring.links.world import Case

LOOKS: Final = (0, 3, 30)
"""Days after the application: at once, before the goods leave, and when the first instalment is about to fall due."""
BATCH_EVERY: Final = 5 * DAY
ASK, LABEL = 1, 0
Snapshot = Callable[[Sequence[Case], int], Callable[[Case], tuple[float, ...]]]
"""Makes batch features of what is known at a moment; the result answers for one application."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was known of each application at each look: ``rows[look]`` has one row an application."""

    rows: dict[int, NDArray[np.float64]]
    reviewed: dict[int, NDArray[np.bool_]]
    """Whether a rule fired."""
    batch: dict[int, NDArray[np.float64]]
    """Batch features, where a snapshot was given."""


def replay(
    cases: Sequence[Case],
    settings: LinkSettings | None = None,
    *,
    snapshot: Snapshot | None = None,
    progress: Callable[[int], object] = lambda number: None,
) -> Replayed:
    """Play all cases through one index. ``progress`` is called with the number of further questions."""
    settings = settings or LinkSettings()
    index = LinkIndex(settings)
    rows = {look: np.empty((len(cases), len(ROW_NAMES))) for look in LOOKS}
    reviewed = {look: np.zeros(len(cases), dtype=bool) for look in LOOKS}
    batch: dict[int, list[tuple[float, ...]]] = (
        {look: [()] * len(cases) for look in LOOKS} if snapshot else {}
    )
    answer, next_batch = None, cases[0].at + BATCH_EVERY
    for number, (at, kind, position, look) in enumerate(_events(cases)):
        case = cases[position]
        if kind == LABEL:
            index.label(case.applicant, True, at)
            continue
        if snapshot and at >= next_batch:
            answer, next_batch = snapshot(cases, at), at + BATCH_EVERY
        features: LinkFeatures = index.features(case.applicant, case.links, at)
        rows[look][position] = row(features, settings.hub_size)
        reviewed[look][position] = bool(rules(features))
        if snapshot:
            batch[look][position] = answer(case) if answer else (float("nan"), float("nan"))
        if look == 0:
            for link in case.links:
                index.observe(Edge(case.applicant, link, at))
        if number % 1_000 == 0:
            progress(1_000)
    return Replayed(rows, reviewed, {look: np.array(values) for look, values in batch.items()})


def _events(cases: Sequence[Case]) -> list[tuple[int, int, int, int]]:
    """Moments with what happens: labels first, then questions in the order of the cases."""
    questions = [
        (case.at + look * DAY, ASK, position, look) for position, case in enumerate(cases) for look in LOOKS
    ]
    known = [(case.known_at, LABEL, position, 0) for position, case in enumerate(cases) if case.bad]
    return sorted(questions + known)
