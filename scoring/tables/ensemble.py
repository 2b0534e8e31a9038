"""The champion of a table: trees by the best recipe, blended only where a blend is proved, then calibrated.

Everything is chosen by cross-validation on the rows it is given; a caller keeps its test rows to itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring import metrics
from scoring.calibration import Platt
from scoring.tables.encoding import Encoding, Matrix
from scoring.tables.learners import PENALTIES, RECIPES, Labels, Logistic, Logits, Model, Network, Trees
from scoring.tables.table import Table

LEARNERS: Final = ("trees", "network", "logistic")
STEP: Final = 0.1
"""Blends are tried in steps of this weight."""

Progress = Callable[[str], None]
Weights = tuple[float, float, float]
ALONE: Final[Weights] = (1.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Plan:
    """What may be chosen from: ``recipes`` of trees, and whether a blend is looked for at all."""

    recipes: tuple[str, ...] = tuple(RECIPES)
    blend: bool = True
    seed: int = 42
    folds: int = 5
    """Of the cross-validation by which everything is chosen."""
    threads: int = 0
    """For the trees; 0 takes all cores."""

    @property
    def steps(self) -> int:
        """How often `fit` reports progress."""
        return self.folds + 1


@dataclass(frozen=True, slots=True)
class Gate:
    """How the blend was judged: mean AUC of trees alone, gain of the best blend, and its standard error by folds."""

    trees_auc: float
    logistic_auc: float
    best: Weights
    gain: float
    standard_error: float

    @property
    def passed(self) -> bool:
        """Whether the gain is more than one standard error of the paired folds."""
        return self.gain > self.standard_error

    def as_json(self) -> dict[str, Any]:
        return {
            "trees_auc": round(self.trees_auc, 4),
            "logistic_auc": round(self.logistic_auc, 4),
            "best_weights": dict(zip(LEARNERS, self.best, strict=True)),
            "gain": round(self.gain, 5),
            "standard_error": round(self.standard_error, 5),
            "passed": self.passed,
        }


@dataclass(frozen=True, slots=True)
class Champion:
    """A fitted table model: logits are the weighted sum of its learners', the probability is calibrated."""

    encoding: Encoding
    models: Mapping[str, Model]
    weights: Weights
    platt: Platt
    recipe: str
    gate: Gate | None
    held_out: NDArray[np.float64]
    """Calibrated probabilities of the training rows, each by models that had not seen the row."""

    def logits(self, table: Table) -> Logits:
        """Blended logits before calibration, shape (rows,)."""
        matrix = self.encoding.matrix(table)
        return blend(self.weights, {name: model.logits(matrix) for name, model in self.models.items()})

    def probabilities(self, table: Table) -> NDArray[np.float64]:
        """Calibrated probability of the bad outcome, shape (rows,)."""
        return calibrated(self.platt, self.logits(table))


def fit(table: Table, plan: Plan, progress: Progress = lambda step: None) -> Champion:
    """Chooses and fits on the rows of ``table``. Raises `TableInvalid`, `TrainingUnavailable`."""
    encoding = Encoding.fit(table)
    matrix, bad = encoding.matrix(table), table.bad
    fold = stratified(bad, plan.folds, plan.seed)
    held_out = _held_out(matrix, bad, fold, plan, progress)
    recipe = _best(held_out, [f"trees:{name}" for name in plan.recipes], bad, fold)
    chosen = {"trees": held_out[f"trees:{recipe}"]}
    penalty = 0
    if plan.blend:
        penalty = int(_best(held_out, [f"logistic:{n}" for n in range(len(PENALTIES))], bad, fold))
        chosen |= {"network": held_out["network"], "logistic": held_out[f"logistic:{penalty}"]}
    gate = _judge(chosen, bad, fold) if plan.blend else None
    weights = gate.best if gate and gate.passed else ALONE
    models: dict[str, Model] = {}
    for name, weight in zip(LEARNERS, weights, strict=True):
        if weight:
            models[name] = _fit_one(f"{name}:{recipe if name == 'trees' else penalty}", matrix, bad, plan)
    progress("champion")
    held_out_logits = blend(weights, chosen)
    platt = Platt.fit(held_out_logits, bad)
    return Champion(encoding, models, weights, platt, recipe, gate, calibrated(platt, held_out_logits))


