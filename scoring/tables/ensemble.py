"""The champion of a table: trees by the best recipe, blended only where a blend is proved, then calibrated.

Everything is chosen by cross-validation on the rows it is given; a caller keeps its test rows to itself.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring.calibration import Calibration, Platt, fit_calibration
from scoring.errors import TableInvalid
from scoring.tables.encoding import Encoding, Matrix
from scoring.tables.learners import PENALTIES, RECIPES, Logistic, Model, Network, Trees
from scoring.tables.screening import screened
from scoring.tables.table import Table
from scoring.training.checkpoint import Checkpoint
from scoring.training.gate import CHAMPION, Gate, Labels, Logits, aucs, blend, judge, stratified

LEARNERS: Final = (CHAMPION, "network", "logistic")

FIRST: Final = ("shallow", "steady", "plain", "deep")
"""Recipes in the order in which a budget is spent."""
ORDER_ONLY: Final = 1e-6
"""Slope of a calibration that says nothing, but keeps the order of the rows."""

Progress = Callable[[str], None]
Weights = Mapping[str, float]
ALONE: Final[Weights] = {name: float(name == CHAMPION) for name in LEARNERS}


@dataclass(frozen=True, slots=True)
class Plan:
    """What may be chosen from: ``recipes`` of trees, and whether a blend is looked for at all."""

    recipes: tuple[str, ...] = tuple(RECIPES)
    blend: bool = True
    seed: int = 42
    folds: int = 5
    """Of the cross-validation by which everything is chosen."""
    threads: int = 0
    """For the trees; 0 takes all processors that the process may use."""
    monotone: tuple[tuple[str, int], ...] = ()
    """Columns with whose value the risk may only rise (1) or only fall (-1); then the trees stand alone."""
    special: tuple[float, ...] = ()
    """Codes in number columns that are not amounts, such as -9."""
    budget: float | None = None
    """Seconds for one search; candidates for which the time is not enough are left out, and told."""

    @property
    def steps(self) -> int:
        """How often ``fit`` reports progress."""
        return self.folds + 1


@dataclass(frozen=True, slots=True)
class Champion:
    """A fitted table model: logits are the weighted sum of its learners', the probability is calibrated."""

    encoding: Encoding
    models: Mapping[str, Model]
    weights: Weights
    calibration: Calibration
    recipe: str
    gate: Gate | None
    held_out: NDArray[np.float64]
    """Calibrated probabilities of the training rows, each by models and a calibration that had not seen the row."""
    not_tried: tuple[str, ...] = ()
    """Candidates that the budget left out."""
    screened: int = 0
    """Columns of a wide table that are not learned from."""

    def chosen(self) -> dict[str, Any]:
        """What was chosen and how, for a report."""
        told: dict[str, Any] = {"recipe": self.recipe, "weights": dict(self.weights)}
        if self.gate:
            told["gate"] = self.gate.as_json()
        if self.not_tried:
            told["not_tried"] = list(self.not_tried)
        if self.screened:
            told["columns_screened_out"] = self.screened
        return told

    def logits(self, table: Table) -> Logits:
        """Blended logits before calibration, shape (rows,)."""
        matrix = self.encoding.matrix(table)
        return blend(self.weights, {name: model.logits(matrix) for name, model in self.models.items()})

    def probabilities(self, table: Table) -> NDArray[np.float64]:
        """Calibrated probability of the bad outcome, shape (rows,)."""
        return self.calibration.probabilities(self.logits(table))


def fit(
    table: Table, plan: Plan, progress: Progress = lambda step: None, reached: Checkpoint | None = None
) -> Champion:
    """Choose and fit on the rows of ``table``. Raises ``TableInvalid``, ``TrainingUnavailable``.

    With ``reached``, folds that were done before an interruption are not done again.
    """
    bad = table.bad
    _enough(bad, plan.folds)
    encoding = Encoding.fit(table, plan.special)
    signs = _signs(encoding, plan)
    matrix = encoding.matrix(table)
    fold = stratified(bad, plan.folds, plan.seed)
    held_out = _held_out(_Rows(encoding, matrix, bad, signs), fold, plan, progress, reached)
    recipe = _best(held_out, "trees", bad, fold)
    chosen = {"trees": held_out[f"trees:{recipe}"]}
    penalty = _best(held_out, "logistic", bad, fold)
    if penalty:
        chosen["logistic"] = held_out[f"logistic:{penalty}"]
    if "network" in held_out:
        chosen["network"] = held_out["network"]
    gate = (
        judge({name: chosen[name] for name in LEARNERS if name in chosen}, bad, fold)
        if len(chosen) > 1
        else None
    )
    weights = {**dict.fromkeys(LEARNERS, 0.0), **(gate.weights if gate else ALONE)}
    narrow = encoding.only(screened(encoding, matrix, bad))
    rows = _Rows(encoding, matrix, bad, signs).of(narrow)
    models: dict[str, Model] = {}
    for name, weight in weights.items():
        if weight:
            models[name] = _fit_one(f"{name}:{recipe if name == 'trees' else penalty}", rows, plan)
    progress("champion")
    held_out_logits = blend(weights, chosen)
    return Champion(
        encoding=narrow,
        models=models,
        weights=weights,
        calibration=_calibrated(held_out_logits, bad),
        recipe=recipe,
        gate=gate,
        held_out=_cross_fitted(held_out_logits, bad, fold),
        not_tried=tuple(name for name in _candidates(plan) if name not in held_out),
        screened=len(encoding.used) - len(narrow.used),
    )


