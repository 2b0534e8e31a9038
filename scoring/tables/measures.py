"""The figures of one test: ranking, calibration, what approving the best share leaves, and groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring import metrics
from scoring.errors import TableInvalid
from scoring.tables.table import Column, Table

Labels = NDArray[np.bool_]
Values = NDArray[np.float64]

APPROVED_PERCENTS: Final = (50, 60, 70, 80, 90)
DRAWS: Final = 200
SINGLE: Final[dict[str, Callable[[Labels, Values], float]]] = {
    "auc": metrics.area_under_curve,
    "ks": metrics.kolmogorov_smirnov,
    "average_precision": metrics.average_precision,
    "recall_at_fpr_1": lambda bad, p: metrics.recall_at(bad, p, 0.01),
    "recall_at_fpr_5": lambda bad, p: metrics.recall_at(bad, p, 0.05),
    "brier": metrics.brier,
    "mean_predicted": lambda bad, p: float(p.mean()),
    "observed": lambda bad, p: float(bad.mean()),
    "calibration_slope": metrics.calibration_slope,
    "ece": metrics.expected_calibration_error,
    "ece_by_chance": lambda bad, p: metrics.calibration_error_by_chance(p),
}


def figures(bad: Labels, probability: Values) -> dict[str, float]:
    """Every figure of one test, flat: ``bad_rate_ratio`` for each percent approved is named ``bad_rate_ratio.70``."""
    found = {name: measure(bad, probability) for name, measure in SINGLE.items()}
    for percent in APPROVED_PERCENTS:
        found[f"bad_rate_ratio.{percent}"] = metrics.bad_rate_ratio(bad, probability, percent / 100)
    return found


def over_folds(rows: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Means over the folds, each with the interval of 95 % that Student's t gives for so few folds."""
    t = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}
    told: dict[str, Any] = {}
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        half = t.get(len(values), 1.96) * values.std(ddof=1) / np.sqrt(len(values))
        _tell(told, name, float(values.mean()), (float(values.mean() - half), float(values.mean() + half)))
    return told


def with_bootstrap(bad: Labels, probability: Values, seed: int) -> dict[str, Any]:
    """Figures of one test set, each with the 95 % interval over ``draws`` of the rows, good and bad separately."""
    random = np.random.default_rng(seed)
    parts = (np.flatnonzero(bad), np.flatnonzero(~bad))
    draws = []
    for _ in range(DRAWS):
        rows = np.concatenate([random.choice(part, len(part)) for part in parts])
        draws.append(figures(bad[rows], probability[rows]))
    told: dict[str, Any] = {}
    for name, value in figures(bad, probability).items():
        low, high = np.quantile([draw[name] for draw in draws], (0.025, 0.975))
        _tell(told, name, value, (float(low), float(high)))
    return told


def by_group(
    bad: Labels, probability: Values, column: Column, approved: float = 0.7
) -> dict[str, dict[str, float]]:
    """For each value of a column: rows, bad rate, mean probability, and the share approved when the best are."""
    best = np.argsort(probability, kind="stable")[: round(approved * len(bad))]
    taken = np.zeros(len(bad), dtype=bool)
    taken[best] = True
    words = np.array(
        column if isinstance(column, tuple) else [str(value).removesuffix(".0") for value in column.tolist()]
    )
    told = {}
    for word in sorted(set(words.tolist())):
        rows = words == word
        told[word] = {
            "rows": int(rows.sum()),
            "bad_rate": round(float(bad[rows].mean()), 4),
            "mean_probability": round(float(probability[rows].mean()), 4),
            "approved": round(float(taken[rows].mean()), 4),
        }
    return told


def by_groups(
    table: Table, probability: Values, names: Sequence[str]
) -> dict[str, dict[str, dict[str, float]]]:
    """``by_group`` for each of the named columns. Raises ``TableInvalid`` for a column that is not there."""
    if missing := [name for name in names if name not in table.columns]:
        raise TableInvalid(f"there is no column {missing[0]!r}; there are: {', '.join(table.columns)}")
    return {name: by_group(table.bad, probability, table.columns[name]) for name in names}


def card_precision(
    bad: Labels, probability: Values, days: NDArray[np.intp], cards: NDArray[np.int64], alerts: int = 100
) -> float:
    """Mean over the days of how many of the ``alerts`` riskiest cards of the day were used for a fraud that day.

    A card that was found is looked at no more (the fraud detection handbook's card precision).
    """
    found = np.empty(0, dtype=cards.dtype)
    shares = []
    for day in np.unique(days):
        rows = np.flatnonzero((days == day) & ~np.isin(cards, found))
        names, first, place = np.unique(cards[rows], return_index=True, return_inverse=True)
        worst = np.zeros(len(names))
        np.maximum.at(worst, place, probability[rows])
        looked_at = names[np.lexsort((first, -worst))[:alerts]]
        caught = np.intersect1d(looked_at, cards[rows][bad[rows]])
        found = np.append(found, caught)
        shares.append(len(caught) / alerts)
    return float(np.mean(shares))


def _tell(told: dict[str, Any], name: str, value: float, interval: tuple[float, float]) -> None:
    name, _, percent = name.partition(".")
    ends = [round(end, 4) for end in interval]
    if percent:
        told.setdefault(name, {})[percent] = round(value, 4)
        told.setdefault(f"{name}_ci", {})[percent] = ends
    else:
        told[name], told[f"{name}_ci"] = round(value, 4), ends
