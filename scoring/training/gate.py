"""The gate of a blend: other learners join the trees only where that is proved.

A blend is a weighted mean of logits. It passes when its gain in AUC over the trees alone is more than one standard
error of the gains of the paired folds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring import metrics

Labels = NDArray[np.bool_]
Logits = NDArray[np.float64]

CHAMPION: Final = "trees"
STEPS: Final = 10
"""Weights are tried in tenths."""


@dataclass(frozen=True, slots=True)
class Gate:
    """How a blend was judged: mean AUC of each learner by itself, the best weights, their gain and its error."""

    alone: Mapping[str, float]
    best: Mapping[str, float]
    gain: float
    standard_error: float

    @property
    def passed(self) -> bool:
        """Whether the blend beats the trees by more than one standard error."""
        return self.gain > self.standard_error

    @property
    def weights(self) -> dict[str, float]:
        """What to serve: the best blend if it passed, else the trees alone."""
        return dict(self.best) if self.passed else {name: float(name == CHAMPION) for name in self.best}

    def as_json(self) -> dict[str, Any]:
        """For a bundle and its card; figures rounded."""
        return {
            "auc": {name: round(value, 4) for name, value in self.alone.items()},
            "best_weights": dict(self.best),
            "gain": round(self.gain, 5),
            "standard_error": round(self.standard_error, 5),
            "passed": self.passed,
        }


def judge(
    held_out: Mapping[str, Logits], bad: Labels, fold: NDArray[np.intp], *, challenger: str = ""
) -> Gate:
    """Judge all blends of the learners by logits of rows they had not seen, shape (rows,).

    A ``challenger`` is only measured: it has no part in the blend.
    """
    blended = {name: logits for name, logits in held_out.items() if name != challenger}
    trees = aucs(held_out[CHAMPION], bad, fold)
    judged = [(float(aucs(blend(weights, blended), bad, fold).mean()), weights) for weights in _grid(blended)]
    _, best = max(judged, key=lambda entry: (entry[0], tuple(entry[1].values())))
    gains = aucs(blend(best, blended), bad, fold) - trees
    return Gate(
        alone={name: float(aucs(logits, bad, fold).mean()) for name, logits in held_out.items()},
        best=best,
        gain=float(gains.mean()),
        standard_error=float(gains.std(ddof=1) / np.sqrt(len(gains))),
    )


def blend(weights: Mapping[str, float], logits: Mapping[str, Logits]) -> Logits:
    """The weighted sum of the logits of those learners that have a weight."""
    return np.asarray(sum(weight * logits[name] for name, weight in weights.items() if weight))


def aucs(logits: Logits, bad: Labels, fold: NDArray[np.intp]) -> NDArray[np.float64]:
    """The AUC of each fold."""
    numbers = range(int(fold.max()) + 1)
    return np.array([metrics.area_under_curve(bad[fold == n], logits[fold == n]) for n in numbers])


def stratified(bad: Labels, folds: int, seed: int) -> NDArray[np.intp]:
    """A fold number for each row, shuffled, with the bad rows spread evenly."""
    random = np.random.default_rng(seed)
    fold = np.empty(len(bad), dtype=np.intp)
    for outcome in (True, False):
        rows = random.permutation(np.flatnonzero(bad == outcome))
        fold[rows] = np.arange(len(rows)) % folds
    return fold


def _grid(names: Mapping[str, Any]) -> Iterator[dict[str, float]]:
    """All weights in tenths that add up to one."""

    def parts(left: int, count: int) -> Iterator[tuple[int, ...]]:
        if count == 1:
            yield (left,)
            return
        for part in range(left + 1):
            for rest in parts(left - part, count - 1):
                yield (part, *rest)

    for split in parts(STEPS, len(names)):
        yield {name: part / STEPS for name, part in zip(names, split, strict=True)}
