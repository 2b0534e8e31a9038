"""A table model as a folder: ONNX trees, arrays of the rest, calibration, reference rows, card, checksums. No pickle.

===============  =======================================================================================
bundle.json      name, target, inputs by column, weights of the blend, calibration, how it was chosen
trees.onnx       the trees, answering a logit; absent when the blend gives them no weight
arrays.npz       the same trees, scaling, logistic regression and network, as far as they have a weight
reference.json   100 rows of inputs with the training library's probabilities, recomputed at every load
card.md          what it was trained on and what it reached
SHA256SUMS       of all the files above
===============  =======================================================================================
"""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring.bundle import SUMS, named_arrays, sums_of
from scoring.calibration import Calibration, calibration_of
from scoring.errors import BundleError, TableInvalid
from scoring.forest import Attribution, Forest, LeafPaths
from scoring.runtimes import INPUT, OUTPUT
from scoring.tables.encoding import Encoding, Matrix, Row
from scoring.tables.ensemble import LEARNERS, Champion
from scoring.tables.learners import Logistic, Network, Trees
from scoring.tables.table import Table
from scoring.training.gate import Logits, blend
from scoring.training.onnx_export import forest_to_onnx

REFERENCE_ROWS: Final = 100
TOLERANCE: Final = 1e-6
CARD: Final = """\
---
license: apache-2.0
library_name: onnx
pipeline_tag: tabular-classification
tags: [credit-scoring, gradient-boosting, onnx, calibrated]
---
# {name}

Trained by `fenqi-score train` on {rows} rows of a table, of which {bad} ended badly. Target: `{target}`.

- Trees: recipe `{recipe}`. Weights of the blend: {weights}.
- Inputs: {inputs}.
- Everything was chosen by cross-validation on these rows; the figures below are of rows that each model had not
  seen. Measure on rows of your own, later in time, before it takes part in a decision about a person.
{protected}
| cross-validated on the training rows | |
| --- | --- |
{figures}
"""


@dataclass(frozen=True, slots=True)
class OnnxTrees:
    """Trees served by onnxruntime, on one thread; the same trees as arrays say what moved an answer."""

    session: Any
    forest: Forest

    @classmethod
    def load(cls, onnx: bytes, forest: Forest) -> OnnxTrees:
        """Raise ``BundleError`` for a file that is not a model."""
        import onnxruntime  # type: ignore[import-untyped]  # noqa: PLC0415

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            session = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
        except Exception as problem:  # onnxruntime's own exceptions share no base class
            raise BundleError(f"trees.onnx is not a valid model: {problem}") from problem
        return cls(session, forest)

    def logits(self, matrix: Matrix) -> Logits:
        """Logits of full rows of shape (rows, features), as float64 of shape (rows,)."""
        (answer,) = self.session.run([OUTPUT], {INPUT: np.ascontiguousarray(matrix)})
        return np.asarray(answer[:, 0], dtype=np.float64)

    def contributions(self, row: Row) -> Attribution:
        """Exact Shapley values of one row of shape (inputs,), in logits."""
        return LeafPaths(self.forest).contributions(row)


@dataclass(frozen=True, slots=True)
class Explained:
    """Why one row of a table has its probability; logits are those before calibration."""

    probability: float
    logit: float
    bias: float
    contributions: Mapping[str, float]
    """By column, the strongest first; with ``bias`` they add up to ``logit``."""


@dataclass(frozen=True, slots=True)
class TableModel:
    """A table model that was read back: it scores tables with the columns it was trained on."""

    name: str
    target: str
    encoding: Encoding
    models: Mapping[str, OnnxTrees | Logistic | Network]
    weights: Mapping[str, float]
    calibration: Calibration
    measures: Mapping[str, str] = field(default_factory=dict)
    """What the number columns were in the training: percent, a unit, a form of dates (``reading.Became``)."""

    def probabilities(self, table: Table) -> NDArray[np.float64]:
        """Calibrated probability of the bad outcome, shape (rows,). Raises ``TableInvalid``."""
        return self._of_inputs(self.encoding.matrix(table))

    def explain(self, table: Table, row: int) -> Explained:
        """What moved the answer for a row of the table, counted from 0. Raises ``TableInvalid``."""
        if not 0 <= row < len(table):
            raise TableInvalid(f"there is no row {row + 1}; the table has {len(table)}")
        inputs = self.encoding.matrix(table.rows(np.array([row])))
        parts = [(self.weights[name], model.contributions(inputs[0])) for name, model in self.models.items()]
        moved = sum(weight * part.values for weight, part in parts)
        by_column: dict[str, float] = {}
        for column, value in zip(self.encoding.columns, np.asarray(moved).tolist(), strict=True):
            by_column[column] = by_column.get(column, 0.0) + value
        bias = sum(weight * part.bias for weight, part in parts)
        return Explained(
            probability=float(self._of_inputs(inputs)[0]),
            logit=bias + sum(by_column.values()),
            bias=bias,
            contributions=dict(sorted(by_column.items(), key=lambda item: -abs(item[1]))),
        )

    @classmethod
    def read(cls, folder: Path) -> TableModel:
        """Read and check a folder. Raises ``BundleError`` naming what is missing, changed or answers otherwise."""
        content = _verified(folder)
        try:
            about = json.loads(content["bundle.json"])
            if "inputs" not in about:
                raise BundleError(f"{folder} is not a model trained on a table: use it without --data")
            encoding = Encoding.from_json(about["inputs"])
            model = cls(
                name=about["name"],
                target=about["target"],
                encoding=encoding,
                models=_models(content, len(encoding.inputs)),
                weights={name: float(about["weights"].get(name, 0.0)) for name in LEARNERS},
                calibration=calibration_of(about["calibration"]),
                measures=about.get("measures", {}),
            )
            reference = json.loads(content["reference.json"])
            rows = [[np.nan if value is None else value for value in row] for row in reference["rows"]]
            apart = model._of_inputs(np.array(rows, dtype=np.float32)) - np.array(reference["probabilities"])
        except (KeyError, TypeError, ValueError) as problem:
            raise BundleError(f"{folder.name} is malformed: {problem!r}") from problem
        if not np.abs(apart).max() <= TOLERANCE:
            raise BundleError(f"{folder.name} does not reproduce the reference rows from its training")
        return model

    def _of_inputs(self, matrix: Matrix) -> NDArray[np.float64]:
        logits = {name: model.logits(matrix) for name, model in self.models.items()}
        return self.calibration.probabilities(blend(self.weights, logits))


