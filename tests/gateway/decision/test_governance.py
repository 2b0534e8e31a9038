"""Challengers in shadow, the score log, replay and monitoring on the gateway's own decisions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gateway.cli import main
from gateway.config import WrongSetting, from_environment
from gateway.decision import score_log
from gateway.decision.bureau import BureauUnavailable
from gateway.decision.scorer import EmbeddedScorer
from gateway.decision.shadow import Challenger
from gateway.identity.invented import invented_id_number
from gateway.process.worker import drain_outbox
from scoring.bundle import DEFAULT_BUNDLE
from scoring.governance import scorelog as log
from scoring.governance.replay import replay
from scoring.scorer import Scorer
from tests.by_force import by_force
from tests.gateway.scorer import loaded_scorer
from tests.one_database import database_url  # noqa: F401

PHONES = [f"139{n:08}" for n in range(1, 9)]


def decide(api: Any, phone: str) -> str:
    checkout = api.checkout()
    body = {"term": 12, "phone": phone, "id_number": invented_id_number(phone)}
    status: str = api.post(f"/v1/test_helpers/checkouts/{checkout['id']}/complete", body).json["status"]
    return status


def rows(app: Any, query: str) -> list[Any]:
    with app.extensions["fenqi"].db.read() as tx:
        return list(tx.execute(text(query)).all())


@pytest.fixture
def gateway(app: Any) -> Any:
    return app.extensions["fenqi"]


@pytest.fixture
def command(gateway: Any, monkeypatch: Any, capsys: Any) -> Any:
    """Run ``fenqi-gateway scores …`` on the app's database; exit code and output."""
    monkeypatch.setenv("DATABASE_URL", gateway.settings.database_url)

    def run(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        return main(["scores", *words, "--data", str(gateway.settings.data_dir)]), capsys.readouterr().out

    return run


def test_a_challenger_scores_its_share_after_the_decision_and_once(app: Any, api: Any, gateway: Any) -> None:
    gateway.ports.challengers = [
        Challenger("all", EmbeddedScorer(str(DEFAULT_BUNDLE)), 10_000),
        Challenger("half", loaded_scorer(), 5_000),
    ]
    for phone in PHONES:
        decide(api, phone)
    assert rows(app, "SELECT * FROM shadow_score") == []
    drain_outbox(gateway)
    counts = dict(rows(app, "SELECT challenger, count(*) FROM shadow_score GROUP BY challenger"))
    assert counts["all"] == len(PHONES)
    assert 0 < counts["half"] < len(PHONES)
    same = rows(
        app,
        "SELECT count(*) FROM shadow_score s JOIN credit_decision d ON d.id = s.decision_id"
        " WHERE abs(s.default_probability - d.default_probability) < 1e-9 AND s.outcome = d.recommended",
    )
    assert same == [(sum(counts.values()),)]
    with gateway.db.engine.execution_options(writes=True).begin() as connection:
        connection.execute(text("UPDATE outbox SET done_at = NULL, next_at = created_at"))
    drain_outbox(gateway)
    assert rows(app, "SELECT count(*) FROM shadow_score") == [(sum(counts.values()),)]


@pytest.mark.parametrize("broken", ["refused", "away"])
def test_a_broken_challenger_changes_no_decision(
    app: Any, api: Any, gateway: Any, tmp_path: Path, broken: str
) -> None:
    alone = [decide(api, phone) for phone in PHONES[:4]]
    gateway.ports.challengers = [Challenger("bad", EmbeddedScorer(str(tmp_path)), 10_000)]
    assert [decide(api, phone) for phone in PHONES[4:]] == alone
    if broken == "away":
        gateway.ports.challengers = []
    drain_outbox(gateway)
    assert rows(app, "SELECT * FROM shadow_score") == []
    assert rows(app, "SELECT count(*) FROM outbox WHERE done_at IS NULL AND topic = 'decision.shadow'") == [
        (0,)
    ]


def test_the_score_log_holds_what_was_scored_and_no_play(
    app: Any, api: Any, gateway: Any, command: Any, tmp_path: Path
) -> None:
    gateway.ports.challengers = [Challenger("all", loaded_scorer(), 10_000)]
    for phone in ("13800000001", "13800000003", *PHONES[:3]):
        decide(api, phone)
    drain_outbox(gateway)
    out = tmp_path / "log.jsonl.gz"
    code, told = command("export", "--mode", "test", "--out", str(out))
    assert (code, told.split()[0]) == (0, "6")
    found = list(log.read(out))
    assert [record.role for record in found] == ["champion", "all"] * 3
    assert "139000000" not in out.read_text("latin-1")
    assert command("export", "--mode", "test", "--out", str(out))[0] == 1, "a file is never written over"
    code, told = command("export", "--mode", "test", "--to", "2026-11-22", "--out", str(tmp_path / "none"))
    assert told.split()[0] == "0"


def test_a_decision_is_computed_again_from_its_row(app: Any, api: Any, gateway: Any, command: Any) -> None:
    gateway.ports.bureau = None
    decide(api, PHONES[0])
    ((decision,),) = rows(app, "SELECT id FROM credit_decision")
    code, told = command("replay", decision, "--json")
    assert code == 0, told
    (score,) = json.loads(told)["scores"]
    assert (score["same_model"], score["differs"]) == (True, [])
    with gateway.db.engine.execution_options(writes=True).begin() as connection:
        by_force(connection, "UPDATE credit_decision SET credit_score = 850")
    code, told = command("replay", decision, "--json")
    assert (code, json.loads(told)["scores"][0]["differs"]) == (1, ["credit_score"])
    assert command("replay", "dec_none")[0] == 1


def test_monitoring_needs_cases_and_says_so(api: Any, command: Any) -> None:
    assert command("monitor", "--mode", "test")[0] == 1
    decide(api, PHONES[0])
    code, told = command("monitor", "--mode", "test", "--json")
    assert (code, json.loads(told)["status"]) == (0, "too few")


@pytest.mark.parametrize(
    "value", ["x", "a=/nowhere:100", "a={}:0", "a={}:10001", "champion={}:5", "a={}:5,a={}:6"]
)
def test_a_setting_that_cannot_be_used_stops_the_start(value: str) -> None:
    with pytest.raises(WrongSetting, match="FENQI_SCORER_CHALLENGERS"):
        from_environment({"FENQI_SCORER_CHALLENGERS": value.replace("{}", str(DEFAULT_BUNDLE))})
    good = from_environment({"FENQI_SCORER_CHALLENGERS": f"autumn={DEFAULT_BUNDLE}:2000"})
    assert good.scorer_challengers == (("autumn", str(DEFAULT_BUNDLE), 2000),)


def test_a_challenger_must_know_what_the_champion_had_to_and_its_log_is_repeated(
    app: Any, api: Any, gateway: Any, tmp_path: Path
) -> None:
    gateway.ports.challengers = [Challenger("twin", EmbeddedScorer(str(DEFAULT_BUNDLE)), 10_000)]
    gateway.ports.bureau = Silent()
    assert decide(api, PHONES[0]) == "under_review"
    gateway.ports.bureau, scorer = None, gateway.ports.scorer
    gateway.ports.scorer = EmbeddedScorer(str(tmp_path))
    assert decide(api, PHONES[1]) == "under_review"
    gateway.ports.scorer = scorer
    drain_outbox(gateway)
    with gateway.db.read() as tx:
        told = list(score_log.records(tx, "test"))
    shown = [(record.role, record.outcome, record.policy.partition(" requiring ")[2]) for record in told]
    assert shown == [
        ("champion", "review", "bureau_queries_3m"),
        ("twin", "review", "bureau_queries_3m"),
        ("champion", "review", ""),
        ("twin", "approve", ""),
    ]
    repeated = replay(Scorer.load(), told)
    assert (repeated.differences, repeated.others) == ((), {})


class Silent:
    """A bureau that gives no answer."""

    def report(self, inquiry: Any) -> Any:
        raise BureauUnavailable

    look_up = report
