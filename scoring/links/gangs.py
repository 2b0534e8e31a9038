"""Planted gangs: a small model on links learns on the first part of a world and is tested on the second.

No ring is in both parts. Labels that were not known at the split are not learned from. At the threshold, at most 1 % of
the honest applications and at most 2 % of those from families are false alarms; lone frauds count as neither.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring.errors import TrainingUnavailable
from scoring.links.batch import LinkBatch
from scoring.links.edges import DAY, Edge, LinkSettings
from scoring.links.replay import LOOKS, replay
from scoring.links.row import MONOTONE, ROW_NAMES
from scoring.links.world import DAYS, LABEL_DAYS, LONE, RING, SPLIT, START, Case, make_world

FALSE_POSITIVE_RATE: Final = 0.01
FAMILY_RATE: Final = 0.02
WARM_UP_DAYS: Final = 10
BOOTSTRAPS: Final = 1_000
PARAMETERS: Final[dict[str, Any]] = {
    "objective": "binary:logistic",
    "max_depth": 4,
    "eta": 0.1,
    "subsample": 0.8,
    "colsample_bytree": 0.8,
    "min_child_weight": 5,
    "tree_method": "hist",
    "nthread": 1,
}
ROUNDS: Final = 120
Score = NDArray[np.float64]
Mask = NDArray[np.bool_]


def measure_gangs(
    applicants: int = 100_000,
    rings: int = 200,
    *,
    seed: int,
    batch: bool = False,
    progress: Callable[[int], object] = lambda number: None,
) -> dict[str, Any]:
    """Make a world, play it, learn and test. With ``batch``, a second model also sees the batch features.

    Raises ``TrainingUnavailable`` or ``LinksUnavailable`` when a package is missing.
    """
    cases = make_world(applicants, rings, seed=seed)
    replayed = replay(cases, snapshot=_snapshot if batch else None, progress=progress)
    parts = _Parts(cases, seed)
    found: dict[str, Any] = {
        "seed": seed,
        "applicants": applicants,
        "applications": len(cases),
        "rings": rings,
        "tested": {
            "applications": int(parts.test.sum()),
            "of_rings": int(parts.ring[parts.test].sum()),
            "rings": len({cases[i].group for i in np.flatnonzero(parts.test & parts.ring)}),
            "of_families": int((parts.family & parts.test).sum()),
        },
        "linked": {_name(look): parts.linked(replayed.rows[look]) for look in LOOKS},
        "model": parts.report(replayed.rows),
        "rules_alone": {_name(look): parts.at(replayed.reviewed[look].astype(float), 0.5) for look in LOOKS},
    }
    if batch:
        both = {look: np.hstack([replayed.rows[look], replayed.batch[look]]) for look in LOOKS}
        found["model_with_batch"] = parts.report(both)
    return found


def expected_questions(applicants: int, rings: int) -> int:
    """About how many questions a measurement asks, for a progress bar."""
    return int(1.36 * applicants + 14 * rings) * len(LOOKS)


def _snapshot(cases: Sequence[Case], at: int) -> Callable[[Case], tuple[float, ...]]:
    """The batch features of what is known at a moment."""
    settings = LinkSettings()
    edges = (
        Edge(case.applicant, link, case.at)
        for case in cases
        if at - settings.walk_seconds < case.at <= at
        for link in case.links
    )
    known_by = at - settings.label_delay_seconds
    bads = {case.applicant for case in cases if case.bad and case.known_at <= known_by}
    made = LinkBatch(edges, sorted(bads), settings)

    def answer(case: Case) -> tuple[float, ...]:
        found = made.features(case.applicant, case.links)
        return float(found.community_applicants), found.bad_rank

    return answer


class _Parts:
    """Which applications are learned from, and which are tested."""

    def __init__(self, cases: Sequence[Case], seed: int) -> None:
        day = (np.array([case.at for case in cases]) - START) / DAY
        role = np.array([case.role for case in cases])
        self.groups = np.array([case.group for case in cases])
        self.bad = np.array([case.bad for case in cases])
        self.ring = role == RING
        self.honest = ~self.ring & (role != LONE)
        self.family = self.honest & (self.groups != "")
        self.learn = (day >= WARM_UP_DAYS) & (day < SPLIT - LABEL_DAYS[1])
        self.test = (day >= SPLIT) & (day < DAYS)
        self.seed = seed

    def linked(self, rows: NDArray[np.float64]) -> float:
        """The share of the tested rings' applications that have any neighbour: no more can be found."""
        neighbours = rows[self.test & self.ring, ROW_NAMES.index("neighbours")]
        return round(float((neighbours > 0).mean()), 4)

    def report(self, rows: dict[int, NDArray[np.float64]]) -> dict[str, Any]:
        """One model for all looks, tested at each."""
        xgboost = _xgboost()
        extra = next(iter(rows.values())).shape[1] - len(MONOTONE)
        parameters = PARAMETERS | {"monotone_constraints": (*MONOTONE, *[1] * extra), "seed": self.seed}
        table = np.vstack([rows[look][self.learn] for look in LOOKS])
        data = xgboost.DMatrix(table, np.tile(self.bad[self.learn], len(LOOKS)))
        booster = xgboost.train(parameters, data, ROUNDS)
        found = {}
        for look in LOOKS:
            score = booster.predict(xgboost.DMatrix(rows[look])).astype(float)
            threshold = max(
                np.quantile(score[self.test & self.honest], 1 - FALSE_POSITIVE_RATE, method="higher"),
                np.quantile(score[self.test & self.family], 1 - FAMILY_RATE, method="higher"),
            )
            found[_name(look)] = self.at(score, float(threshold))
        return found

    def at(self, score: Score, threshold: float) -> dict[str, Any]:
        """What is caught above a threshold, with 95 % intervals from redrawing rings and families."""
        flagged = score > threshold
        ring, family = self.test & self.ring, self.test & self.family
        return {
            "recall": round(float(flagged[ring].mean()), 4),
            "recall_interval": self._interval(flagged, ring),
            "false_positive_rate": round(float(flagged[self.test & self.honest].mean()), 4),
            "family_false_alarms": round(float(flagged[family].mean()), 4),
            "family_false_alarms_interval": self._interval(flagged, family),
            "rings_with_half_caught": round(self._rings_with_half(flagged, ring), 4),
        }

    def _by_group(self, flagged: Mask, mask: Mask) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        _, place = np.unique(self.groups[mask], return_inverse=True)
        return np.bincount(place, flagged[mask]).astype(float), np.bincount(place).astype(float)

    def _interval(self, flagged: Mask, mask: Mask) -> list[float]:
        caught, size = self._by_group(flagged, mask)
        rng = np.random.default_rng(self.seed)
        drawn = rng.integers(len(size), size=(BOOTSTRAPS, len(size)))
        shares = caught[drawn].sum(axis=1) / size[drawn].sum(axis=1)
        return [round(float(value), 4) for value in np.quantile(shares, (0.025, 0.975))]

    def _rings_with_half(self, flagged: Mask, ring: Mask) -> float:
        caught, size = self._by_group(flagged, ring)
        return float((caught >= size / 2).mean())


def _xgboost() -> Any:
    try:
        import xgboost  # noqa: PLC0415
    except ImportError as missing:
        raise TrainingUnavailable(
            "this measurement learns a model and needs the package xgboost"
        ) from missing
    return xgboost


def _name(look: int) -> str:
    return "at_application" if look == 0 else f"{look}_days_later"