def write(
    out: Path,
    champion: Champion,
    table: Table,
    *,
    name: str,
    target: str,
    measured: Mapping[str, Any],
    measures: Mapping[str, str] | None = None,
) -> TableModel:
    """Write the folder ``out``, all or nothing, and read it back. Raises ``FileExistsError``, ``BundleError``."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"{out} exists and is not an empty folder; nothing was changed")
    about = _about(champion, table, name, target) | {"measures": dict(measures or {})}
    content = _content(champion, table, about, measured)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
        draft = Path(scratch) / out.name
        draft.mkdir()
        for file, data in {**content, SUMS: sums_of(content)}.items():
            (draft / file).write_bytes(data)
        TableModel.read(draft)
        draft.rename(out)
    return TableModel.read(out)


def _about(champion: Champion, table: Table, name: str, target: str) -> dict[str, Any]:
    return {
        "name": name,
        "format": 1,
        "target": target,
        "inputs": champion.encoding.as_json(),
        "weights": dict(champion.weights),
        "calibration": champion.calibration.as_json(),
        "recipe": champion.recipe,
        "gate": champion.gate.as_json() if champion.gate else None,
        "chosen": champion.chosen(),
        "rows": len(table),
        "bad": int(table.bad.sum()),
    }


def _content(
    champion: Champion, table: Table, about: Mapping[str, Any], measured: Mapping[str, Any]
) -> dict[str, bytes]:
    matrix = champion.encoding.matrix(table)
    rows = matrix[:: max(1, len(matrix) // REFERENCE_ROWS)][:REFERENCE_ROWS]
    logits = {learner: model.logits(rows) for learner, model in champion.models.items()}
    reference = {
        "rows": [[None if np.isnan(value) else float(value) for value in row] for row in rows],
        "probabilities": champion.calibration.probabilities(blend(champion.weights, logits)).tolist(),
    }
    content = {
        "bundle.json": _json(about),
        "reference.json": _json(reference),
        "card.md": _card(champion, table, about, measured).encode(),
    }
    stored: dict[str, Any] = {}
    trees = champion.models.get("trees")
    if isinstance(trees, Trees):
        width = matrix.shape[1]
        raw = bytes(trees.booster.save_raw("json"))
        forest = Forest.from_booster_json(raw, range(width), width)
        content["trees.onnx"] = forest_to_onnx(forest, name="trees")
        stored = {f"trees.{key}": array for key, array in forest.arrays().items()}
    for learner in ("logistic", "network"):
        model = champion.models.get(learner)
        if isinstance(model, (Logistic, Network)):
            stored |= {f"{learner}.{key}": array for key, array in model.arrays().items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **stored)
    return content | {"arrays.npz": buffer.getvalue()}


def _models(content: Mapping[str, bytes], width: int) -> dict[str, OnnxTrees | Logistic | Network]:
    models: dict[str, OnnxTrees | Logistic | Network] = {}
    stored = named_arrays(content["arrays.npz"])
    if "trees.onnx" in content:
        models["trees"] = OnnxTrees.load(content["trees.onnx"], Forest.from_arrays(stored["trees"], width))
    kinds: dict[str, type[Logistic] | type[Network]] = {"logistic": Logistic, "network": Network}
    return models | {name: kind.from_arrays(stored[name]) for name, kind in kinds.items() if name in stored}


def _verified(folder: Path) -> dict[str, bytes]:
    try:
        lines = (folder / SUMS).read_text("ascii").splitlines()
        content = {name: (folder / name).read_bytes() for _, name in (line.split("  ", 1) for line in lines)}
        expected = (folder / SUMS).read_bytes()
    except (OSError, ValueError) as problem:
        raise BundleError(f"{folder} is not a complete bundle: {problem}") from problem
    if sums_of(content) != expected:
        found = zip(sorted(content), sums_of(content).splitlines(), strict=True)
        changed = [name for name, line in found if line not in expected]
        raise BundleError(f"{folder / changed[0]} has changed: its SHA-256 is not the one in {SUMS}")
    return content


def _card(champion: Champion, table: Table, about: Mapping[str, Any], measured: Mapping[str, Any]) -> str:
    weights = ", ".join(f"{name} {weight:g}" for name, weight in about["weights"].items() if weight)
    warning = "- **{} should not decide about a person.** Train again with `--drop`.\n"
    protected = warning.format(", ".join(table.protected)) if table.protected else ""
    figures = [(name, value) for name, value in measured.items() if isinstance(value, float)]
    return CARD.format(
        name=about["name"],
        rows=about["rows"],
        bad=about["bad"],
        target=about["target"],
        recipe=champion.recipe,
        weights=weights,
        inputs=", ".join((*champion.encoding.numbers, *(name for name, _ in champion.encoding.words))),
        protected=protected,
        figures="\n".join(f"| {name} | {value} |" for name, value in figures),
    )


def _json(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
