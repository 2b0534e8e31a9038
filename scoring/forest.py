"""Boosted trees as plain arrays, and exact additive contributions of a row (TreeSHAP).

Serving needs no training library: the arrays come from the bundle. Contributions are the path-dependent
Shapley values of Lundberg, Erion and Lee, "Consistent Individualized Feature Attribution for Tree
Ensembles" (arXiv 1802.03888). Here they are computed leaf by leaf. For one leaf of value w, reached through
conditions on distinct features j, the game is v(S) = w * prod_{j in S} o_j * prod_{j not in S} z_j, with
o_j = 1 when the row meets the condition and z_j the share of training weight that does. Its Shapley value
is

    w (o_i - z_i) * integral_0^1 prod_{j != i} (t o_j + (1 - t) z_j) dt,

a polynomial in t that Gauss-Legendre integrates exactly, so all leaves are done at once in numpy.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

LEAF: Final = -1
FLOAT32_BITS: Final = 24


@dataclass(frozen=True, slots=True)
class Forest:
    """Nodes of all trees in one row each; ``roots`` marks each tree's first.

    Node numbers run on over the trees. A row goes left when its float32 value is below ``threshold``, or, if it
    is NaN, when ``default_left``. Leaves have ``feature`` -1 and carry ``value``, in logits. ``cover`` is the
    training weight (sum of hessians) that passed the node.
    """

    roots: NDArray[np.int32]
    feature: NDArray[np.int16]
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    default_left: NDArray[np.bool_]
    value: NDArray[np.float32]
    cover: NDArray[np.float32]
    base_logit: float
    features: int

    @classmethod
    def from_booster_json(cls, raw: bytes, columns: Sequence[int], features: int) -> Forest:
        """Read a saved xgboost model (JSON, ``binary:logistic``).

        ``columns`` maps its features to positions in the full row.
        """
        learner = json.loads(raw)["learner"]
        base = float(learner["learner_model_param"]["base_score"].strip("[]"))
        trees: list[dict[str, Any]] = learner["gradient_booster"]["model"]["trees"]
        sizes = [len(tree["left_children"]) for tree in trees]
        roots = np.cumsum([0, *sizes[:-1]])
        left = np.concatenate([np.array(tree["left_children"]) for tree in trees])
        right = np.concatenate([np.array(tree["right_children"]) for tree in trees])
        offset = np.repeat(roots, sizes)
        leaf = left == LEAF
        split = np.concatenate([np.array(tree["split_indices"]) for tree in trees])
        condition = np.concatenate([np.array(tree["split_conditions"], dtype=np.float32) for tree in trees])
        default = np.concatenate([np.array(tree["default_left"], dtype=bool) for tree in trees])
        cover = np.concatenate([np.array(tree["sum_hessian"], dtype=np.float32) for tree in trees])
        return cls(
            roots=roots.astype(np.int32),
            feature=np.where(leaf, LEAF, np.array(columns)[split]).astype(np.int16),
            threshold=np.where(leaf, np.float32(0), condition),
            left=np.where(leaf, LEAF, left + offset).astype(np.int32),
            right=np.where(leaf, LEAF, right + offset).astype(np.int32),
            default_left=default & ~leaf,
            value=np.where(leaf, condition, np.float32(0)),
            cover=cover,
            base_logit=math.log(base / (1 - base)),
            features=features,
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The node arrays and the base by name, for storage."""
        nodes = {name: getattr(self, name) for name in ARRAY_NAMES}
        return {**nodes, "base_logit": np.array([self.base_logit])}

    @classmethod
    def from_arrays(cls, stored: Mapping[str, NDArray[Any]], features: int) -> Forest:
        """What ``arrays`` gave. Raises KeyError."""
        nodes = {name: stored[name] for name in ARRAY_NAMES}
        return cls(**nodes, base_logit=float(stored["base_logit"][0]), features=features)


def with_exact_sums(raw: bytes) -> bytes:
    """A saved xgboost model (JSON, ``binary:logistic``) with leaves rounded until float32 sums them without error.

    Leaves become multiples of a power of two so fine that every partial sum has 24 bits, about 2e-6 in logits. So any
    runtime answers the same, in whatever order it adds. The base goes into the leaves of the first tree.
    """
    document = json.loads(raw)
    learner = document["learner"]
    base = float(learner["learner_model_param"]["base_score"].strip("[]"))
    trees: list[dict[str, Any]] = learner["gradient_booster"]["model"]["trees"]
    leaves = [np.array(tree["left_children"]) == LEAF for tree in trees]
    values = [np.array(tree["split_conditions"]) for tree in trees]
    values[0] = np.where(leaves[0], values[0] + math.log(base / (1 - base)), values[0])
    furthest = sum(float(np.abs(value[leaf]).max()) for value, leaf in zip(values, leaves, strict=True))
    step = 2.0 ** (math.ceil(math.log2(furthest)) - FLOAT32_BITS + 1)
    for tree, value, leaf in zip(trees, values, leaves, strict=True):
        tree["split_conditions"] = np.where(leaf, np.round(value / step) * step, value).tolist()
    learner["learner_model_param"]["base_score"] = "[5E-1]"
    return json.dumps(document, separators=(",", ":")).encode()


