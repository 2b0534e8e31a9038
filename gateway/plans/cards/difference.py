"""What a card changes, row by row: before, what is in force on its first day without it; after, what it says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

from gateway.plans.cards.content import Content, Row, span_of

Scope = tuple[Any, ...]
SAME, CHANGED, ADDED, REMOVED = "same", "changed", "added", "removed"


def between(before: Content, after: Content, first_day: date) -> list[dict[str, Any]]:
    """Every row of both, paired by term, category and lender, or by programme, and by order of their days.

    What begins before ``first_day`` counts from it on: what was in force earlier is not the card's matter.
    """
    return [
        *_paired(before.prices, after.prices, ("term", "category", "lender"), first_day),
        *_paired(before.programmes, after.programmes, ("subsidy_programme",), first_day),
    ]


def counted(rows: Sequence[Row]) -> dict[str, int]:
    """How many rows are the same, changed, added and removed."""
    return {kind: sum(row["change"] == kind for row in rows) for kind in (SAME, CHANGED, ADDED, REMOVED)}


def _paired(
    before: Sequence[Row], after: Sequence[Row], names: tuple[str, ...], first_day: date
) -> list[dict[str, Any]]:
    old, new = _by_scope(before, names, first_day), _by_scope(after, names, first_day)
    found = []
    for scope in sorted(old.keys() | new.keys(), key=str):
        for one, other in _matched(old[scope], new[scope]):
            change = SAME if one == other else ADDED if one is None else REMOVED if other is None else CHANGED
            found.append(
                {**dict(zip(names, scope, strict=True)), "change": change, "before": one, "after": other}
            )
    return found


def _matched(
    before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> list[tuple[dict[str, Any] | None, dict[str, Any] | None]]:
    same = [(row, row) for row in before if row in after]
    old, new = [row for row in before if row not in after], [row for row in after if row not in before]
    pairs = [*same, *zip(old, new, strict=False)]
    pairs += [(row, None) for row in old[len(new) :]]  # type: ignore[misc]
    pairs += [(None, row) for row in new[len(old) :]]  # type: ignore[misc]
    return pairs  # type: ignore[return-value]


def _by_scope(
    rows: Sequence[Row], names: tuple[str, ...], first_day: date
) -> defaultdict[Scope, list[dict[str, Any]]]:
    found: defaultdict[Scope, list[dict[str, Any]]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: span_of(row, first_day)[0]):
        begins, _ = span_of(row, first_day)
        shown = {name: value for name, value in row.items() if name not in names}
        if shown.get("annual_rate") is None and shown.get("fee_rate_total") is not None:
            shown["fee_timing"] = shown["fee_timing"] or "spread"  # what its absence means
        found[tuple(row[name] for name in names)].append(
            {**shown, "valid_from": max(begins, first_day).isoformat()}
        )
    return found
