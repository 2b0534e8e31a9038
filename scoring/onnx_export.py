"""Writes a forest as an ONNX graph of one `TreeEnsembleRegressor` (ai.onnx.ml, opset 3) that answers
logits.
"""

from __future__ import annotations

from typing import Any, Final

from scoring.errors import TrainingUnavailable
from scoring.forest import LEAF, Forest

INPUT: Final = "features"
OUTPUT: Final = "logit"
ML_OPSET: Final = 3
OPSET: Final = 17
IR_VERSION: Final = 8


def forest_to_onnx(forest: Forest, *, name: str) -> bytes:
    """The ONNX file of `forest`: input ``features`` float32 (rows, features), output ``logit`` float32
    (rows, 1).

    Raises `TrainingUnavailable` when `onnx` is not installed.
    """
    try:
        from onnx import TensorProto, checker, helper  # noqa: PLC0415
    except ImportError as missing:
        raise TrainingUnavailable("writing a model needs the package onnx (extra 'train')") from missing
    node = helper.make_node(
        "TreeEnsembleRegressor",
        [INPUT],
        [OUTPUT],
        name=name,
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function="SUM",
        post_transform="NONE",
        base_values=[forest.base_logit],
        **_tree_attributes(forest),
    )
    graph = helper.make_graph(
        [node],
        name,
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, forest.features])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [None, 1])],
    )
    opsets = [helper.make_opsetid("ai.onnx.ml", ML_OPSET), helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, producer_name="fenqi-score", opset_imports=opsets)
    model.ir_version = IR_VERSION
    checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def _tree_attributes(forest: Forest) -> dict[str, Any]:
    """Node and leaf attributes; node numbers count from zero within each tree."""
    ends = [*forest.roots.tolist()[1:], len(forest.feature)]
    tree_of: list[int] = []
    number: list[int] = []
    for tree, (start, end) in enumerate(zip(forest.roots.tolist(), ends, strict=True)):
        tree_of += [tree] * (end - start)
        number += range(end - start)
    leaf = (forest.feature == LEAF).tolist()
    roots = [int(forest.roots[tree]) for tree in tree_of]
    left = [
        0 if is_leaf else child - root for child, root, is_leaf in zip(forest.left, roots, leaf, strict=True)
    ]
    right = [
        0 if is_leaf else child - root for child, root, is_leaf in zip(forest.right, roots, leaf, strict=True)
    ]
    leaves = [index for index, is_leaf in enumerate(leaf) if is_leaf]
    return {
        "nodes_treeids": tree_of,
        "nodes_nodeids": number,
        "nodes_featureids": [
            0 if is_leaf else int(f) for f, is_leaf in zip(forest.feature, leaf, strict=True)
        ],
        "nodes_modes": ["LEAF" if is_leaf else "BRANCH_LT" for is_leaf in leaf],
        "nodes_values": [float(value) for value in forest.threshold],
        "nodes_truenodeids": [int(child) for child in left],
        "nodes_falsenodeids": [int(child) for child in right],
        "nodes_missing_value_tracks_true": [int(value) for value in forest.default_left],
        "target_treeids": [tree_of[index] for index in leaves],
        "target_nodeids": [number[index] for index in leaves],
        "target_ids": [0] * len(leaves),
        "target_weights": [float(forest.value[index]) for index in leaves],
    }
