"""Which columns of a wide table are learned from: those that say most alone, found on the training rows only."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring.metrics import area_under_curve
from scoring.tables.encoding import Encoding, Matrix
from scoring.training.gate import Labels

MOST_INPUTS: Final = 200
"""A table with more inputs is screened: learners cost their number, and most of so many say nothing."""
MOST_ROWS: Final = 20_000
"""This number of rows, evenly spaced, are enough to rank columns."""


def screened(encoding: Encoding, matrix: Matrix, bad: Labels) -> frozenset[str]:
    """The columns with the best single inputs, as many as have at most ``MOST_INPUTS`` inputs together.

    An input is ranked by the distance of its AUC from a half, of its values or of its gaps. What acts only together
    with another column is not found this way.
    """
    names = np.array(encoding.columns)
    if len(names) <= MOST_INPUTS:
        return frozenset(names.tolist())
    rows = np.arange(len(bad))[:: max(1, len(bad) // MOST_ROWS)]
    strength: dict[str, float] = {}
    width: dict[str, int] = {}
    for name, column in zip(names.tolist(), matrix[rows].T, strict=True):
        strength[name] = max(strength.get(name, 0.0), _says(column, bad[rows]))
        width[name] = width.get(name, 0) + 1
    kept, inputs = list[str](), 0
    for name in sorted(strength, key=lambda name: -strength[name]):
        if inputs + width[name] <= MOST_INPUTS or not kept:
            kept.append(name)
            inputs += width[name]
    return frozenset(kept)


def _says(column: NDArray[np.float32], bad: Labels) -> float:
    known = ~np.isnan(column)
    found = [area_under_curve(bad, known.astype(np.float64))] if not known.all() else []
    if bad[known].any() and not bad[known].all():
        found.append(area_under_curve(bad[known], column[known].astype(np.float64)))
    return max((abs(auc - 0.5) for auc in found), default=0.0)
