"""Population stability index: how far a distribution has moved from its reference.

PSI = sum over bins of (share now - share then) * ln(share now / share then). From 0.10 on it is watched, from 0.25 on
it is an alarm: a convention of the industry, no law of nature. It says that inputs or scores look different, not that
the model is wrong. Under no change its mean is about (bins - 1) * (1 / n now + 1 / n then), so with few cases it is
not told at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

WATCH: Final = 0.10
ALARM: Final = 0.25
BINS: Final = 10
FEWEST: Final = 500
"""Cases below which nothing is told: chance alone would move the index by a fifth of the watch line."""
FLOOR: Final = 1e-4
"""Share that an empty bin counts as."""

Status = Literal["ok", "watch", "alarm", "too few"]
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference distribution: edges between the bins, shares of the bins, the last of them for missing values."""

    edges: tuple[float, ...]
    shares: tuple[float, ...]
    cases: int

    @classmethod
    def of(cls, values: Values) -> Reference:
        """Bins of equal count; a value that is frequent has a bin by itself. NaN is missing.

        The lowest bin holds what is below every value of the reference: a constant that falls has moved as far as one
        that rises. Raises ValueError without a value.
        """
        if not len(values):
            raise ValueError("a reference needs at least one value")
        known = values[~np.isnan(values)]
        parts = np.linspace(0, 1, BINS + 1)[1:-1]
        quantiles = np.quantile(known, parts, method="higher") if len(known) else known
        levels = np.unique(known)
        tops, times = np.unique(quantiles, return_counts=True)
        below = np.searchsorted(levels, tops) - 1
        # A value that fills a bin is cut off from those below it, so that it has the bin by itself.
        alone = levels[below[(below >= 0) & ((times > 1) | (tops == levels[-1:]))]] if len(known) else known
        below_all = np.nextafter(levels[:1], -np.inf)
        edges = tuple(float(edge) for edge in np.unique(np.concatenate([below_all, tops, alone])))
        return cls(edges, tuple(_shares(edges, values).tolist()), len(values))

    def index(self, values: Values) -> Drift:
        """How far ``values`` have moved from the reference."""
        if min(len(values), self.cases) < FEWEST:
            return Drift(None, "too few", len(values))
        now, then = np.maximum(_shares(self.edges, values), FLOOR), np.maximum(self.shares, FLOOR)
        found = float(((now - then) * np.log(now / then)).sum())
        return Drift(found, "alarm" if found >= ALARM else "watch" if found >= WATCH else "ok", len(values))

    def as_json(self) -> dict[str, Any]:
        """For storage."""
        return {"edges": list(self.edges), "shares": list(self.shares), "cases": self.cases}


@dataclass(frozen=True, slots=True)
class Drift:
    """The index, None with too few cases; what it means; and of how many cases it is."""

    psi: float | None
    status: Status
    cases: int

    def as_json(self) -> dict[str, Any]:
        """For a report."""
        return {
            "psi": None if self.psi is None else round(self.psi, 4),
            "status": self.status,
            "cases": self.cases,
        }


def _shares(edges: tuple[float, ...], values: Values) -> NDArray[np.float64]:
    """Share of each bin; a bin takes its upper edge. The last bin is for missing values."""
    missing = np.isnan(values)
    place = np.where(missing, len(edges) + 1, np.searchsorted(edges, values, side="left"))
    counted = np.bincount(place, minlength=len(edges) + 2)
    return np.asarray(counted / max(1, len(values)))
