from __future__ import annotations

import io
import json

import pytest

from scoring import DEFAULT_POLICY
from scoring.cli import main

ORDER = {"amount_fen": 599_900, "term": 12, "category": "3c", "max_delinquency_days": 120}


def test_explain_shows_scores_reasons_and_contributions(capsys, tmp_path):
    (tmp_path / "order.json").write_text(json.dumps(ORDER))
    assert main(["explain", str(tmp_path / "order.json"), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["recommendation"]["outcome"] == "review"
    assert "prior_loans" in shown["recommendation"]["missing_sources"]
    assert 300 <= shown["scores"]["credit_score"] <= 850
    assert shown["credit_contributions"]["max_delinquency_days"] > 0
    assert "bias" in shown["fraud_contributions"]
    assert "price_indication" not in shown
    assert "price" not in shown["recommendation"]


def test_explain_indicates_a_price_and_says_that_it_is_not_charged(capsys, tmp_path):
    known = {**dict.fromkeys(DEFAULT_POLICY.required_sources, 0), "applications_on_phone_24h": 1}
    (tmp_path / "order.json").write_text(json.dumps({**ORDER, **known}))
    assert main(["explain", str(tmp_path / "order.json"), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)["price_indication"]
    assert shown["tier"] in "ABCDE"
    assert 1_530 <= shown["annual_rate_bp"] <= 1_800
    assert shown["charged"] is False


def test_explain_reads_standard_input_and_prints_text(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(ORDER)))
    assert main(["explain", "-"]) == 0
    assert "credit_score: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "order.json: not a JSON file: Expecting"),
        ("[]", "must be a JSON object"),
        ('{"amount_fen": 1, "term": 3, "category": "3c", "shoe_size": 43}', "shoe_size"),
        ('{"amount_fen": -1, "term": 3, "category": "3c"}', "amount_fen must be from 1"),
        ('{"term": 3}', "amount_fen"),
    ],
)
def test_bad_input_is_one_clear_sentence(capsys, tmp_path, content, complaint):
    (tmp_path / "order.json").write_text(content)
    assert main(["explain", str(tmp_path / "order.json")]) == 1
    said = capsys.readouterr().err
    assert complaint in said
    assert said.count("\n") == 1


def test_a_missing_file_or_bundle_is_reported(capsys, tmp_path):
    assert main(["explain", str(tmp_path / "none.json")]) == 1
    assert capsys.readouterr().err == f"fenqi-score: {tmp_path / 'none.json'}: No such file or directory\n"
    assert main(["evaluate", "--bundle", str(tmp_path)]) == 1
    assert "not a complete bundle" in capsys.readouterr().err


def test_evaluate_reports_recall_at_fixed_false_positives_beside_the_trivial_accuracy(capsys):
    assert main(["evaluate", "--rows", "3000", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert 0 < shown["fraud"]["recall_at_1_percent_fpr"] < 1
    assert shown["fraud"]["accuracy_of_approving_everybody"] == pytest.approx(
        1 - shown["fraud"]["bad_rate"], abs=1e-4
    )
    assert sum(shown["decisions"]["outcomes"].values()) == pytest.approx(1, abs=0.001)


def test_a_population_without_a_bad_row_is_refused(capsys):
    assert main(["evaluate", "--rows", "3"]) == 1
    assert "more rows" in capsys.readouterr().err


def test_bench_compares_with_bare_onnxruntime(capsys):
    assert main(["bench", "--rounds", "100", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)["microseconds"]
    assert shown["bare onnxruntime"]["p50_ratio"] == 1
    assert shown["score with reasons"]["p50"] > shown["score without reasons"]["p50"] > 0


def test_training_does_not_overwrite(capsys, tmp_path):
    pytest.importorskip("xgboost", reason="training packages are not installed")
    pytest.importorskip("onnx", reason="training packages are not installed")
    (tmp_path / "keep.txt").write_text("mine")
    assert main(["train", "--out", str(tmp_path), "--rows", "1000"]) == 1
    assert "nothing was changed" in capsys.readouterr().err


def test_wrong_usage_ends_with_status_2(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["train", "--out", "x", "--rows", "0"])
    assert ended.value.code == 2
    assert "at least 1" in capsys.readouterr().err
