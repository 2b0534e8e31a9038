"""Drift against a reference, rates, gaps, and what a challenger says."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from scoring.cli import main
from scoring.governance import scorelog
from scoring.governance.monitor import monitor
from scoring.governance.scorelog import CHAMPION


@pytest.fixture(scope="module")
def drifted(records, scorer):
    """The same applicants, with six queries more at the bureau and half the income."""
    from scoring.application import Application  # noqa: PLC0415

    found = []
    for record in records:
        if record.role != CHAMPION:
            continue
        features = dict(record.features)
        if features["bureau_queries_3m"] is not None:
            features["bureau_queries_3m"] += 6
        if features["declared_monthly_income_fen"] is not None:
            features["declared_monthly_income_fen"] //= 2
        answer = scorer.decide(Application(**features))
        found.append(
            replace(
                record,
                features=features,
                fraud_probability=answer.scores.fraud_probability,
                default_probability=answer.scores.default_probability,
                credit_score=answer.scores.credit_score,
                outcome=answer.outcome,
            )
        )
    return found


def test_the_generators_own_people_have_not_moved(scorer, records):
    found = monitor(scorer, records)
    assert found["status"] == "ok"
    assert found["cases"] == 1_200
    assert {"fraud_probability", "default_probability"} < found["psi"].keys()
    assert len(found["psi"]) == 12
    assert sum(found["outcomes"].values()) == pytest.approx(1, abs=1e-3)
    assert 0.1 < found["unknown"]["bureau_lenders"] < 0.6
    assert found["days"] == ["2026-11-01", "2026-11-20"]


def test_poorer_applicants_are_an_alarm_that_names_the_score(scorer, records, drifted):
    found = monitor(scorer, drifted, records)
    assert found["status"] == "alarm"
    assert found["psi"]["default_probability"]["status"] in ("watch", "alarm")
    assert "alarm" in {
        found["psi"].get(n, {}).get("status") for n in ("bureau_queries_3m", "instalment_to_income")
    }
    assert found["reference"] == "a score log"


def test_a_challenger_is_compared_decision_by_decision(scorer, records):
    found = monitor(scorer, records)["challengers"]["strict"]
    assert found["cases"] == 40
    assert found["mean_credit_score_difference"] == -10
    assert found["outcomes"]["approve"]["decline"] > 0
    agreed = sum(found["outcomes"][outcome][outcome] for outcome in found["outcomes"])
    assert found["agreement"] == pytest.approx(agreed / 40)


def test_few_cases_and_none_are_said(scorer, records):
    assert monitor(scorer, records[:50])["status"] == "too few"
    with pytest.raises(ValueError, match="no score of a champion"):
        monitor(scorer, [r for r in records if r.role != CHAMPION])


def test_the_command_ends_with_3_for_an_alarm(records, drifted, tmp_path, capsys):
    for name, some in (("then", records), ("now", drifted)):
        scorelog.write(tmp_path / name, some)
    then, now = str(tmp_path / "then"), str(tmp_path / "now")
    assert main(["monitor", "--log", now, "--reference", then, "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["status"] == "alarm"
    assert main(["monitor", "--log", then, "--reference", then]) == 0
    assert main(["monitor", "--log", str(tmp_path / "none")]) == 1
