"""Trains a bundle from the seeded generator: two monotone boosted-tree models, calibrated on held-out
folds.

One thread and fixed seeds: the same arguments and the same xgboost, onnx and numpy versions give the same
bytes. The version of xgboost is written into the bundle, because another one may grow other trees.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring.bundle import SUMS, Bundle, Reference, forests_as_npz, sums_of
from scoring.calibration import PercentScale, Platt, calibration_as_json
from scoring.card import model_card
from scoring.errors import TrainingUnavailable
from scoring.evaluation import evaluate
from scoring.features import FEATURES, MODELS, Model, feature_matrix, model_columns, monotone_constraints
from scoring.forest import Forest
from scoring.generator import Population, generate
from scoring.onnx_export import forest_to_onnx
from scoring.reason_texts import reasons_as_json
from scoring.scorer import Scorer

FOLDS: Final = 5
REFERENCE_ROWS: Final = 100
EVALUATION_SEED_STEP: Final = 1_000_003
REFERENCE_SEED_STEP: Final = 2_000_003
PARAMETERS: Final[dict[str, Any]] = {
    "objective": "binary:logistic",
    "tree_method": "hist",
    "max_bin": 128,
    "max_depth": 4,
    "eta": 0.07,
    "subsample": 0.8,
    "colsample_bytree": 0.8,
    "min_child_weight": 8,
    "reg_lambda": 2.0,
    "nthread": 1,
    "verbosity": 0,
}

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """What to train: `trees` per model on `rows` generated applications.

    The card's figures come from `evaluation_rows` of another seed.
    """

    rows: int = 200_000
    seed: int = 42
    trees: int = 120
    evaluation_rows: int = 100_000
    name: str = "fenqi"
    version: str = "2026.11"

    @property
    def steps(self) -> int:
        """How often `train` reports progress."""
        return 4 + len(MODELS) * (FOLDS + 1)


@dataclass(frozen=True, slots=True)
class FittedModel:
    """One model before it is written: booster, trees, calibration, held-out logits (rows,)."""

    booster: Any
    forest: Forest
    platt: Platt
    held_out_logits: NDArray[np.float64]


def train(out: Path, plan: TrainingPlan, progress: Progress = lambda step: None) -> Bundle:
    """Trains both models and writes the bundle folder `out`, whole or not at all.

    Raises FileExistsError when `out` exists and is not an empty folder, `BundleError` when an exported
    model does not answer the reference rows like the trained one, `TrainingUnavailable` when a package of
    the extra 'train' is missing.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"{out} exists and is not an empty folder; nothing was changed")
    xgboost = _xgboost()
    population = generate(plan.rows, plan.seed)
    matrix = feature_matrix(population.applications())
    progress("population")
    reference_rows = feature_matrix(generate(REFERENCE_ROWS, plan.seed + REFERENCE_SEED_STEP).applications())
    fitted = {
        model: fit_model(xgboost, model, population=population, matrix=matrix, plan=plan, progress=progress)
        for model in MODELS
    }
    content = _content(plan, fitted, reference_rows, xgboost.__version__)
    progress("export")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
        draft = Path(scratch) / out.name
        _write(draft, content | {"card.md": b""})
        measured = evaluate(
            Scorer.load(draft), generate(plan.evaluation_rows, plan.seed + EVALUATION_SEED_STEP)
        )
        progress("evaluation")
        _write(draft, content | {"card.md": _card(plan, measured, xgboost.__version__)})
        bundle = Bundle.read(draft)
        draft.rename(out)
    progress("bundle")
    return bundle


