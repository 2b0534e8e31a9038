"""From a model's logit to a calibrated probability, and from there to the published score.

Platt scaling (Platt 1999) on held-out folds: it is strictly increasing, so no ranking is lost, and linear
in the logit, so the additive contributions of a row stay exact after calibration. Where that is not needed and there
are many bads, isotonic regression follows any shape.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

ANCHOR_SCORE: Final = 600
ANCHOR_ODDS: Final = 20
POINTS_TO_DOUBLE: Final = 50
LOWEST_CREDIT_SCORE, HIGHEST_CREDIT_SCORE = 300, 850
SCORE_PERCENTS: Final = (*range(100), 99.5, 99.9, 99.99)


@dataclass(frozen=True, slots=True)
class Platt:
    """Calibrated logit = ``slope`` * model logit + ``intercept``; ``slope`` is positive."""

    slope: float
    intercept: float

    def logit(self, model_logit: float) -> float:
        """Calibrated log-odds of the bad event."""
        return self.slope * model_logit + self.intercept

    @classmethod
    def fit(cls, logits: NDArray[np.float64], bad: NDArray[np.bool_], steps: int = 50) -> Platt:
        """Maximum likelihood by Newton's method on held-out logits.

        Raises ValueError when the slope is not positive.
        """
        design = np.column_stack([logits, np.ones_like(logits)])
        weights = np.array([1.0, 0.0])
        for _ in range(steps):
            expected = 1 / (1 + np.exp(-design @ weights))
            gradient = design.T @ (bad - expected)
            curvature = (design * (expected * (1 - expected))[:, None]).T @ design
            step = np.linalg.solve(curvature, gradient)
            weights += step
            if np.abs(step).max() < 1e-10:
                break
        if weights[0] <= 0:
            raise ValueError("held-out scores do not rise with the bad rate; the model is not usable")
        return cls(float(weights[0]), float(weights[1]))

    def probabilities(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated probabilities of many logits, same shape."""
        return np.asarray(1 / (1 + np.exp(-(self.slope * logits + self.intercept))))

    def as_json(self) -> dict[str, Any]:
        """For storage; ``calibration_of`` reads it."""
        return {"slope": self.slope, "intercept": self.intercept}


@dataclass(frozen=True, slots=True)
class Isotonic:
    """Calibrated probability by a rising line through ``knots`` (logit, probability); level beyond both ends."""

    logits: NDArray[np.float64]
    chances: NDArray[np.float64]

    @classmethod
    def fit(cls, logits: NDArray[np.float64], bad: NDArray[np.bool_]) -> Isotonic:
        """Pool-adjacent-violators on held-out logits, as a line through the middles of the pools.

        The line between the middles keeps apart what the steps of plain isotonic regression would tie. Each end has
        half a bad and half a good row added, so that no probability is 0 or 1.
        """
        levels, place = np.unique(logits, return_inverse=True)
        counts, outcomes = np.bincount(place), np.bincount(place, weights=bad)
        pools: list[
            list[float]
        ] = []  # rows, bads, sum of logits; rows of one logit are one pool from the start
        for level, count, outcome in zip(levels.tolist(), counts.tolist(), outcomes.tolist(), strict=True):
            pools.append([float(count), outcome, level * count])
            while len(pools) > 1 and pools[-2][1] * pools[-1][0] >= pools[-1][1] * pools[-2][0]:
                last = pools.pop()
                pools[-1] = [a + b for a, b in zip(pools[-1], last, strict=True)]
        rows, bads, sums = np.array(pools).T
        middles, chances = sums / rows, bads / rows
        for end in (0, -1):
            chances[end] = (bads[end] + 0.5) / (rows[end] + 1)
        return cls(middles, np.maximum.accumulate(chances))

    def probabilities(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated probabilities of many logits, same shape."""
        return np.asarray(np.interp(logits, self.logits, self.chances))

    def as_json(self) -> dict[str, Any]:
        """For storage; ``calibration_of`` reads it."""
        return {"logits": self.logits.tolist(), "chances": self.chances.tolist()}


Calibration = Platt | Isotonic
ENOUGH_BADS: Final = 1_000
"""Isotonic regression has as many parameters as it likes; with fewer bads it learns noise."""


def fit_calibration(logits: NDArray[np.float64], bad: NDArray[np.bool_]) -> Calibration:
    """Isotonic regression where there are enough bads, else Platt scaling."""
    return Isotonic.fit(logits, bad) if bad.sum() >= ENOUGH_BADS else Platt.fit(logits, bad)


def calibration_of(content: Mapping[str, Any]) -> Calibration:
    """What ``as_json`` gave. Raises KeyError or TypeError for anything else."""
    if "slope" in content:
        return Platt(**content)
    return Isotonic(np.array(content["logits"], dtype=float), np.array(content["chances"], dtype=float))


@dataclass(frozen=True, slots=True)
class PercentScale:
    """Fraud score, 0 to 100 with one decimal.

    It is the percentage of the reference population with a lower calibrated probability.
    """

    probabilities: tuple[float, ...]
    percents: tuple[float, ...]

    @classmethod
    def fit(cls, probabilities: NDArray[np.float64]) -> PercentScale:
        """Knots at the percentiles of held-out probabilities; 0 and 1 end the scale."""
        knots = np.quantile(probabilities, np.array(SCORE_PERCENTS) / 100)
        points = {0.0: 0.0}
        for knot, percent in zip(knots.tolist(), SCORE_PERCENTS, strict=True):
            points[knot] = float(percent)
        points[1.0] = 100.0
        ordered = sorted(points.items())
        return cls(tuple(p for p, _ in ordered), tuple(percent for _, percent in ordered))

    def score(self, probability: float) -> float:
        """The score of a calibrated probability; never falls as the probability rises."""
        right = min(max(bisect_right(self.probabilities, probability), 1), len(self.probabilities) - 1)
        low, high = self.probabilities[right - 1], self.probabilities[right]
        start, end = self.percents[right - 1], self.percents[right]
        share = min(max((probability - low) / (high - low), 0.0), 1.0)
        return round(start + share * (end - start), 1)


def sigmoid(logit: float) -> float:
    """Probability of a log-odds, without overflow."""
    if logit >= 0:
        return 1 / (1 + math.exp(-logit))
    odds = math.exp(logit)
    return odds / (1 + odds)


def credit_score(default_logit: float) -> int:
    """Credit score, 300 to 850, of calibrated log-odds of default.

    600 at odds of 20 good to 1 bad; 50 points double the odds; clamped.
    """
    points = ANCHOR_SCORE + POINTS_TO_DOUBLE / math.log(2) * (-default_logit - math.log(ANCHOR_ODDS))
    return round(min(max(points, LOWEST_CREDIT_SCORE), HIGHEST_CREDIT_SCORE))


def calibration_as_json(
    fraud: Platt, credit: Platt, scale: PercentScale, network_weight: Mapping[str, float]
) -> dict[str, Any]:
    """The content of a bundle's calibration.json."""
    return {
        "network_weight": dict(network_weight),
        "fraud": {"slope": fraud.slope, "intercept": fraud.intercept},
        "credit": {"slope": credit.slope, "intercept": credit.intercept},
        "fraud_score": {"probabilities": list(scale.probabilities), "percents": list(scale.percents)},
    }
