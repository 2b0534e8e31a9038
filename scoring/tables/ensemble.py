"""The champion of a table: trees by the best recipe, blended only where a blend is proved, then calibrated.

Everything is chosen by cross-validation on the rows it is given; a caller keeps its test rows to itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring.calibration import Calibration, fit_calibration
from scoring.tables.encoding import Encoding, Matrix
from scoring.tables.learners import PENALTIES, RECIPES, Logistic, Model, Network, Trees
from scoring.tables.table import Table
from scoring.training.checkpoint import Checkpoint
from scoring.training.gate import CHAMPION, Gate, Labels, Logits, aucs, blend, judge, stratified

LEARNERS: Final = (CHAMPION, "network", "logistic")

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
    """For the trees; 0 takes all cores."""

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
    """Calibrated probabilities of the training rows, each by models that had not seen the row."""

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
    encoding = Encoding.fit(table)
    matrix, bad = encoding.matrix(table), table.bad
    fold = stratified(bad, plan.folds, plan.seed)
    held_out = _held_out(matrix, bad, fold, plan, progress, reached)
    recipe = _best(held_out, [f"trees:{name}" for name in plan.recipes], bad, fold)
    chosen = {"trees": held_out[f"trees:{recipe}"]}
    penalty = 0
    if plan.blend:
        penalty = int(_best(held_out, [f"logistic:{n}" for n in range(len(PENALTIES))], bad, fold))
        chosen |= {"network": held_out["network"], "logistic": held_out[f"logistic:{penalty}"]}
    gate = judge(chosen, bad, fold) if plan.blend else None
    weights = gate.weights if gate else dict(ALONE)
    models: dict[str, Model] = {}
    for name, weight in weights.items():
        if weight:
            models[name] = _fit_one(f"{name}:{recipe if name == 'trees' else penalty}", matrix, bad, plan)
    progress("champion")
    held_out_logits = blend(weights, chosen)
    calibration = fit_calibration(held_out_logits, bad)
    held = calibration.probabilities(held_out_logits)
    return Champion(encoding, models, weights, calibration, recipe, gate, held)


def _held_out(
    matrix: Matrix,
    bad: Labels,
    fold: NDArray[np.intp],
    plan: Plan,
    progress: Progress,
    reached: Checkpoint | None,
) -> dict[str, Logits]:
    """Logits of every candidate for every row, by models that have not seen the row."""
    names = [f"trees:{name}" for name in plan.recipes]
    if plan.blend:
        names += ["network", *(f"logistic:{number}" for number in range(len(PENALTIES)))]
    found = {name: np.empty(len(bad)) for name in names}
    for number in range(plan.folds):
        inside = fold != number

        def of_fold(inside: NDArray[np.bool_] = inside) -> dict[str, Logits]:
            models = {name: _fit_one(name, matrix[inside], bad[inside], plan) for name in names}
            return {name: model.logits(matrix[~inside]) for name, model in models.items()}

        logits = reached.arrays(f"fold-{number + 1}", of_fold) if reached else of_fold()
        for name in names:
            found[name][~inside] = logits[name]
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
    best = max(names, key=lambda name: float(np.mean(aucs(held_out[name], bad, fold))))
    return best.partition(":")[2]
