"""What became of each column, for the reader of a report: its kind, its gaps, and what speaks against it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from scoring.metrics import area_under_curve
from scoring.tables.reading import Became
from scoring.tables.table import Column, Table

LEAK: Final = 0.98
"""A column that ranks the outcomes so well alone was most likely written after them."""
FEWEST_ROWS: Final = 50
IDENTIFIER_SHARE: Final = 0.95
MOST_LEVELS: Final = 60


def findings(table: Table, became: Mapping[str, Became]) -> dict[str, dict[str, Any]]:
    """For each column its kind and gaps, what was converted, and under ``warnings`` what speaks against it."""
    protected = table.protected
    told: dict[str, dict[str, Any]] = {}
    for name, column in table.columns.items():
        found = became.get(name, Became("words" if isinstance(column, tuple) else "numbers"))
        warnings = ["protected: must not decide about a person"] if name in protected else []
        if _distinct(column) <= 1:
            warnings.append("constant")
        elif _identifies(column):
            warnings.append("like an identifier: one value for each row")
        elif (auc := _alone(table, column)) >= LEAK:
            warnings.append(f"leaks the outcome: AUC {auc:.3f} alone")
        told[name] = {"kind": found.kind, "gaps": found.gaps, "converted": "; ".join(found.converted)}
        told[name]["warnings"] = warnings
    return told


def lines(told: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The findings as lines of text, and which columns to leave out with ``--drop``."""
    width = max((len(name) for name in told), default=0)
    found = []
    for name, row in told.items():
        gaps = f"{row['gaps']} gaps" if row["gaps"] else ""
        parts = [part for part in (gaps, row["converted"], *row["warnings"]) if part]
        found.append(f"{name.ljust(width)}  {row['kind']:7}  {'; '.join(parts)}".rstrip())
    if drop := [name for name, row in told.items() if row["warnings"]]:
        found.append(f"consider --drop {','.join(drop)}")
    return found


def _distinct(column: Column) -> int:
    if isinstance(column, tuple):
        return len(set(column))
    return len(np.unique(column[~np.isnan(column)]))


def _identifies(column: Column) -> bool:
    if len(column) < FEWEST_ROWS:
        return False
    if not isinstance(column, tuple):
        known = column[~np.isnan(column)]
        if not len(known) or (known != np.floor(known)).any():
            return False
        if ((known >= 13_000_000_000) & (known < 20_000_000_000)).mean() >= IDENTIFIER_SHARE:
            return True  # mobile phone numbers
        return len(known) == len(column) and len(np.unique(known)) == len(column) >= 4 * FEWEST_ROWS
    return len(set(column)) >= IDENTIFIER_SHARE * len(column)


def _alone(table: Table, column: Column) -> float:
    """The AUC of the column alone, in the better direction; for words, by the share of bad rows of each."""
    bad = table.bad
    if not bad.any() or bad.all():
        return 0.0
    if isinstance(column, tuple):
        words, place = np.unique(np.array(column), return_inverse=True)
        if len(words) > MOST_LEVELS:
            return 0.0
        return area_under_curve(bad, (np.bincount(place, weights=bad) / np.bincount(place))[place])
    known = ~np.isnan(column)
    found = [area_under_curve(bad, known.astype(np.float64))]
    if bad[known].any() and not bad[known].all():
        found.append(area_under_curve(bad[known], column[known]))
    return max(max(auc, 1 - auc) for auc in found)
