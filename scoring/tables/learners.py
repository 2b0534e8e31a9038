"""The three learners, each from inputs and labels to logits: boosted trees, logistic regression, a small network.

All take one seed and give the same answer for it. Trees are the champion; logistic regression is the permanent
challenger; the network joins only through the gate (``scoring.training.gate``).
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from scoring.errors import TrainingUnavailable
from scoring.forest import Attribution, with_exact_sums
from scoring.tables.encoding import Matrix, Row, Scaling
from scoring.training.gate import Labels, Logits

RECIPES: Final[dict[str, dict[str, Any]]] = {
    "plain": {
        "trees": 300, "max_depth": 4, "eta": 0.05, "subsample": 0.8, "colsample_bytree": 0.8, "min_child_weight": 5,
    },
    "steady": {
        "trees": 700, "max_depth": 4, "eta": 0.02, "subsample": 0.6, "colsample_bytree": 0.4, "min_child_weight": 20,
        "reg_lambda": 5,
    },
    "shallow": {
        "trees": 800, "max_depth": 2, "eta": 0.03, "subsample": 0.6, "colsample_bytree": 0.4, "min_child_weight": 5,
        "reg_lambda": 2,
    },
    "deep": {
        "trees": 500, "max_depth": 5, "eta": 0.02, "subsample": 0.5, "colsample_bytree": 0.3, "min_child_weight": 30,
        "reg_lambda": 10,
    },
}  # fmt: skip
"""Recipes of boosted trees, of which cross-validation on the training rows chooses one."""
PENALTIES: Final = (("standard", 300.0), ("standard", 50.0), ("both", 50.0), ("both", 5.0))
"""Logistic regressions to choose from: which inputs, and the weight of the squared coefficients."""
SMALL: Final = 500_000
"""Up to this number of cells one thread is as fast as several, which wait for each other on a busy machine."""
HIDDEN: Final = 32
NETWORKS: Final = 3


class Model(Protocol):
    """A fitted learner that ranks rows."""

    def logits(self, matrix: Matrix) -> Logits:
        """Log-odds of the bad outcome, shape (rows,)."""
        ...


@dataclass(frozen=True, slots=True)
class Trees:
    """Boosted trees, as the training library holds them."""

    recipe: str
    booster: Any

    @classmethod
    def fit(
        cls,
        matrix: Matrix,
        bad: Labels,
        *,
        recipe: str,
        seed: int,
        threads: int = 0,
        monotone: Sequence[int] = (),
    ) -> Trees:
        """Fit by a recipe of ``RECIPES``; ``threads`` 0 takes all processors, the seed makes it repeatable.

        ``monotone`` has for each input 1 where the risk may only rise with it, -1 where it may only fall, else 0.
        """
        xgboost = training_library()
        parameters: dict[str, Any] = {
            "objective": "binary:logistic",
            "tree_method": "hist",
            "nthread": threads or (processors() if matrix.size > SMALL else 1),
            "verbosity": 0,
            "seed": seed,
            "base_score": round(float(bad.mean()), 6),
            **({"monotone_constraints": tuple(monotone)} if any(monotone) else {}),
            **RECIPES[recipe],
        }
        rounds = int(parameters.pop("trees"))
        grown = xgboost.train(parameters, xgboost.DMatrix(matrix, label=bad), rounds)
        booster = xgboost.Booster()
        booster.load_model(bytearray(with_exact_sums(bytes(grown.save_raw("json")))))
        return cls(recipe, booster)

    def logits(self, matrix: Matrix) -> Logits:
        """Margins of the booster, before any calibration."""
        found = self.booster.predict(training_library().DMatrix(matrix), output_margin=True)
        return np.asarray(found, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Logistic:
    """Logistic regression with squared penalty, by Newton's method."""

    scaling: Scaling
    weights: NDArray[np.float64]
    """One for each scaled input, 0 where it is not used; then the intercept."""

    @classmethod
    def fit(cls, matrix: Matrix, bad: Labels, *, inputs: str, penalty: float, steps: int = 30) -> Logistic:
        """Fit on standard or all inputs; ``penalty`` weighs the squares, but not the intercept's."""
        scaling = Scaling.fit(matrix)
        used = np.arange(matrix.shape[1] if inputs == "standard" else scaling.width)
        design = np.column_stack([scaling.apply(matrix)[:, used], np.ones(len(matrix))])
        fine = np.append(np.full(len(used), penalty), 1e-6)
        weights = np.zeros(len(fine))
        for _ in range(steps):
            expected = 1 / (1 + np.exp(-design @ weights))
            gradient = design.T @ (bad - expected) - fine * weights
            curvature = (design * (expected * (1 - expected))[:, None]).T @ design
            curvature[np.diag_indices_from(curvature)] += fine
            step = np.linalg.solve(curvature, gradient)
            weights += step
            if np.abs(step).max() < 1e-8:
                break
        full = np.zeros(scaling.width + 1)
        full[used], full[-1] = weights[:-1], weights[-1]
        return cls(scaling, full)

    def logits(self, matrix: Matrix) -> Logits:
        """Weighted sums of the scaled inputs."""
        return np.asarray(self.scaling.apply(matrix) @ self.weights[:-1] + self.weights[-1])

    def contributions(self, row: Row) -> Attribution:
        """Of one row of shape (inputs,), from the middle of the training rows; exact."""
        moved = self.scaling.apply(row[None])[0] * self.weights[:-1]
        return Attribution(float(self.weights[-1]), self.scaling.by_input(moved))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """For storage."""
        return {"weights": self.weights, **self.scaling.arrays()}

    @classmethod
    def from_arrays(cls, stored: dict[str, NDArray[Any]]) -> Logistic:
        """The model that a bundle's arrays hold."""
        return cls(Scaling.from_arrays(stored), stored["weights"])


