"""Every measurement of ``./run bench`` runs: at its smoke size, and without an error of the server it asks."""

from __future__ import annotations

import json
import math
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from bench import __main__ as main_module
from bench import books, growth, ledger_hordak, report
from bench.__main__ import entries, main, served
from bench.load import Waits
from bench.report import Row
from bench.size import SMOKE
from gateway.db.migrate import upgrade
from gateway.ledger.integrity import chain, chain_state
from tests.warm import Process, python

pytestmark = pytest.mark.long(25)

BENCH = Path(__file__).parents[2] / "bench"
ONLY_PRINTED = {
    "disk",
    "growth",
    "ledger_export",
    "ledger_hordak",
    "ledger_post",
    "ledger_verify",
    "outside",
    "soak",
}
"""What prints a table of its own and has no row in the one at the end, or none without PostgreSQL."""
FIGURE = re.compile(r"\d+\.\d|\d+/s")


@pytest.fixture(scope="module", autouse=True)
def migrated(sqlite_template: Path) -> Iterator[None]:
    """Each SQLite file that a measurement makes is a copy of a migrated one: it measures no migration."""

    def copied(url: str) -> None:
        path = make_url(url).database if url.startswith("sqlite") else None
        shutil.copy(sqlite_template, path) if path else upgrade(url)

    with pytest.MonkeyPatch.context() as patch:
        for module in [sys.modules[measure.__module__] for measure in entries().values()] + [
            main_module,
            books,
        ]:
            if hasattr(module, "upgrade"):
                patch.setattr(module, "upgrade", copied)
        yield


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, migrated: None) -> Iterator[dict[str, Any]]:
    """A server under measurement, as ``./run bench`` starts it."""
    folder = tmp_path_factory.mktemp("bench")

    def started(code: str, environ: dict[str, str]) -> Process:
        return Process(python, code, environ=environ, log=folder / "server.log")

    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DATABASE_URL", raising=False)
        patch.setattr(main_module, "started", started)
        with served(folder) as found:
            yield found


def test_every_file_that_measures_is_an_entry() -> None:
    measuring = {path.stem for path in BENCH.glob("*.py") if "def measure(" in path.read_text("utf-8")}

    assert set(entries()) == measuring
    assert len(measuring) >= 10


@pytest.mark.parametrize("name", entries())
def test_measurement_prints_figures_at_smoke_size(
    name: str, place: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)

    rows = entries()[name](place, SMOKE)

    printed = capsys.readouterr().out
    assert FIGURE.search(printed), printed
    assert not re.search(r"errors [1-9]", printed), printed
    assert (rows is None) == (name in ONLY_PRINTED)
    assert rows is None or len(report.table(rows).splitlines()) == 1 + len(rows) > 1


def test_a_round_too_short_for_two_answers_does_not_end_the_run() -> None:
    assert Waits([7.0], 0.2, 0).percentile(99) == 7.0
    assert math.isnan(Waits([], 0.2, 0).percentile(50))


def test_figures_are_told_with_goal_yardstick_and_verdict_as_a_table_and_as_json(tmp_path: Path) -> None:
    rows = [
        Row("door: token", 300.0, "/s", report.at_least(0.6, of_yardstick=True), yardstick=400.0),
        Row("confirm: p95", 120.0, "ms", report.at_most(100)),
        Row("day: loans", 1234.5, "/s", yardstick=0.0),
    ]
    report.write(tmp_path / "figures.json", {"cores": 2}, rows)

    lines = [re.split(r"  +", line) for line in report.table(rows).splitlines()]
    assert lines == [
        ["measurement", "result", "yardstick", "ratio", "goal", "met"],
        ["door: token", "300 /s", "400 /s", "0.75", "at least 0.6 of the yardstick", "yes"],
        ["confirm: p95", "120 ms", "at most 100", "no"],
        ["day: loans", "1,234 /s", "0 /s"],
    ]
    said = json.loads((tmp_path / "figures.json").read_text("utf-8"))
    assert said["cores"] == 2
    assert [(row["ratio"], row["met"]) for row in said["rows"]] == [(0.75, True), (None, False), (None, None)]
    assert said["rows"][0]["goal"] == "at least 0.6 of the yardstick"


@pytest.mark.own_database
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_posting_is_measured_on_postgresql_too(
    database_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)

    entries()["ledger_post"]({}, replace(SMOKE, postgresql=True))

    assert "on postgresql" in capsys.readouterr().out


@pytest.mark.skipif(not ledger_hordak.PYTHON.exists(), reason="needs requirements/yardstick.txt, see ./run")
@pytest.mark.own_database
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_posting_is_measured_beside_another_ledger(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)

    rows = entries()["ledger_hordak"]({}, replace(SMOKE, postgresql=True))

    assert rows is not None
    assert [row.name for row in rows] == ["ledger_hordak: 1 thread", "ledger_hordak: 8 threads"]
    assert all(row.result > 0 and row.yardstick for row in rows)


@pytest.mark.own_database
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_no_step_reads_more_rows_behind_more_payments(
    database_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growth, "upgrade", lambda _: None)
    monkeypatch.setattr(books, "postgresql", lambda _: nullcontext(database_url))
    # Both are bounds; here they would be larger than the book.
    monkeypatch.setattr(growth, "SLACK", 30)
    monkeypatch.setattr(chain, "ENTRIES_A_ROUND", 5)
    monkeypatch.setattr(chain_state, "LOOKED_BACK", 5)

    entries()["growth"]({}, replace(SMOKE, postgresql=True))

    printed = capsys.readouterr().out
    assert "errors 0" in printed, printed
    [(none, many)] = re.findall(r"balance  +(\d+) / (\d+)", printed)
    assert int(many) > 2 * int(none), printed  # what is known to grow is seen to


def test_unknown_measurement_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refusal:
        main(["chekout"])

    assert refusal.value.code == 2
    assert "'chekout' is not a measurement; there are checkout, clients, confirm" in capsys.readouterr().err
