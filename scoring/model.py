"""One model of a bundle: trees, perhaps a network beside them, and the calibration of what they answer together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from scoring.calibration import Platt
from scoring.forest import Attribution, Forest, LeafPaths
from scoring.network import Network


@dataclass(frozen=True)
class BlendedModel:
    """The model's answer in logits is ``network_weight`` of the network's and the rest of the trees'."""

    forest: Forest
    platt: Platt
    network: Network | None = None
    network_weight: float = 0.0

    @cached_property
    def paths(self) -> LeafPaths:
        """The trees as boxes, for exact contributions."""
        return LeafPaths(self.forest)

    def with_network(self, trees: NDArray[np.float64], rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """The blended logits (rows,) from the trees' and the full rows."""
        if self.network is None:
            return trees
        return (1 - self.network_weight) * trees + self.network_weight * self.network.logits(rows)

    def logit(self, row: NDArray[np.float32]) -> float:
        """The answer for one row of shape (features,), independent of any runtime."""
        return float(self.with_network(np.array([self.paths.logit(row)]), row[None])[0])

    def contributions(self, row: NDArray[np.float32]) -> Attribution:
        """Contributions of one row to the logit before calibration.

        The trees' exact Shapley values, and the network's Aumann-Shapley values, each by its weight.
        """
        trees = self.paths.contributions(row)
        if self.network is None:
            return trees
        other, weight = self.network.contributions(row), self.network_weight
        return Attribution(
            (1 - weight) * trees.bias + weight * other.bias,
            (1 - weight) * trees.values + weight * other.values,
        )
