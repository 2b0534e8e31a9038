"""A model bundle: one folder with everything a decision needs, checked before use. No pickle anywhere.

=================  =====================================================================================
bundle.json        name, version, and what it was trained from
fraud.onnx         the model answering the fraud logit      (onnxruntime, or any ONNX runtime)
credit.onnx        the model answering the default logit
fraud.ubj          the trees of the same models for xgboost, where there is no ONNX runtime
credit.ubj
trees.npz          the same trees as arrays, with training weights, for exact contributions
networks.npz       the networks beside the trees, as far as the gate let one in
calibration.json   Platt scaling of both logits, weights of the blends, knots of the fraud score
features.json      the row the models read, in order, with the monotone directions
reasons.json       Chinese and English sentences
reference.json     100 rows with the training library's answers, recomputed at every load
card.md            model card, Hugging Face layout
SHA256SUMS         of all the files above, in the format of sha256sum
=================  =====================================================================================

The sums protect against damage and mix-ups. They do not prove who made a bundle: install bundles like code.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring.calibration import PercentScale, Platt
from scoring.errors import BundleError
from scoring.features import FEATURE_NAMES, MODELS
from scoring.forest import Forest
from scoring.model import BlendedModel
from scoring.network import Network
from scoring.reasons import ReasonTexts
from scoring.scores import ModelIdentity

DEFAULT_BUNDLE: Final = Path(__file__).parent / "bundles" / "fenqi-2026.11"
SUMS: Final = "SHA256SUMS"
FILES: Final = (
    "bundle.json",
    "calibration.json",
    "card.md",
    "credit.onnx",
    "credit.ubj",
    "features.json",
    "fraud.onnx",
    "fraud.ubj",
    "networks.npz",
    "reasons.json",
    "reference.json",
    "trees.npz",
)


@dataclass(frozen=True, slots=True)
class Reference:
    """Feature rows (rows, features) and the training library's ``probabilities[model]`` (rows,) for them."""

    rows: NDArray[np.float32]
    probabilities: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Bundle:
    """The verified content of a bundle folder."""

    identity: ModelIdentity
    onnx: Mapping[str, bytes]
    boosters: Mapping[str, bytes]
    models: Mapping[str, BlendedModel]
    fraud_scale: PercentScale
    texts: ReasonTexts
    reference: Reference

    @classmethod
    def read(cls, folder: Path = DEFAULT_BUNDLE) -> Bundle:
        """Read a bundle folder, every file once, after comparing it with its SHA-256.

        Raises ``BundleError`` naming the file when one is missing, changed or malformed, or was made for
        other features.
        """
        content, sums = _verified(folder)
        try:
            about = json.loads(content["bundle.json"])
            calibration = json.loads(content["calibration.json"])
            names = tuple(feature["name"] for feature in json.loads(content["features.json"])["features"])
            if names != FEATURE_NAMES:
                raise BundleError(
                    f"{folder.name} was trained for other features than this version of the scorer builds"
                )
            return cls(
                identity=ModelIdentity(about["name"], about["version"], hashlib.sha256(sums).hexdigest()),
                onnx={model: content[f"{model}.onnx"] for model in MODELS},
                boosters={model: content[f"{model}.ubj"] for model in MODELS},
                models=_models(content, calibration),
                fraud_scale=PercentScale(
                    **{name: tuple(v) for name, v in calibration["fraud_score"].items()}
                ),
                texts=ReasonTexts.from_json(json.loads(content["reasons.json"]), FEATURE_NAMES),
                reference=_reference(json.loads(content["reference.json"])),
            )
        except (KeyError, TypeError, ValueError, AttributeError, zipfile.BadZipFile) as problem:
            raise BundleError(f"{folder.name} is malformed: {problem!r}") from problem


def sums_of(content: Mapping[str, bytes]) -> bytes:
    """The SHA256SUMS file for named contents, sorted by name."""
    lines = (f"{hashlib.sha256(content[name]).hexdigest()}  {name}\n" for name in sorted(content))
    return "".join(lines).encode()


def networks_as_npz(networks: Mapping[str, Network]) -> bytes:
    """The networks.npz of a bundle; without networks it holds nothing."""
    stored = {f"{model}.{name}": a for model, net in networks.items() for name, a in net.arrays().items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **stored)
    return buffer.getvalue()


def named_arrays(npz: bytes) -> dict[str, dict[str, NDArray[Any]]]:
    """The arrays of a file by what is before the first point of their names, then by what is after it."""
    found: dict[str, dict[str, NDArray[Any]]] = {}
    with np.load(io.BytesIO(npz), allow_pickle=False) as stored:
        for key in stored.files:
            owner, _, name = key.partition(".")
            found.setdefault(owner, {})[name] = stored[key]
    return found


def forests_as_npz(forests: Mapping[str, Forest]) -> bytes:
    """The trees.npz of a bundle; equal forests give equal bytes."""
    stored: dict[str, NDArray[Any]] = {}
    for model, forest in forests.items():
        stored |= {f"{model}.{name}": array for name, array in forest.arrays().items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **stored)  # type: ignore[arg-type]
    return buffer.getvalue()


def _verified(folder: Path) -> tuple[dict[str, bytes], bytes]:
    """The listed files' bytes and the bytes of SHA256SUMS."""
    try:
        sums = (folder / SUMS).read_bytes()
        listed = [line.split("  ", 1) for line in sums.decode("ascii").splitlines()]
        expected = {name: digest for digest, name in listed}
        if "arrays.npz" in expected:
            raise BundleError(f"{folder} is a model trained on a table: use it with --data FILE")
        content = {name: (folder / name).read_bytes() for name in FILES}
    except (OSError, ValueError) as problem:
        raise BundleError(f"{folder} is not a complete bundle: {problem}") from problem
    if set(expected) != set(FILES):
        raise BundleError(f"{folder / SUMS} must list exactly {', '.join(FILES)}")
    for name, data in content.items():
        if hashlib.sha256(data).hexdigest() != expected[name]:
            raise BundleError(f"{folder / name} has changed: its SHA-256 is not the one in {SUMS}")
    return content, sums


def _models(content: Mapping[str, bytes], calibration: Mapping[str, Any]) -> dict[str, BlendedModel]:
    forests, networks = _forests(content["trees.npz"]), _networks(content["networks.npz"])
    return {
        model: BlendedModel(
            forests[model],
            Platt(**calibration[model]),
            networks.get(model),
            float(calibration["network_weight"][model]) if model in networks else 0.0,
        )
        for model in MODELS
    }


def _networks(npz: bytes) -> dict[str, Network]:
    return {model: Network.from_arrays(arrays) for model, arrays in named_arrays(npz).items()}


def _forests(npz: bytes) -> dict[str, Forest]:
    stored = named_arrays(npz)
    return {model: Forest.from_arrays(stored[model], len(FEATURE_NAMES)) for model in MODELS}


def _reference(content: Mapping[str, Any]) -> Reference:
    rows = [[np.nan if value is None else value for value in row] for row in content["rows"]]
    return Reference(
        np.array(rows, dtype=np.float32).reshape(len(rows), len(FEATURE_NAMES)),
        {model: np.array(content["probabilities"][model], dtype=np.float64) for model in MODELS},
    )
