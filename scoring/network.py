"""A small neural network that keeps the same monotone directions as the trees.

One hidden layer of tanh and a straight path beside it. For an input whose direction is known every weight from it
to the answer has that sign, so the answer can only move that way (Sill 1998, "Monotonic Networks"). Each feature
enters twice, as it is and as its logarithm, standardised; a gap enters as a flag and otherwise as the mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring.forest import Attribution

Rows = NDArray[np.float32]
Array = NDArray[np.float64]

HIDDEN: Final = 12
EPOCHS: Final = 24
BATCH: Final = 512
RATE: Final = 0.004
DECAY: Final = 3e-4
"""Weight of the squared weights against the mean loss of a row."""
FURTHEST: Final = 5.0
"""Standard deviations beyond which an input is not believed."""
NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)
STEPS: Final = (NODES + 1) / 2
SHARES: Final = WEIGHTS / 2
"""The Gauss-Legendre rule along the way from the mean applicant to this one."""


@dataclass(frozen=True, slots=True)
class Network:
    """A fitted network over the columns of one model; arrays are float64, ``columns`` are positions in the full row."""

    columns: NDArray[np.int64]
    mean: Array
    deviation: Array
    inner: Array
    inner_bias: Array
    outer: Array
    straight: Array
    bias: float
    features: int

    def logits(self, rows: Rows) -> Array:
        """Log-odds of the bad outcome for full rows, shape (rows, features) to (rows,)."""
        return self._answer(self._inputs(rows[:, self.columns]))

    def contributions(self, row: Rows) -> Attribution:
        """Contributions of one row of shape (features,), in logits: Aumann-Shapley values from the mean applicant.

        They add up to the answer, by a quadrature that is exact to about 1e-6.
        """
        inputs = self._inputs(row[None, self.columns])[0]
        hidden = np.tanh(STEPS[:, None] * (inputs @ self.inner)[None, :] + self.inner_bias)
        slope = SHARES @ (1 - hidden**2) * self.outer
        moved = inputs * (self.inner @ slope + self.straight)
        by_feature = np.zeros(self.features)
        np.add.at(by_feature, self.columns, moved.reshape(3, -1).sum(axis=0))
        return Attribution(float(self._answer(np.zeros((1, len(inputs))))[0]), by_feature)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """For storage, without pickle."""
        named = {name: getattr(self, name) for name in ARRAYS}
        return {**named, "bias": np.array([self.bias]), "features": np.array([self.features])}

    @classmethod
    def from_arrays(cls, stored: dict[str, NDArray[Any]]) -> Network:
        """What ``arrays`` gave."""
        return cls(
            **{name: stored[name] for name in ARRAYS},
            bias=float(stored["bias"][0]),
            features=int(stored["features"][0]),
        )

    def _inputs(self, rows: NDArray[Any]) -> Array:
        """Shape (rows, 3 * columns): standardised, standardised logarithms, flags of gaps."""
        known = rows.astype(np.float64)
        both = np.hstack([known, np.log1p(np.maximum(known, 0))])
        scaled = np.clip((both - self.mean) / self.deviation, -FURTHEST, FURTHEST)
        return np.hstack([np.nan_to_num(scaled), np.isnan(known)])

    def _answer(self, inputs: Array) -> Array:
        hidden = np.tanh(inputs @ self.inner + self.inner_bias)
        return np.asarray(hidden @ self.outer + inputs @ self.straight + self.bias)


ARRAYS: Final = ("columns", "mean", "deviation", "inner", "inner_bias", "outer", "straight")


def fit(
    rows: Rows, bad: NDArray[np.bool_], columns: Sequence[int], directions: Sequence[int], *, seed: int
) -> Network:
    """Fit to full rows of shape (rows, features) and their outcomes by Adam on the log loss.

    ``directions`` has +1, -1 or 0 for each of ``columns``, as ``scoring.features.monotone_constraints`` gives it.
    """
    width = len(columns)
    known = rows[:, columns].astype(np.float64)
    both = np.hstack([known, np.log1p(np.maximum(known, 0))])
    deviation = np.nanstd(both, axis=0)
    random = np.random.default_rng(seed)
    rate = float(bad.mean())
    network = Network(
        columns=np.array(columns, dtype=np.int64),
        mean=np.nanmean(both, axis=0),
        deviation=np.where(deviation > 0, deviation, 1.0),
        inner=np.abs(random.normal(0, 0.3 / np.sqrt(width), (3 * width, HIDDEN))),
        inner_bias=random.normal(0, 0.5, HIDDEN),
        outer=np.full(HIDDEN, 0.1),
        straight=np.zeros(3 * width),
        bias=float(np.log(rate / (1 - rate))),
        features=rows.shape[1],
    )
    sign = np.concatenate([directions, directions, np.zeros(width)])
    free = sign == 0
    network.inner[free] *= random.choice([-1.0, 1.0], (int(free.sum()), HIDDEN))
    network.inner[~free] *= sign[~free, None]
    return _trained(network, network._inputs(rows[:, columns]), bad, sign, random)


def _trained(network: Network, inputs: Array, bad: NDArray[np.bool_], sign: Array, random: Any) -> Network:
    """Adam with a falling rate; after each step weights of the wrong sign are set to zero."""
    weights = {
        "inner": network.inner,
        "inner_bias": network.inner_bias,
        "outer": network.outer,
        "straight": network.straight,
        "bias": np.array([network.bias]),
    }
    first = {name: np.zeros_like(value) for name, value in weights.items()}
    second = {name: np.zeros_like(value) for name, value in weights.items()}
    labels = bad.astype(np.float64)
    batches = max(1, len(labels) // BATCH)
    total, step = EPOCHS * batches, 0
    for _ in range(EPOCHS):
        for part in np.array_split(random.permutation(len(labels)), batches):
            step += 1
            rate = RATE * (1 - step / (total + 1))
            for name, slope in _slopes(weights, inputs[part], labels[part]).items():
                first[name] += 0.1 * (slope - first[name])
                second[name] += 0.001 * (slope**2 - second[name])
                even, scale = first[name] / (1 - 0.9**step), second[name] / (1 - 0.999**step)
                weights[name] -= rate * even / (np.sqrt(scale) + 1e-8)
            weights["inner"][weights["inner"] * sign[:, None] < 0] = 0.0
            weights["straight"][weights["straight"] * sign < 0] = 0.0
            np.maximum(weights["outer"], 0, out=weights["outer"])
    bias = float(weights.pop("bias")[0])
    learned: dict[str, Any] = dict(weights)
    return replace(network, **learned, bias=bias)


def _slopes(weights: dict[str, Array], inputs: Array, labels: Array) -> dict[str, Array]:
    """Of the mean log loss of some rows, with decay of all weights but the biases."""
    hidden = np.tanh(inputs @ weights["inner"] + weights["inner_bias"])
    logit = hidden @ weights["outer"] + inputs @ weights["straight"] + weights["bias"]
    error = (1 / (1 + np.exp(-logit)) - labels) / len(labels)
    back = error[:, None] * weights["outer"] * (1 - hidden**2)
    return {
        "inner": inputs.T @ back + DECAY * weights["inner"],
        "inner_bias": back.sum(axis=0),
        "outer": hidden.T @ error + DECAY * weights["outer"],
        "straight": inputs.T @ error + DECAY * weights["straight"],
        "bias": np.array([error.sum()]),
    }
