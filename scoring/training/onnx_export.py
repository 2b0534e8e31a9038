"""Write a model as one ONNX graph that answers logits.

It is a ``TreeEnsembleRegressor`` (ai.onnx.ml, opset 3), and beside it, where a blend was proved, the network.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from scoring.errors import TrainingUnavailable
from scoring.forest import LEAF, Forest
from scoring.network import FURTHEST, Network
from scoring.runtimes import INPUT, OUTPUT

ML_OPSET: Final = 3
OPSET: Final = 17
IR_VERSION: Final = 8


def forest_to_onnx(
    forest: Forest, *, name: str, network: Network | None = None, network_weight: float = 0.0
) -> bytes:
    """The ONNX file of a model: input ``features`` float32 (rows, features), output ``logit`` float32 (rows, 1).

    With a network the answer is its share ``network_weight`` and the rest of the forest's. Raises
    ``TrainingUnavailable`` when ``onnx`` is not installed.
    """
    try:
        from onnx import TensorProto, checker, helper  # noqa: PLC0415
    except ImportError as missing:
        raise TrainingUnavailable("writing a model needs the package onnx (extra 'train')") from missing
    trees = helper.make_node(
        "TreeEnsembleRegressor",
        [INPUT],
        [OUTPUT if network is None else "forest"],
        name=name,
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function="SUM",
        post_transform="NONE",
        base_values=[forest.base_logit],
        **_tree_attributes(forest),
    )
    nodes: list[Any] = [trees]
    constants: list[Any] = []
    if network is not None:
        more, constants = _network_nodes(network, network_weight)
        nodes += more
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, forest.features])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [None, 1])],
        initializer=constants,
    )
    opsets = [helper.make_opsetid("ai.onnx.ml", ML_OPSET), helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, producer_name="fenqi-score", opset_imports=opsets)
    model.ir_version = IR_VERSION
    checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def _network_nodes(network: Network, weight: float) -> tuple[list[Any], list[Any]]:
    """Nodes and constants of the network and of the weighted sum; the weight is multiplied into the last layer.

    Computed in float64, as training does, and rounded once at the end.
    """
    from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415

    named = {
        "zero": np.zeros(1),
        "one": np.ones(1),
        "low": np.float64(-FURTHEST),
        "high": np.float64(FURTHEST),
        "mean": network.mean,
        "deviation": network.deviation,
        "inner": network.inner,
        "inner_bias": network.inner_bias,
        "outer": weight * network.outer[:, None],
        "straight": weight * network.straight[:, None],
        "bias": np.array([weight * network.bias]),
        "forest_weight": np.array([1 - weight]),
    }
    constants = [numpy_helper.from_array(np.asarray(v, dtype=np.float64), n) for n, v in named.items()]
    constants.append(numpy_helper.from_array(network.columns, "columns"))
    steps: tuple[tuple[str, tuple[str, ...], str, dict[str, Any]], ...] = (
        ("Gather", (INPUT, "columns"), "single", {"axis": 1}),
        ("IsNaN", ("single",), "gap", {}),
        ("Cast", ("gap",), "flags", {"to": TensorProto.DOUBLE}),
        ("Cast", ("single",), "known", {"to": TensorProto.DOUBLE}),
        ("Cast", ("forest",), "trees", {"to": TensorProto.DOUBLE}),
        ("Max", ("known", "zero"), "positive", {}),
        ("Add", ("positive", "one"), "shifted", {}),
        ("Log", ("shifted",), "logarithm", {}),
        ("Concat", ("known", "logarithm"), "both", {"axis": 1}),
        ("Concat", ("gap", "gap"), "gaps", {"axis": 1}),
        ("Sub", ("both", "mean"), "centred", {}),
        ("Div", ("centred", "deviation"), "scaled", {}),
        ("Clip", ("scaled", "low", "high"), "clipped", {}),
        ("Where", ("gaps", "zero", "clipped"), "filled", {}),
        ("Concat", ("filled", "flags"), "inputs", {"axis": 1}),
        ("MatMul", ("inputs", "inner"), "before", {}),
        ("Add", ("before", "inner_bias"), "activation", {}),
        ("Tanh", ("activation",), "hidden", {}),
        ("MatMul", ("hidden", "outer"), "curved", {}),
        ("MatMul", ("inputs", "straight"), "line", {}),
        ("Mul", ("trees", "forest_weight"), "forest_share", {}),
        ("Sum", ("forest_share", "curved", "line", "bias"), "sum", {}),
        ("Cast", ("sum",), OUTPUT, {"to": TensorProto.FLOAT}),
    )
    return [helper.make_node(kind, list(ins), [out], **more) for kind, ins, out, more in steps], constants


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
