from __future__ import annotations

import json

import numpy as np
import pytest

from scoring.bundle import SUMS
from scoring.features import MODELS, feature_matrix, feature_vector, model_columns
from scoring.forest import Forest, LeafPaths, with_exact_sums
from scoring.scorer import Scorer
from scoring.training.checkpoint import Checkpoint
from scoring.training.generator import generate

pytestmark = pytest.mark.long(10)

xgboost = pytest.importorskip("xgboost", reason="training packages are not installed")
pytest.importorskip("onnx", reason="training packages are not installed")

from scoring.training.plan import TrainingPlan  # noqa: E402
from scoring.training.train import booster_probabilities, fit_model, train  # noqa: E402

SMALL = TrainingPlan(rows=4_000, seed=7, trees=15, evaluation_rows=3_000, version="test")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A bundle trained in a second, the progress it reported, and both models before they were written."""
    folder, steps, fitted = tmp_path_factory.mktemp("trained") / "small", [], {}

    def noted(library, model, **given):
        fitted[model] = fit_model(library, model, **given)
        return fitted[model]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scoring.training.train.fit_model", noted)
        train(folder, SMALL, steps.append)
    return folder, steps, fitted


@pytest.fixture(scope="module")
def small_bundle(trained):
    return trained[:2]


@pytest.fixture(scope="module")
def fitted(trained):
    return trained[2]


def booster_of(fitted):
    booster = xgboost.Booster()
    booster.load_model(bytearray(fitted.ubj))
    return booster


@pytest.fixture(scope="module")
def rows():
    return feature_matrix(generate(1_000, seed=31).applications())


def test_a_trained_bundle_loads_and_reports_every_step(small_bundle):
    folder, steps = small_bundle
    assert Scorer.load(folder).identity.version == "test"
    assert len(steps) == SMALL.steps


@pytest.mark.parametrize("model", MODELS)
def test_the_served_model_equals_the_booster(small_bundle, fitted, rows, model):
    served = Scorer.load(small_bundle[0]).probabilities(rows, model)
    trained = booster_probabilities(xgboost, fitted[model], model, rows)
    assert np.abs(served - trained).max() <= 1e-7


def test_leaves_add_up_without_error_in_any_order_and_stay_what_was_grown(rows):
    columns = list(model_columns("fraud"))
    inputs = np.ascontiguousarray(rows[:, columns])
    bad = rows[:, columns[0]] > np.median(rows[:, columns[0]])
    parameters = {"objective": "binary:logistic", "base_score": 0.013, "max_depth": 4, "eta": 0.3, "seed": 1}
    grown = xgboost.train(parameters, xgboost.DMatrix(inputs, label=bad), 60)
    rounded = xgboost.Booster()
    rounded.load_model(bytearray(with_exact_sums(bytes(grown.save_raw("json")))))
    forest = Forest.from_booster_json(bytes(rounded.save_raw("json")), range(len(columns)), len(columns))
    leaves = rounded.predict(xgboost.DMatrix(inputs), pred_leaf=True).astype(int)
    values = forest.value[forest.roots[None, :] + leaves]
    exact = values.astype(np.float64).sum(axis=1)
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(values.shape[1])
        summed = np.zeros(len(rows), dtype=np.float32)
        for tree in order:
            summed += values[:, tree]
        assert (summed == exact).all()
    served = rounded.inplace_predict(inputs, predict_type="margin")
    assert (served == exact).all()
    np.testing.assert_allclose(served, grown.inplace_predict(inputs, predict_type="margin"), atol=1e-4)


@pytest.mark.parametrize("model", MODELS)
def test_contributions_equal_the_training_librarys_exact_ones(fitted, rows, model):
    columns = list(model_columns(model))
    inputs = xgboost.DMatrix(np.ascontiguousarray(rows[:200, columns]))
    expected = booster_of(fitted[model]).predict(inputs, pred_contribs=True)
    paths = LeafPaths(fitted[model].blended.forest)
    for row, theirs in zip(rows[:200], expected, strict=True):
        ours = paths.contributions(row)
        np.testing.assert_allclose(ours.values[columns], theirs[:-1], atol=1e-5)
        assert ours.bias == pytest.approx(theirs[-1], abs=1e-5)


def test_the_walker_equals_the_booster_also_where_everything_is_unknown(fitted, an_application):
    row = np.full_like(feature_vector(an_application()), np.nan)
    for model in MODELS:
        inputs = xgboost.DMatrix(np.ascontiguousarray(row[:, model_columns(model)]))
        expected = booster_of(fitted[model]).predict(inputs, output_margin=True)[0]
        assert LeafPaths(fitted[model].blended.forest).logit(row[0]) == pytest.approx(expected, abs=1e-5)


def test_an_existing_folder_is_left_alone(tmp_path):
    (tmp_path / "keep.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="nothing was changed"):
        train(tmp_path, SMALL)
    assert [file.name for file in tmp_path.iterdir()] == ["keep.txt"]


def test_an_interrupted_training_writes_no_bundle_goes_on_where_it_stopped_and_gives_the_same_bytes(
    small_bundle, tmp_path, monkeypatch
):
    def interrupted(*_):
        raise KeyboardInterrupt

    out = tmp_path / "small"
    with monkeypatch.context() as patch:
        patch.setattr("scoring.training.train.evaluate", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(out, SMALL)
    assert not out.exists()
    with monkeypatch.context() as patch:
        patch.setattr("scoring.training.train._held_out", interrupted)  # no fold is done a second time
        train(out, SMALL)
    assert (out / SUMS).read_bytes() == (small_bundle[0] / SUMS).read_bytes()
    assert [file.name for file in tmp_path.iterdir()] == ["small"]


def test_what_was_reached_for_another_plan_is_thrown_away(tmp_path):
    kept = Checkpoint(tmp_path / "reached", {"seed": 1})
    assert kept.bytes("step", lambda: b"one") == b"one"
    assert Checkpoint(tmp_path / "reached", {"seed": 1}).bytes("step", lambda: b"two") == b"one"
    assert Checkpoint(tmp_path / "reached", {"seed": 2}).bytes("step", lambda: b"two") == b"two"


def test_the_gate_is_told_in_the_bundle_and_on_its_card(small_bundle, fitted):
    about = json.loads((small_bundle[0] / "bundle.json").read_text())
    card = (small_bundle[0] / "card.md").read_text()
    for model in MODELS:
        gate = fitted[model].gate
        assert about["gates"][model] == gate.as_json()
        assert set(gate.alone) == {"trees", "network", "logistic"}
        assert "logistic" not in gate.best
        assert f"{gate.alone['logistic']:.4f}" in card
        assert (fitted[model].blended.network is not None) == gate.passed
