"""Train a bundle from the seeded generator: two monotone models, calibrated on held-out folds.

Each is of boosted trees and perhaps a network. One thread and fixed seeds: the same arguments and the same
xgboost, onnx and numpy versions give the same bytes. The version of xgboost is written into the bundle, because
another one may grow other trees.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring import network
from scoring.bundle import SUMS, Bundle, Reference, forests_as_npz, networks_as_npz, sums_of
from scoring.calibration import PercentScale, Platt, calibration_as_json
from scoring.errors import TrainingUnavailable
from scoring.features import FEATURES, MODELS, Model, feature_matrix, model_columns, monotone_constraints
from scoring.forest import Forest, with_exact_sums
from scoring.model import BlendedModel
from scoring.network import Network
from scoring.scorer import Scorer
from scoring.tables.learners import Logistic
from scoring.training.card import model_card
from scoring.training.checkpoint import Checkpoint
from scoring.training.evaluation import evaluate
from scoring.training.gate import Gate, blend, judge, stratified
from scoring.training.generator import Population, generate
from scoring.training.onnx_export import forest_to_onnx
from scoring.training.plan import FOLDS, TrainingPlan
from scoring.training.reason_texts import reasons_as_json

REFERENCE_ROWS: Final = 100
CHALLENGER_PENALTY: Final = 50.0
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


@dataclass(frozen=True, slots=True)
class FittedModel:
    """One model before it is written.

    Its trees for xgboost (UBJ), the blend, how the gate judged it, and calibrated held-out logits (rows,).
    """

    ubj: bytes
    blended: BlendedModel
    gate: Gate
    held_out_logits: NDArray[np.float64]


def train(out: Path, plan: TrainingPlan, progress: Progress = lambda step: None) -> Bundle:
    """Train both models and write the bundle folder ``out``, whole or not at all.

    Interrupted, it goes on where it stopped when it is called again for the same plan. Raises FileExistsError when
    ``out`` exists and is not an empty folder, ``BundleError`` when an exported model does not answer the reference rows
    like the trained one, ``TrainingUnavailable`` when a package of the extra 'train' is missing.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"{out} exists and is not an empty folder; nothing was changed")
    xgboost = _xgboost()
    reached = Checkpoint.beside(
        out,
        {
            "plan": asdict(plan),
            "parameters": PARAMETERS,
            "features": repr(FEATURES),
            "xgboost": xgboost.__version__,
        },
    )
    population = generate(plan.rows, plan.seed)
    matrix = feature_matrix(population.applications())
    progress("population")
    reference_rows = feature_matrix(generate(REFERENCE_ROWS, plan.seed + REFERENCE_SEED_STEP).applications())
    fitted = {
        model: fit_model(
            xgboost,
            model,
            population=population,
            matrix=matrix,
            plan=plan,
            reached=reached,
            progress=progress,
        )
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
        gates = {model: fitted[model].gate for model in MODELS}
        depth = PARAMETERS["max_depth"]
        card = model_card(plan, measured, gates, xgboost=xgboost.__version__, depth=depth, folds=FOLDS)
        _write(draft, content | {"card.md": card.encode()})
        bundle = Bundle.read(draft)
        draft.rename(out)
    reached.forget()
    progress("bundle")
    return bundle


def fit_model(
    xgboost: ModuleType,
    model: Model,
    *,
    population: Population,
    matrix: NDArray[np.float32],
    plan: TrainingPlan,
    reached: Checkpoint,
    progress: Progress = lambda step: None,
) -> FittedModel:
    """Fit 'fraud' or 'credit': folds for the gate and the calibration first, then the model on all its rows.

    Frauds are not rows of the credit model: whether they would have paid is not a question.
    """
    used = np.ones(len(population), dtype=bool) if model == "fraud" else ~population.fraud
    labels = (population.fraud if model == "fraud" else population.default)[used]
    rows = matrix[used]
    fold = stratified(labels, FOLDS, plan.seed)
    held_out = {name: np.empty(len(labels)) for name in ("trees", "network", "logistic")}
    for number in range(FOLDS):
        inside = fold != number

        def of_fold(inside: NDArray[np.bool_] = inside) -> dict[str, NDArray[Any]]:
            return _held_out(
                xgboost, model, rows[inside], labels[inside], rows[~inside], plan.seed, plan.trees
            )

        for name, logits in reached.arrays(f"{model}-fold-{number + 1}", of_fold).items():
            held_out[name][~inside] = logits
        progress(f"{model} fold {number + 1}")
    gate = judge(held_out, labels, fold, challenger="logistic")
    ubj = reached.bytes(f"{model}-trees", lambda: _trees(xgboost, model, rows, labels, plan.seed, plan.trees))
    weight = gate.weights["network"]
    network = _network(model, rows, labels, plan.seed) if weight else None
    progress(f"{model} model")
    booster = xgboost.Booster()
    booster.load_model(bytearray(ubj))
    forest = Forest.from_booster_json(bytes(booster.save_raw("json")), model_columns(model), len(FEATURES))
    logits = blend(gate.weights, held_out)
    platt = Platt.fit(logits, labels)
    blended = BlendedModel(forest, platt, network, weight)
    return FittedModel(ubj, blended, gate, platt.slope * logits + platt.intercept)


def booster_probabilities(
    xgboost: ModuleType, fitted: FittedModel, model: Model, rows: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Calibrated probabilities (rows,) by the training library: what an exported model must reproduce."""
    booster = xgboost.Booster()
    booster.load_model(bytearray(fitted.ubj))
    inputs = xgboost.DMatrix(np.ascontiguousarray(rows[:, model_columns(model)]))
    trees = booster.predict(inputs, output_margin=True).astype(np.float64)
    logits, platt = fitted.blended.with_network(trees, rows), fitted.blended.platt
    return np.asarray(1 / (1 + np.exp(-(platt.slope * logits + platt.intercept))))


def _held_out(
    xgboost: ModuleType,
    model: Model,
    rows: NDArray[np.float32],
    labels: NDArray[np.bool_],
    unseen: NDArray[np.float32],
    seed: int,
    trees: int,
) -> dict[str, NDArray[Any]]:
    """Logits of each learner for rows it has not seen; the logistic regression is the permanent challenger."""
    columns = list(model_columns(model))
    booster = xgboost.Booster()
    booster.load_model(bytearray(_trees(xgboost, model, rows, labels, seed, trees)))
    challenger = Logistic.fit(rows[:, columns], labels, inputs="both", penalty=CHALLENGER_PENALTY)
    return {
        "trees": booster.predict(xgboost.DMatrix(unseen[:, columns]), output_margin=True),
        "network": _network(model, rows, labels, seed).logits(unseen),
        "logistic": challenger.logits(unseen[:, columns]),
    }


def _trees(
    xgboost: ModuleType,
    model: Model,
    rows: NDArray[np.float32],
    labels: NDArray[np.bool_],
    seed: int,
    trees: int,
) -> bytes:
    parameters = PARAMETERS | {
        "seed": seed,
        "base_score": round(float(labels.mean()), 6),
        "monotone_constraints": monotone_constraints(model),
    }
    inputs = xgboost.DMatrix(np.ascontiguousarray(rows[:, model_columns(model)]), label=labels)
    grown = xgboost.train(parameters, inputs, trees)
    booster = xgboost.Booster()
    booster.load_model(bytearray(with_exact_sums(bytes(grown.save_raw("json")))))
    return bytes(booster.save_raw("ubj"))


def _network(model: Model, rows: NDArray[np.float32], labels: NDArray[np.bool_], seed: int) -> Network:
    return network.fit(rows, labels, model_columns(model), monotone_constraints(model), seed=seed)


def _content(
    plan: TrainingPlan, fitted: Mapping[Model, FittedModel], rows: NDArray[np.float32], xgboost_version: str
) -> dict[str, bytes]:
    """Every file of the bundle but the card and the sums."""
    xgboost = _xgboost()
    reference = Reference(rows, {m: booster_probabilities(xgboost, fitted[m], m, rows) for m in MODELS})
    blends = {model: fitted[model].blended for model in MODELS}
    networks: dict[str, Network] = {
        model: blended.network for model, blended in blends.items() if blended.network is not None
    }
    scale = PercentScale.fit(1 / (1 + np.exp(-fitted["fraud"].held_out_logits)))
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
            "gates": {model: fitted[model].gate.as_json() for model in MODELS},
        },
        "calibration.json": calibration_as_json(
            blends["fraud"].platt,
            blends["credit"].platt,
            scale,
            {model: blended.network_weight for model, blended in blends.items()},
        ),
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
    for model, blended in blends.items():
        content[f"{model}.ubj"] = fitted[model].ubj
        content[f"{model}.onnx"] = forest_to_onnx(
            blended.forest, name=model, network=blended.network, network_weight=blended.network_weight
        )
    return content | {
        "networks.npz": networks_as_npz(networks),
        "trees.npz": forests_as_npz({model: blended.forest for model, blended in blends.items()}),
    }


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
