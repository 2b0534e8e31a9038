"""How a table is split into what is learned from and what is tested on: by shuffled folds, or by time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring import metrics
from scoring.errors import TableInvalid
from scoring.tables import ensemble, measures
from scoring.tables.bundle import TableModel
from scoring.tables.encoding import MOST_EXAMPLES
from scoring.tables.ensemble import Plan, Progress
from scoring.tables.table import Table
from scoring.training.gate import stratified

FIRST_SERIAL: Final = 20_000
LAST_SERIAL: Final = 80_000
"""Day numbers of a spreadsheet from 1954 to 2119; seconds of so few hours cannot be tested by days."""
FIRST_MILLISECOND: Final = 1e11
"""Larger numbers are milliseconds since 1970."""


@dataclass(frozen=True, slots=True)
class TimeSplit:
    """Learn from the first days, wait until their labels are known, test on the days after.

    ``card`` names the column of whose transactions are left out once a fraud of theirs is known, ``column`` the time.
    """

    column: str
    train_days: int = 7
    delay_days: int = 7
    test_days: int = 7
    card: str | None = None


def cross_validated(
    table: Table,
    plan: Plan,
    folds: int,
    *,
    groups: Sequence[str] = (),
    progress: Progress = lambda step: None,
) -> dict[str, Any]:
    """Stratified, shuffled folds; in each, everything is chosen on the other folds. Means with intervals.

    ``groups`` are columns excluded from every model and by which approval is compared.
    """
    seen = table.without(groups)
    fold = stratified(table.bad, folds, plan.seed)
    rows, champions = [], []
    held_out = np.empty(len(table))
    unseen = []
    for number in range(folds):
        champion = ensemble.fit(seen.rows(fold != number), plan, progress)
        held_out[fold == number] = champion.probabilities(seen.rows(fold == number))
        rows.append(measures.figures(table.bad[fold == number], held_out[fold == number]))
        unseen.append(champion.encoding.unseen(seen.rows(fold == number)))
        champions.append(champion)
    told = measures.over_folds(rows)
    told["groups"] = measures.by_groups(table, held_out, groups)
    told["unseen"] = summed(unseen)
    told["chosen"] = [champion.chosen() for champion in champions]
    return {**_counted(table.bad), "bad_rate": round(float(table.bad.mean()), 4), "folds": folds, **told}


def _counted(bad: NDArray[np.bool_]) -> dict[str, int]:
    return {"rows": len(bad), "bad_rows": int(bad.sum())}


def split_by_time(
    table: Table,
    plan: Plan,
    split: TimeSplit,
    *,
    groups: Sequence[str] = (),
    progress: Progress = lambda step: None,
) -> dict[str, Any]:
    """One split by time; figures with bootstrapped intervals, and precision of daily alerts where a card is named.

    ``groups`` are columns excluded from every model and by which approval is compared.
    """
    day = _days(table, split.column)
    learned = day < split.train_days
    tested, cards = _test_rows(table, split, day)
    seen = table.without({*groups, split.column, *([split.card] if split.card else [])})
    champion = ensemble.fit(seen.rows(learned), plan, progress)
    bad, probability = table.bad[tested], champion.probabilities(seen.rows(tested))
    told = measures.with_bootstrap(bad, probability, plan.seed)
    if cards is not None:
        told |= _card_precision(bad, probability, day[tested], cards[tested], plan.seed)
    return {
        "learned_rows": int(learned.sum()),
        **_counted(bad),
        "bad_rate": round(float(bad.mean()), 5),
        **told,
        "groups": measures.by_groups(table.rows(tested), probability, groups),
        "unseen": champion.encoding.unseen(seen.rows(tested)),
        "chosen": [champion.chosen()],
    }


def of_bundle(
    model: TableModel,
    table: Table,
    *,
    time: str | None = None,
    card: str | None = None,
    groups: Sequence[str] = (),
    seed: int,
) -> dict[str, Any]:
    """Every row tested by a trained model; with ``time`` and ``card`` also the precision of daily alerts."""
    probability = model.probabilities(table)
    told = measures.with_bootstrap(table.bad, probability, seed)
    if card is not None and time is not None:
        told |= _card_precision(table.bad, probability, _days(table, time), _cards(table, card), seed)
    told["groups"] = measures.by_groups(table, probability, groups)
    told["unseen"] = model.encoding.unseen(table)
    return {"model": model.name, **_counted(table.bad), "bad_rate": round(float(table.bad.mean()), 4), **told}


def no_better_than_chance(auc: float, rows: int, bads: int) -> str:
    """The sentence about a model whose ranking of these rows says nothing; nothing about any other."""
    by_chance = metrics.auc_by_chance(bads, rows - bads)
    if auc > by_chance:
        return ""
    return (
        f"the model is not usable: on rows that it had not seen its AUC is {auc:.3f}, and {by_chance:.3f} is still "
        f"reached by chance with {bads} bad rows of {rows}."
    )


def summed(folds: Sequence[Mapping[str, Mapping[str, Any]]]) -> dict[str, dict[str, Any]]:
    """What each fold had not seen in its training (``Encoding.unseen``), counted over all folds."""
    told: dict[str, dict[str, Any]] = {}
    for fold in folds:
        for name, counts in fold.items():
            row = told.setdefault(name, {})
            for kind in ("gaps", "words"):
                if kind in counts:
                    row[kind] = row.get(kind, 0) + counts[kind]
            if "examples" in counts:
                examples = dict.fromkeys([*row.get("examples", []), *counts["examples"]])
                row["examples"] = list(examples)[:MOST_EXAMPLES]
    return told


def _card_precision(
    bad: NDArray[np.bool_],
    probability: NDArray[np.float64],
    day: NDArray[np.intp],
    cards: NDArray[np.int64],
    seed: int,
) -> dict[str, Any]:
    return {
        "card_precision_100": round(measures.card_precision(bad, probability, day, cards), 4),
        "card_precision_100_ci": _over_days(bad, probability, day, cards, seed),
    }


def _cards(table: Table, name: str) -> NDArray[np.int64]:
    column = table.columns.get(name)
    if column is None:
        raise TableInvalid(f"there is no column {name!r}")
    return np.unique(np.array(column), return_inverse=True)[1].astype(np.int64)


def _test_rows(
    table: Table, split: TimeSplit, day: NDArray[np.intp]
) -> tuple[NDArray[np.bool_], NDArray[np.int64] | None]:
    first = split.train_days + split.delay_days
    tested = (day >= first) & (day < first + split.test_days)
    if not tested.any():
        raise TableInvalid(f"there are no rows in the tested days {first} to {first + split.test_days}")
    if split.card is None:
        return tested, None
    cards = _cards(table, split.card)
    known = set(cards[(day < split.train_days) & table.bad].tolist())
    for offset in range(split.test_days):
        # What is known on a test day: the frauds whose delay has passed by then.
        known |= set(cards[(day == split.train_days + offset - 1) & table.bad].tolist())
        today = day == first + offset
        tested &= ~(today & np.isin(cards, list(known)))
    return tested, cards


def _over_days(
    bad: NDArray[np.bool_],
    probability: NDArray[np.float64],
    day: NDArray[np.intp],
    cards: NDArray[np.int64],
    seed: int,
) -> list[float]:
    """The 95 % interval when cards are redrawn, each with all its rows."""
    random = np.random.default_rng(seed)
    every = np.unique(cards)
    place = np.argsort(cards, kind="stable")
    ends = np.searchsorted(cards[place], every, side="right")
    starts = np.searchsorted(cards[place], every, side="left")
    draws = []
    for _ in range(50):
        drawn = random.integers(len(every), size=len(every))
        rows = np.concatenate([place[starts[card] : ends[card]] for card in drawn])
        names = np.repeat(np.arange(len(drawn)), ends[drawn] - starts[drawn])
        draws.append(measures.card_precision(bad[rows], probability[rows], day[rows], names))
    return [round(float(end), 4) for end in np.quantile(draws, (0.025, 0.975))]


def _days(table: Table, name: str) -> NDArray[np.intp]:
    """Days since the first midnight, from a column of dates, of a spreadsheet's day numbers, or of seconds."""
    column = table.columns.get(name)
    if column is None:
        raise TableInvalid(f"there is no column {name!r}")
    if isinstance(column, np.ndarray):
        if np.isnan(column).any():
            raise TableInvalid(
                f"row {int(np.flatnonzero(np.isnan(column))[0]) + 1}, column {name!r}: no time"
            )
        if name in table.dates or (column.min() >= FIRST_SERIAL and column.max() < LAST_SERIAL):
            return np.asarray(np.floor(column) - np.floor(column.min()), dtype=np.intp)
        if column.min() >= FIRST_MILLISECOND:
            column = column / 1000
        return np.asarray(column // 86_400 - column.min() // 86_400, dtype=np.intp)
    try:
        moments = [datetime.fromisoformat(text) for text in column]
    except ValueError as problem:
        raise TableInvalid(
            f"the column {name!r} contains a time that is not ISO 8601: {problem}"
        ) from problem
    first = min(moments).replace(hour=0, minute=0, second=0, microsecond=0)
    return np.array([(moment - first) // timedelta(days=1) for moment in moments], dtype=np.intp)