@dataclass(frozen=True, slots=True)
class _Rows:
    """What a learner is fitted on; ``signs`` has for each input its direction, or nothing where none is asked for."""

    encoding: Encoding
    matrix: Matrix
    bad: Labels
    signs: tuple[int, ...]

    def of(self, narrow: Encoding) -> _Rows:
        """Only the inputs of some columns."""
        kept = self.kept(narrow)
        if kept.all():
            return self
        signs = tuple(sign for sign, keep in zip(self.signs, kept, strict=False) if keep)
        return _Rows(narrow, self.matrix[:, kept], self.bad, signs)

    def kept(self, narrow: Encoding) -> NDArray[np.bool_]:
        """Which inputs belong to the columns of ``narrow``."""
        columns = frozenset(narrow.used)
        return np.array([name in columns for name in self.encoding.columns])

    def at(self, rows: NDArray[np.bool_]) -> _Rows:
        """Only some rows."""
        return _Rows(self.encoding, self.matrix[rows], self.bad[rows], self.signs)


def _held_out(
    rows: _Rows, fold: NDArray[np.intp], plan: Plan, progress: Progress, reached: Checkpoint | None
) -> dict[str, Logits]:
    """Logits of every candidate for every row, by models that have not seen the row.

    With a budget, the first fold tries candidates in turn until its share of the seconds is over; at least one.
    """
    names = _candidates(plan)
    found: dict[str, Logits] = {}
    share = plan.budget / (plan.folds + 1) if plan.budget else math.inf
    for number in range(plan.folds):
        inside = fold != number

        def of_fold(
            inside: NDArray[np.bool_] = inside, names: Sequence[str] = names, limit: float = share
        ) -> dict[str, Logits]:
            narrow = rows.encoding.only(screened(rows.encoding, rows.matrix[inside], rows.bad[inside]))
            learned = rows.at(inside).of(narrow)
            rest_of_rows = rows.matrix[~inside][:, rows.kept(narrow)]
            logits: dict[str, Logits] = {}
            begun = time.monotonic()
            for name in names:
                fitted = _fit_one(name, learned, plan).logits(rest_of_rows)
                if logits and time.monotonic() - begun > limit:
                    break
                logits[name] = fitted
            return logits

        logits = reached.arrays(f"fold-{number + 1}", of_fold) if reached else of_fold()
        names, share = [name for name in names if name in logits], math.inf
        for name in names:
            found.setdefault(name, np.empty(len(fold)))[~inside] = logits[name]
        progress(f"fold {number + 1}")
    return found


def _candidates(plan: Plan) -> list[str]:
    """In the order in which they are tried: those first that say most for their time."""
    trees = [f"trees:{name}" for name in sorted(plan.recipes, key=FIRST.index)]
    if not plan.blend or plan.monotone:
        return trees
    logistic = [f"logistic:{number}" for number in range(len(PENALTIES))]
    return [trees[0], *logistic, *trees[1:2], "network", *trees[2:]]


def _fit_one(name: str, rows: _Rows, plan: Plan) -> Model:
    kind, _, which = name.partition(":")
    if kind == "trees":
        return Trees.fit(
            rows.matrix, rows.bad, recipe=which, seed=plan.seed, threads=plan.threads, monotone=rows.signs
        )
    if kind == "network":
        return Network.fit(rows.matrix, rows.bad, seed=plan.seed)
    inputs, penalty = PENALTIES[int(which)]
    return Logistic.fit(rows.matrix, rows.bad, inputs=inputs, penalty=penalty)


def _best(held_out: Mapping[str, Logits], kind: str, bad: Labels, fold: NDArray[np.intp]) -> str:
    """The name after the colon of the candidate of a kind with the highest mean AUC; nothing without any."""
    names = sorted((name for name in held_out if name.startswith(f"{kind}:")), key=_in_order)
    best = max(names, key=lambda name: float(np.mean(aucs(held_out[name], bad, fold))), default="")
    return best.partition(":")[2]


def _in_order(name: str) -> int:
    """Equals are decided by the order of ``RECIPES`` and ``PENALTIES``."""
    which = name.partition(":")[2]
    return int(which) if which.isdigit() else list(RECIPES).index(which)


def _calibrated(logits: Logits, bad: Labels) -> Calibration:
    """A calibration; where logits do not rise with the bad rate, the rate of all, with the order of the rows kept."""
    try:
        return fit_calibration(logits, bad)
    except ValueError:
        rate = float(bad.mean())
        return Platt(ORDER_ONLY, math.log(rate / (1 - rate)))


def _cross_fitted(logits: Logits, bad: Labels, fold: NDArray[np.intp]) -> NDArray[np.float64]:
    """Probabilities of every row by a calibration that has not seen the row either."""
    found = np.empty(len(bad))
    for number in range(int(fold.max()) + 1):
        inside = fold != number
        found[~inside] = _calibrated(logits[inside], bad[inside]).probabilities(logits[~inside])
    return found


def _enough(bad: Labels, folds: int) -> None:
    for kind, count in (("bad", int(bad.sum())), ("good", int((~bad).sum()))):
        if count < 2 * folds:
            raise TableInvalid(
                f"{count} rows to learn from are {kind}; cross-validation needs at least {2 * folds} of each outcome"
            )


def _signs(encoding: Encoding, plan: Plan) -> tuple[int, ...]:
    """For each input the direction that ``plan.monotone`` asks for. Raises ``TableInvalid`` for no number column."""
    directions = dict(plan.monotone)
    if unknown := [name for name in directions if name not in encoding.numbers]:
        raise TableInvalid(f"--monotone: {unknown[0]!r} is not a number column that the model reads")
    return (
        tuple(directions.get(name, 0) if name in encoding.numbers else 0 for name in encoding.inputs)
        if directions
        else ()
    )