def fit_model(
    xgboost: ModuleType,
    model: Model,
    *,
    population: Population,
    matrix: NDArray[np.float32],
    plan: TrainingPlan,
    progress: Progress = lambda step: None,
) -> FittedModel:
    """Fits 'fraud' or 'credit': folds for the calibration first, then the model on all its rows.

    Frauds are no rows of the credit model: whether they would have paid is not a question.
    """
    rows = np.ones(len(population), dtype=bool) if model == "fraud" else ~population.fraud
    labels = (population.fraud if model == "fraud" else population.default)[rows]
    columns = model_columns(model)
    inputs = np.ascontiguousarray(matrix[rows][:, columns])
    parameters = PARAMETERS | {
        "seed": plan.seed,
        "base_score": round(float(labels.mean()), 6),
        "monotone_constraints": monotone_constraints(model),
    }
    fold = np.random.default_rng(plan.seed).permutation(len(labels)) % FOLDS
    held_out = np.empty(len(labels))
    for number in range(FOLDS):
        inside = fold != number
        booster = xgboost.train(parameters, xgboost.DMatrix(inputs[inside], label=labels[inside]), plan.trees)
        held_out[~inside] = booster.predict(xgboost.DMatrix(inputs[~inside]), output_margin=True)
        progress(f"{model} fold {number + 1}")
    booster = xgboost.train(parameters, xgboost.DMatrix(inputs, label=labels), plan.trees)
    progress(f"{model} model")
    forest = Forest.from_booster_json(bytes(booster.save_raw("json")), columns, len(FEATURES))
    return FittedModel(booster, forest, Platt.fit(held_out, labels), held_out)


def booster_probabilities(
    xgboost: ModuleType, fitted: FittedModel, model: Model, rows: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Calibrated probabilities (rows,) by the training library: what an exported model must reproduce."""
    inputs = xgboost.DMatrix(np.ascontiguousarray(rows[:, model_columns(model)]))
    logits = fitted.booster.predict(inputs, output_margin=True).astype(np.float64)
    return np.asarray(1 / (1 + np.exp(-(fitted.platt.slope * logits + fitted.platt.intercept))))


def _content(
    plan: TrainingPlan, fitted: Mapping[Model, FittedModel], rows: NDArray[np.float32], xgboost_version: str
) -> dict[str, bytes]:
    """Every file of the bundle but the card and the sums."""
    xgboost = _xgboost()
    reference = Reference(rows, {m: booster_probabilities(xgboost, fitted[m], m, rows) for m in MODELS})
    fraud_platt = fitted["fraud"].platt
    held_out = fraud_platt.slope * fitted["fraud"].held_out_logits + fraud_platt.intercept
    scale = PercentScale.fit(1 / (1 + np.exp(-held_out)))
    documents: dict[str, Any] = {
        "bundle.json": {
            "name": plan.name,
            "version": plan.version,
            "format": 1,
            "synthetic": True,
            "trained": {
                "generator_rows": plan.rows,
                "seed": plan.seed,
                "trees": plan.trees,
                "folds": FOLDS,
                "xgboost": xgboost_version,
                "parameters": PARAMETERS,
            },
        },
        "calibration.json": calibration_as_json(fraud_platt, fitted["credit"].platt, scale),
        "features.json": {
            "features": [{"name": f.name, "monotone": {m: getattr(f, m) for m in MODELS}} for f in FEATURES]
        },
        "reasons.json": reasons_as_json(),
        "reference.json": {
            "rows": [[None if v != v else v for v in row] for row in reference.rows.tolist()],  # noqa: PLR0124
            "probabilities": {m: reference.probabilities[m].tolist() for m in MODELS},
        },
    }
    content = {
        name: (json.dumps(d, ensure_ascii=False, indent=1) + "\n").encode() for name, d in documents.items()
    }
    content |= {f"{model}.onnx": forest_to_onnx(fitted[model].forest, name=model) for model in MODELS}
    return content | {"trees.npz": forests_as_npz({model: fitted[model].forest for model in MODELS})}


def _card(plan: TrainingPlan, measured: dict[str, Any], xgboost_version: str) -> bytes:
    return model_card(
        plan, measured, xgboost=xgboost_version, depth=PARAMETERS["max_depth"], folds=FOLDS
    ).encode()


def _write(folder: Path, content: Mapping[str, bytes]) -> None:
    folder.mkdir(exist_ok=True)
    for name, data in content.items():
        (folder / name).write_bytes(data)
    (folder / SUMS).write_bytes(sums_of(content))


def _xgboost() -> ModuleType:
    try:
        import xgboost  # noqa: PLC0415
    except ImportError as missing:
        raise TrainingUnavailable("training needs the package xgboost or xgboost-cpu") from missing
    return xgboost
