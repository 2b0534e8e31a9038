"""Without onnxruntime the same bundle is served by xgboost, with answers equal to 1e-6."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from scoring.errors import BundleError
from scoring.features import MODELS
from scoring.scorer import Scorer

pytest.importorskip("xgboost", reason="xgboost is not installed")


@pytest.fixture(scope="module")
def fallback() -> Scorer:
    return Scorer.load(runtime="xgboost")


@pytest.mark.parametrize("model", MODELS)
def test_both_runtimes_answer_alike(scorer, fallback, matrix, model):
    apart = np.abs(scorer.probabilities(matrix, model) - fallback.probabilities(matrix, model)).max()
    assert apart <= 1e-6


def test_both_runtimes_recommend_alike(scorer, fallback, some):
    for application in some[:300]:
        ours, theirs = scorer.decide(application), fallback.decide(application)
        assert (ours.outcome, ours.limit_fen) == (theirs.outcome, theirs.limit_fen)


def test_a_machine_without_onnxruntime_serves_by_xgboost_unasked():
    code = (
        "import sys; sys.modules['onnxruntime'] = None;"
        "from scoring import Application, Scorer;"
        "answer = Scorer.load().decide(Application(amount_fen=599900, term=12, category='3c'));"
        "print('xgboost' in sys.modules, answer.outcome)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "review"]


def test_a_machine_with_neither_is_told_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setitem(sys.modules, "xgboost", None)
    with pytest.raises(BundleError, match="install one"):
        Scorer.load()
