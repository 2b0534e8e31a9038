"""Runtimes of a model's graph: onnxruntime where it is installed, else xgboost with the same answers to 1e-6.

Both run on one thread, in the thread that asks, so a web worker's threads do not fight over cores. Both are imported
when a bundle is loaded, never before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from scoring.errors import BundleError
from scoring.features import Model, model_columns

if TYPE_CHECKING:
    from scoring.bundle import Bundle

Runtime = Literal["onnxruntime", "xgboost"]
Run = Callable[[NDArray[np.float32]], NDArray[np.floating[Any]]]
"""Full rows (rows, features) to logits (rows,) before calibration."""
ERRORS_ONLY: Final = 3
INPUT: Final = "features"
OUTPUT: Final = "logit"


def runs(bundle: Bundle, model: Model, runtime: Runtime | None = None) -> Run:
    """The function that runs a model of the bundle, by the named library or by the first that is installed.

    Raises ``BundleError`` when the model cannot be loaded or neither library is there.
    """
    if runtime in (None, "onnxruntime"):
        try:
            import onnxruntime  # type: ignore[import-untyped]  # noqa: PLC0415

            return _by_onnxruntime(onnxruntime, bundle.onnx[model], model)
        except ImportError as missing:
            if runtime is not None:
                raise BundleError("onnxruntime is not installed") from missing
    try:
        import xgboost  # noqa: PLC0415
    except ImportError as missing:
        raise BundleError("a bundle is served by onnxruntime or by xgboost: install one") from missing
    return _by_xgboost(xgboost, bundle, model)


def _by_onnxruntime(onnxruntime: Any, graph: bytes, model: str) -> Run:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = ERRORS_ONLY
    try:
        session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as problem:  # onnxruntime's own exceptions share no base class
        raise BundleError(f"the {model} model cannot be loaded: {problem}") from problem
    run, wanted = session.run, [OUTPUT]
    return lambda rows: run(wanted, {INPUT: rows})[0][:, 0]


def _by_xgboost(xgboost: Any, bundle: Bundle, model: Model) -> Run:
    booster = xgboost.Booster({"nthread": 1, "verbosity": 0})
    try:
        booster.load_model(bytearray(bundle.boosters[model]))
    except Exception as problem:
        raise BundleError(f"the {model} model cannot be loaded: {problem}") from problem
    columns, blended = list(model_columns(model)), bundle.models[model]

    def run(rows: NDArray[np.float32]) -> NDArray[np.floating[Any]]:
        inputs = np.ascontiguousarray(rows[:, columns])
        trees = booster.inplace_predict(inputs, predict_type="margin", validate_features=False)
        return blended.with_network(np.asarray(trees, dtype=np.float64), rows)

    return run