def calibrated(platt: Platt, logits: Logits) -> NDArray[np.float64]:
    """Probabilities of calibrated logits."""
    return np.asarray(1 / (1 + np.exp(-(platt.slope * logits + platt.intercept))))


def stratified(bad: Labels, folds: int, seed: int) -> NDArray[np.intp]:
    """A fold number for each row, shuffled, with the bad rows spread evenly."""
    random = np.random.default_rng(seed)
    fold = np.empty(len(bad), dtype=np.intp)
    for outcome in (True, False):
        rows = random.permutation(np.flatnonzero(bad == outcome))
        fold[rows] = np.arange(len(rows)) % folds
    return fold


def _held_out(
    matrix: Matrix, bad: Labels, fold: NDArray[np.intp], plan: Plan, progress: Progress
) -> dict[str, Logits]:
    """Logits of every candidate for every row, by models that have not seen the row."""
    names = [f"trees:{name}" for name in plan.recipes]
    if plan.blend:
        names += ["network", *(f"logistic:{number}" for number in range(len(PENALTIES)))]
    found = {name: np.empty(len(bad)) for name in names}
    for number in range(plan.folds):
        inside = fold != number
        for name in names:
            model = _fit_one(name, matrix[inside], bad[inside], plan)
            found[name][~inside] = model.logits(matrix[~inside])
        progress(f"fold {number + 1}")
    return found


def _fit_one(name: str, matrix: Matrix, bad: Labels, plan: Plan) -> Model:
    kind, _, which = name.partition(":")
    if kind == "trees":
        return Trees.fit(matrix, bad, recipe=which, seed=plan.seed, threads=plan.threads)
    if kind == "network":
        return Network.fit(matrix, bad, seed=plan.seed)
    inputs, penalty = PENALTIES[int(which)]
    return Logistic.fit(matrix, bad, inputs=inputs, penalty=penalty)


def _best(held_out: Mapping[str, Logits], names: list[str], bad: Labels, fold: NDArray[np.intp]) -> str:
    """The name after the colon of the candidate with the highest mean AUC."""
    best = max(names, key=lambda name: float(np.mean(_aucs(held_out[name], bad, fold))))
    return best.partition(":")[2]


def _judge(chosen: Mapping[str, Logits], bad: Labels, fold: NDArray[np.intp]) -> Gate:
    trees = _aucs(chosen["trees"], bad, fold)
    judged = [(float(np.mean(_aucs(blend(weights, chosen), bad, fold))), weights) for weights in _grid()]
    _, best = max(judged)
    gains = _aucs(blend(best, chosen), bad, fold) - trees
    return Gate(
        trees_auc=float(trees.mean()),
        logistic_auc=float(_aucs(chosen["logistic"], bad, fold).mean()),
        best=best,
        gain=float(gains.mean()),
        standard_error=float(gains.std(ddof=1) / np.sqrt(len(gains))),
    )


def _grid() -> Iterator[Weights]:
    parts = round(1 / STEP)
    for trees, network in itertools.product(range(parts + 1), repeat=2):
        if trees + network <= parts:
            yield (trees / parts, network / parts, (parts - trees - network) / parts)


def blend(weights: Sequence[float], logits: Mapping[str, Logits]) -> Logits:
    """The weighted sum of the logits of those learners that have a weight."""
    return np.asarray(sum(w * logits[name] for name, w in zip(LEARNERS, weights, strict=True) if w))


def _aucs(logits: Logits, bad: Labels, fold: NDArray[np.intp]) -> NDArray[np.float64]:
    numbers = range(int(fold.max()) + 1)
    return np.array([metrics.area_under_curve(bad[fold == n], logits[fold == n]) for n in numbers])