@dataclass(frozen=True, slots=True)
class Network:
    """The mean, in logits, of small networks with one hidden layer, which is again one such network."""

    scaling: Scaling
    inner: NDArray[np.float64]
    inner_bias: NDArray[np.float64]
    outer: NDArray[np.float64]
    outer_bias: float

    @classmethod
    def fit(cls, matrix: Matrix, bad: Labels, *, seed: int) -> Network:
        """Fit ``NETWORKS`` networks from different seeds and put them side by side."""
        classifier = _network_library()
        scaling = Scaling.fit(matrix)
        design = scaling.apply(matrix)
        small = len(matrix) < 5_000
        fitted = []
        for number in range(NETWORKS):
            network = classifier(
                (HIDDEN,),
                alpha=1.0 if small or bad.sum() < 1_000 else 0.03,
                learning_rate_init=2e-3,
                batch_size=64 if small else 256,
                early_stopping=True,
                n_iter_no_change=8,
                max_iter=80,
                random_state=seed + number,
            )
            with warnings.catch_warnings():
                warnings.simplefilter(
                    "ignore"
                )  # it says when 80 rounds were not enough; the gate judges that
                fitted.append(network.fit(design, bad))
        return cls(
            scaling,
            np.hstack([network.coefs_[0] for network in fitted]),
            np.concatenate([network.intercepts_[0] for network in fitted]),
            np.concatenate([network.coefs_[1][:, 0] for network in fitted]) / NETWORKS,
            float(np.mean([network.intercepts_[1][0] for network in fitted])),
        )

    def logits(self, matrix: Matrix) -> Logits:
        """One hidden layer of all networks, averaged by the outer weights."""
        hidden = np.maximum(self.scaling.apply(matrix) @ self.inner + self.inner_bias, 0)
        return np.asarray(hidden @ self.outer + self.outer_bias)

    def contributions(self, row: Row) -> Attribution:
        """Of one row of shape (inputs,): Aumann-Shapley values from the middle of the training rows.

        On the straight way there a hidden unit is a line in the share t of the way, so the part of the way on which it
        is above zero has a closed form, and the values add up exactly.
        """
        inputs = self.scaling.apply(row[None])[0]
        start, slope = self.inner_bias, inputs @ self.inner
        with np.errstate(divide="ignore", invalid="ignore"):
            crossing = np.clip(np.where(slope == 0, 0.0, -start / slope), 0, 1)
        active = np.where(slope > 0, 1 - crossing, np.where(slope < 0, crossing, start > 0))
        moved = inputs * (self.inner @ (active * self.outer))
        middle = float(np.maximum(start, 0) @ self.outer) + self.outer_bias
        return Attribution(middle, self.scaling.by_input(moved))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """For storage."""
        return {
            "inner": self.inner,
            "inner_bias": self.inner_bias,
            "outer": self.outer,
            "outer_bias": np.array([self.outer_bias]),
            **self.scaling.arrays(),
        }

    @classmethod
    def from_arrays(cls, stored: dict[str, NDArray[Any]]) -> Network:
        """The network that a bundle's arrays hold."""
        outer_bias = float(stored["outer_bias"][0])
        return cls(
            Scaling.from_arrays(stored), stored["inner"], stored["inner_bias"], stored["outer"], outer_bias
        )


def processors() -> int:
    """How many processors this process may use, by its affinity and the quota of its control group; at least 1."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text("ascii").split()
        return max(1, min(allowed, int(quota) // int(period)))
    except (OSError, ValueError):  # another system, or "max"
        return allowed


def training_library() -> Any:
    """The library xgboost, imported when first needed. Raises ``TrainingUnavailable``."""
    try:
        import xgboost  # noqa: PLC0415
    except ImportError as missing:
        raise TrainingUnavailable("training needs the package xgboost (extra 'train')") from missing
    return xgboost


def _network_library() -> Any:
    try:
        from sklearn.neural_network import MLPClassifier  # noqa: PLC0415
    except ImportError as missing:
        raise TrainingUnavailable("the network needs scikit-learn (extra 'train')") from missing
    return MLPClassifier
