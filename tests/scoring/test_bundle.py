from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from scoring.bundle import DEFAULT_BUNDLE, FILES, SUMS, Bundle, sums_of
from scoring.errors import BundleError
from scoring.scorer import Scorer


@pytest.fixture
def copy(tmp_path) -> Path:
    """A copy of the packaged bundle that a test may damage."""
    return Path(shutil.copytree(DEFAULT_BUNDLE, tmp_path / "bundle"))


def reseal(folder: Path) -> None:
    """Make the sums right again, as somebody would who changes a bundle on purpose."""
    (folder / SUMS).write_bytes(sums_of({name: (folder / name).read_bytes() for name in FILES}))


def test_the_packaged_bundle_loads_and_says_what_it_is(scorer):
    assert (scorer.identity.name, scorer.identity.version) == ("fenqi", "2026.11")
    assert len(scorer.identity.sha256) == 64


@pytest.mark.parametrize("name", FILES)
def test_a_changed_byte_in_any_file_is_refused(copy, name):
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(BundleError, match=name):
        Scorer.load(copy)


@pytest.mark.parametrize("name", [*FILES, SUMS])
def test_a_missing_file_is_refused(copy, name):
    (copy / name).unlink()
    with pytest.raises(BundleError, match=name):
        Scorer.load(copy)


def test_a_folder_that_is_no_bundle_is_refused(tmp_path):
    with pytest.raises(BundleError, match="not a complete bundle"):
        Scorer.load(tmp_path / "nowhere")


def test_sums_must_cover_every_file(copy):
    lines = (copy / SUMS).read_text().splitlines()
    (copy / SUMS).write_text("\n".join(lines[1:]) + "\n")
    with pytest.raises(BundleError, match="list exactly"):
        Scorer.load(copy)


@pytest.mark.parametrize("sums", ["nonsense\n", "\xff\n"])
def test_malformed_sums_are_refused(copy, sums):
    (copy / SUMS).write_text(sums)
    with pytest.raises(BundleError):
        Scorer.load(copy)


def test_reference_rows_that_do_not_come_out_are_refused_even_with_right_sums(copy):
    reference = json.loads((copy / "reference.json").read_text("utf-8"))
    reference["probabilities"]["credit"][7] += 2e-6
    (copy / "reference.json").write_text(json.dumps(reference))
    reseal(copy)
    with pytest.raises(BundleError, match="credit model do not reproduce"):
        Scorer.load(copy)


def test_swapped_models_are_refused_even_with_right_sums(copy):
    fraud, credit = (copy / "fraud.onnx").read_bytes(), (copy / "credit.onnx").read_bytes()
    (copy / "fraud.onnx").write_bytes(credit)
    (copy / "credit.onnx").write_bytes(fraud)
    reseal(copy)
    with pytest.raises(BundleError, match="reference rows"):
        Scorer.load(copy)


def test_a_bundle_for_other_features_is_refused(copy):
    features = json.loads((copy / "features.json").read_text("utf-8"))
    features["features"].reverse()
    (copy / "features.json").write_text(json.dumps(features))
    reseal(copy)
    with pytest.raises(BundleError, match="other features"):
        Bundle.read(copy)


@pytest.mark.parametrize(
    "name", ["bundle.json", "calibration.json", "reasons.json", "reference.json", "trees.npz"]
)
def test_a_malformed_file_is_a_bundle_error_and_nothing_else(copy, name):
    (copy / name).write_bytes(b"{}")
    reseal(copy)
    with pytest.raises(BundleError):
        Scorer.load(copy)


def test_a_file_that_is_no_model_is_refused(copy):
    (copy / "fraud.onnx").write_bytes(b"not a model")
    reseal(copy)
    with pytest.raises(BundleError, match="fraud model cannot be loaded"):
        Scorer.load(copy)


def test_the_bundle_is_small_and_holds_no_pickle():
    files = list(DEFAULT_BUNDLE.iterdir())
    assert {file.name for file in files} == {*FILES, SUMS}
    assert sum(file.stat().st_size for file in files) < 1_000_000
    assert not any(b"\x80\x04\x95" in file.read_bytes()[:16] for file in files)


def test_the_sums_are_those_of_sha256sum():
    lines = (DEFAULT_BUNDLE / SUMS).read_text("ascii").splitlines()
    assert [line.split("  ")[1] for line in lines] == sorted(FILES)
    assert all(len(line.split("  ")[0]) == 64 for line in lines)


def test_the_card_says_that_the_data_is_synthetic_and_gives_figures():
    card = (DEFAULT_BUNDLE / "card.md").read_text("utf-8")
    assert card.startswith("---\n")
    assert "Trained on synthetic data only" in card
    for heading in (
        "## Model details",
        "## Uses",
        "## Bias, risks and limitations",
        "## Training",
        "## Inputs",
        "## Evaluation",
    ):
        assert f"\n{heading}\n" in card
    assert "{" not in card.split("---\n", 2)[2]
