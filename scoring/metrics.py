"""Measures of a probability against what happened. All take arrays of shape (rows,); ``bad`` is boolean."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.bool_]
Values = NDArray[np.float64]


def area_under_curve(bad: Labels, score: Values) -> float:
    """Probability that a bad row scores above a good one, ties counting half (Mann-Whitney)."""
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    rank = (last - (counts - 1) / 2)[inverse]
    bads = int(bad.sum())
    goods = len(bad) - bads
    return float((rank[bad].sum() - bads * (bads + 1) / 2) / (bads * goods))


def kolmogorov_smirnov(bad: Labels, score: Values) -> float:
    """Largest distance between the score distributions of bad and good rows."""
    points = np.unique(score)
    below_bad = np.searchsorted(np.sort(score[bad]), points, side="right") / bad.sum()
    below_good = np.searchsorted(np.sort(score[~bad]), points, side="right") / (~bad).sum()
    return float(np.abs(below_bad - below_good).max())


def recall_at(bad: Labels, score: Values, false_positive_rate: float) -> float:
    """Share of the bad rows that score above all but ``false_positive_rate`` of the good ones."""
    threshold = np.quantile(score[~bad], 1 - false_positive_rate)
    return float((score[bad] > threshold).mean())


def average_precision(bad: Labels, score: Values) -> float:
    """Precision averaged over the recall steps, equal scores taken together."""
    order = np.argsort(-score, kind="stable")
    caught = np.cumsum(bad[order])
    last_of_tie = np.append(np.diff(score[order]) != 0, True)
    found, flagged = caught[last_of_tie], np.flatnonzero(last_of_tie) + 1
    return float((np.diff(found, prepend=0) * found / flagged).sum() / bad.sum())


def brier(bad: Labels, probability: Values) -> float:
    """Mean squared difference between probability and outcome."""
    return float(np.mean((probability - bad) ** 2))


def expected_calibration_error(bad: Labels, probability: Values, bins: int = 10) -> float:
    """Mean distance between predicted and observed rate over bins of equal count; equal probabilities are shared."""
    order = np.argsort(probability, kind="stable")
    expected = np.array_split(_shared(bad, probability)[order], bins)
    predicted = np.array_split(probability[order], bins)
    apart = (
        abs(known.mean() - told.mean()) * len(told)
        for known, told in zip(expected, predicted, strict=True)
        if len(told)
    )
    return float(sum(apart) / len(bad))


def calibration_error_by_chance(probability: Values, bins: int = 10) -> float:
    """What ``expected_calibration_error`` would show on average if every probability were true.

    So few rows fall into a bin that its rate strays; the mean distance of a normal error is sqrt(2/pi) of its
    standard deviation. An error up to that size says nothing against the probabilities.
    """
    variance = (part * (1 - part) for part in np.array_split(np.sort(probability), bins))
    return float(sum(np.sqrt(2 / np.pi * part.sum()) for part in variance) / len(probability))


def bad_rate_ratio(bad: Labels, probability: Values, approved_share: float) -> float:
    """Bad rate among the best ``approved_share``, divided by the bad rate of approving everybody."""
    best = np.argsort(probability, kind="stable")[: round(approved_share * len(bad))]
    return float(_shared(bad, probability)[best].mean() / bad.mean())


def _shared(bad: Labels, probability: Values) -> Values:
    """For each row the bad rate of all rows of its probability: which of equals comes first makes no difference."""
    _, place = np.unique(probability, return_inverse=True)
    rates = np.bincount(place, weights=bad) / np.bincount(place)
    return np.asarray(rates[place])


def calibration_slope(bad: Labels, probability: Values, bins: int = 200, steps: int = 30) -> float:
    """Slope of a logistic regression of the outcome on the logit of the probability, over bins of equal count.

    1 for true probabilities, less where they are too far apart, 0 where they are all alike.
    """
    order = np.argsort(probability, kind="stable")
    counts = np.array([len(part) for part in np.array_split(order, bins) if len(part)])
    ends = np.cumsum(counts) - counts
    chance = np.clip(np.add.reduceat(probability[order], ends) / counts, 1e-9, 1 - 1e-9)
    bads = np.add.reduceat(_shared(bad, probability)[order], ends)
    logit = np.log(chance / (1 - chance))
    if np.ptp(logit) < 1e-3:
        return 0.0
    design = np.column_stack([logit, np.ones_like(logit)])
    weights = np.array([1.0, 0.0])
    for _ in range(steps):
        expected = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        curvature = (design * (counts * expected * (1 - expected))[:, None]).T @ design
        step = np.linalg.solve(curvature + 1e-9 * np.eye(2), design.T @ (bads - counts * expected))
        weights += np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-8:
            break
    return float(weights[0])


def auc_by_chance(bads: int, goods: int) -> float:
    """The AUC that a ranking without any knowledge exceeds in one of forty tests of this number of rows."""
    return float(0.5 + 1.96 * np.sqrt((bads + goods + 1) / (12 * bads * goods)))