ARRAY_NAMES: Final = ("roots", "feature", "threshold", "left", "right", "default_left", "value", "cover")


@dataclass(frozen=True, slots=True)
class Attribution:
    """Exact additive contributions in logits, one value per feature of the full row.

    ``bias`` plus the sum of ``values`` is the logit.
    """

    bias: float
    values: NDArray[np.float64]

    @property
    def logit(self) -> float:
        """What the contributions add up to."""
        return self.bias + float(self.values.sum())


class LeafPaths:
    """The leaves of a forest as boxes, arrays of shape (leaves, slots).

    One slot stands for each distinct feature on the path.
    """

    def __init__(self, forest: Forest) -> None:
        leaves = [(node, path) for root in forest.roots.tolist() for node, path in _paths(forest, root)]
        boxes = [_box(forest, path) for _, path in leaves]
        slots = max(1, *map(len, boxes))
        shape = (len(leaves), slots)
        self.feature = np.zeros(shape, dtype=np.intp)
        self.low = np.full(shape, -np.inf, dtype=np.float32)
        self.high = np.full(shape, np.inf, dtype=np.float32)
        self.meets_missing = np.ones(shape, dtype=bool)
        self.share = np.ones(shape)
        self.always = np.ones(
            shape, dtype=bool
        )  # an unused slot is met by every row and so contributes nothing
        for leaf, box in enumerate(boxes):
            for slot, (feature, (low, high, missing, share)) in enumerate(box.items()):
                self.feature[leaf, slot] = feature
                self.low[leaf, slot], self.high[leaf, slot] = low, high
                self.meets_missing[leaf, slot], self.share[leaf, slot] = missing, share
                self.always[leaf, slot] = False
        self.value = forest.value[[node for node, _ in leaves]].astype(np.float64)
        self.base_logit = forest.base_logit
        self.features = forest.features
        self.bias = self.base_logit + float(self.value @ self.share.prod(axis=1))
        nodes, weights = np.polynomial.legendre.leggauss((slots + 1) // 2)
        self._quadrature = [((node + 1) / 2, weight / 2) for node, weight in zip(nodes, weights, strict=True)]

    def met(self, row: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Which conditions a row of shape (features,) meets, shape (leaves, slots)."""
        x = row[self.feature]
        inside = (x >= self.low) & (x < self.high)
        return self.always | inside | (np.isnan(x) & self.meets_missing)

    def logit(self, row: NDArray[np.float32]) -> float:
        """The forest's answer for one row, independent of any runtime."""
        return self.base_logit + float(self.value[self.met(row).all(axis=1)].sum())

    def contributions(self, row: NDArray[np.float32]) -> Attribution:
        """Exact Shapley contributions of one row of shape (features,), in logits."""
        gap = self.met(row) - self.share
        weight = np.zeros_like(self.share)
        for point, mass in self._quadrature:
            weight += mass * _product_of_others(self.share + point * gap)
        values = self.value[:, None] * gap * weight
        by_feature = np.bincount(self.feature.ravel(), weights=values.ravel(), minlength=self.features)
        return Attribution(self.bias, by_feature.astype(np.float64, copy=False))


Box = dict[int, tuple[float, float, bool, float]]
Step = tuple[int, int]


def _paths(forest: Forest, root: int) -> Iterator[tuple[int, list[Step]]]:
    """Each leaf below ``root`` with its path of (node, child taken)."""
    stack: list[tuple[int, list[Step]]] = [(root, [])]
    while stack:
        node, path = stack.pop()
        if forest.left[node] == LEAF:
            yield node, path
            continue
        for child in (int(forest.right[node]), int(forest.left[node])):
            stack.append((child, [*path, (node, child)]))


def _box(forest: Forest, path: list[Step]) -> Box:
    """A path's conditions merged by feature.

    For each: low <= x < high, whether NaN passes, share of the training weight that passes.
    """
    box: Box = {}
    for node, child in path:
        feature = int(forest.feature[node])
        low, high, missing, share = box.get(feature, (-math.inf, math.inf, True, 1.0))
        threshold = float(forest.threshold[node])
        goes_left = child == forest.left[node]
        low, high = (low, min(high, threshold)) if goes_left else (max(low, threshold), high)
        missing = missing and bool(forest.default_left[node]) == goes_left
        share *= float(forest.cover[child]) / float(forest.cover[node])
        box[feature] = (low, high, missing, share)
    return box


def _product_of_others(factors: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each column the product of all the other columns of the same row."""
    before, after = np.ones_like(factors), np.ones_like(factors)
    for slot in range(1, factors.shape[1]):
        before[:, slot] = before[:, slot - 1] * factors[:, slot - 1]
        after[:, -slot - 1] = after[:, -slot] * factors[:, -slot]
    return before * after
