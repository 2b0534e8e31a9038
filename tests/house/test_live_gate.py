"""Before real money is served: what must be right, one by one, and that ``serve`` and ``doctor`` look at the same."""

from __future__ import annotations

import ast
import importlib
import json
import shutil
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway import cli, keyring
from gateway.app import database_of, gateway_of, outside_ports, utc_now
from gateway.config import Settings, WrongSetting, from_environment
from gateway.db.migrate import upgrade
from gateway.db.row_keys import RowKeys
from gateway.oauth import service as oauth
from gateway.process import live_gate
from gateway.web.ports import LOCAL
from tests.house.sources import parsed
from tests.one_database import database_url  # noqa: F401

ROOT = Path(__file__).parents[2]


class Real:
    """Stands for an adapter to a real system."""


def adapters(settings: Settings) -> dict[str, Any]:
    """What ``FENQI_ADAPTERS`` names here."""
    return {
        "funder": Real(),
        "notifier": Real(),
        "institution": Real(),
        "real_name": Real(),
        "bureau": None,
    }


def of_nobody(settings: Settings) -> dict[str, Any]:
    return {"lender": Real()}


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "public_url": ({"public_url": "http://pay.example.com"}, "set FENQI_PUBLIC_URL to the https address"),
    "proxies": ({"proxies": 0}, "FENQI_PROXIES is 0: set it"),
    "simulators": (
        {"adapters": ""},
        "funder, notifier, institution, real_name: a simulator. Connect the real",
    ),
    "institution_key": ({"institution_url": "https://bank.example"}, "set FENQI_INSTITUTION_LIVE_KEY"),
    "reading_time": ({"disclosure_reading_seconds": 0}, "set FENQI_DISCLOSURE_READING_SECONDS to 1"),
    "webhook_local": ({"webhook_local": True}, "unset FENQI_WEBHOOK_LOCAL"),
    "data_folder": ({}, "Run: chmod -R go= "),
    "keys": ({}, "does not contain the key"),
    "database_guards": ({}, "these triggers are missing: "),
    "database_role": ({}, "can bypass the triggers: it owns tables."),
}


@pytest.fixture
def ready(tmp_path: Path, sqlite_template: Path) -> Settings:
    """Settings under which live mode may be served, and a database with a client of it."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    shutil.copyfile(sqlite_template, folder / "fenqi.sqlite")
    (folder / "fenqi.sqlite").chmod(0o600)
    settings = Settings(
        database_url=f"sqlite:///{folder / 'fenqi.sqlite'}",
        data_dir=folder,
        public_url="https://pay.example.com",
        proxies=1,
        adapters=f"{__name__}:adapters",
    )
    make_live(settings)
    return settings


def make_live(settings: Settings) -> None:
    addresses = ["https://pay.example.com/portal/callback"]
    database = database_of(settings, clock=utc_now)
    database.row_keys = lambda: RowKeys({"00000001": bytes(32)})  # there is no folder of keys yet
    database.write(lambda tx: oauth.portal_client(tx, redirect_uris=addresses, mode="live").id)


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """An adapter is found by its name, while pytest imports this file by its path."""
    monkeypatch.setitem(__import__("sys").modules, __name__, importlib.import_module(__name__))


def broken(settings: Settings, check: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    if check == "data_folder":
        settings.data_dir.chmod(0o750)
    if check == "keys":
        keyring.init(settings, database_of(settings, clock=utc_now))
        for file in (settings.data_dir / "keys").iterdir():
            file.unlink()
    if check == "database_guards":
        database = database_of(settings, clock=utc_now)
        database.write(lambda tx: tx.connection().exec_driver_sql("DROP TRIGGER audit_entry_follows"))
    if check == "database_role":  # SQLite has no roles; test_roles.py has those of PostgreSQL
        monkeypatch.setattr(live_gate, "too_mighty", lambda connection: ["it owns tables"])
    return replace(settings, **WRONG[check][0])


def test_every_check_has_a_case() -> None:
    assert [check.__name__ for check in live_gate.CHECKS] == list(WRONG)


def test_live_mode_is_served_where_all_is_right(ready: Settings) -> None:
    assert [finding.problem for finding in live_gate.findings(ready)] == [None] * len(WRONG)
    live_gate.must_be_open(ready)


@pytest.mark.parametrize("check", WRONG)
def test_what_is_wrong_refuses_live_mode_with_what_to_do(
    check: str, ready: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = broken(ready, check, monkeypatch)

    problems = {finding.check: finding.problem for finding in live_gate.findings(settings) if finding.problem}

    assert list(problems) == [check]
    assert WRONG[check][1] in problems[check]
    with pytest.raises(WrongSetting, match="Live mode is configured") as refusal:
        live_gate.must_be_open(settings)
    assert problems[check] in str(refusal.value)


def test_what_is_live_is_known_on_both_databases(database_url: str, tmp_path: Path) -> None:  # noqa: F811
    settings = Settings(database_url=database_url, data_dir=tmp_path)
    assert not live_gate.is_live(settings)
    assert live_gate.is_live(replace(settings, institution_live_key="sk_live_1"))
    assert live_gate.database_guards(settings) is None
    live_gate.must_be_open(settings)  # test mode needs none of it

    make_live(settings)

    assert live_gate.is_live(settings)
    with pytest.raises(WrongSetting, match="FENQI_PUBLIC_URL"):
        live_gate.must_be_open(settings)


def test_doctor_and_serve_say_the_same_and_change_nothing(
    ready: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    for name, value in (("PUBLIC_URL", ready.public_url), ("PROXIES", "1"), ("ADAPTERS", ready.adapters)):
        monkeypatch.setenv(f"FENQI_{name}", value)
    folder = ["--data", str(ready.data_dir)]
    keyring.init(ready, database_of(ready, clock=utc_now))
    before = sorted(path.name for path in ready.data_dir.iterdir())

    assert cli.main(["doctor", *folder, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["check"] for row in rows] == list(WRONG)
    assert all(row["ok"] for row in rows)
    monkeypatch.setenv("FENQI_DISCLOSURE_READING_SECONDS", "0")
    assert cli.main(["doctor", *folder]) == 1
    shown = capsys.readouterr().out
    with pytest.raises(WrongSetting) as refusal:
        cli.main(["serve", *folder, "--port", "1"])

    assert WRONG["reading_time"][1] in shown
    assert "Live mode is configured." in shown
    assert WRONG["reading_time"][1] in str(refusal.value)
    assert [name for name in before if not name.endswith(("-wal", "-shm"))] == [
        path.name for path in sorted(ready.data_dir.iterdir()) if not path.name.endswith(("-wal", "-shm"))
    ]


def test_what_the_gateway_makes_is_for_its_own_user_only(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    settings = Settings(database_url=f"sqlite:///{folder / 'fenqi.sqlite'}", data_dir=folder)
    folder.mkdir(mode=0o700)
    upgrade(settings.database_url)
    here = gateway_of(settings)
    here.db.write(lambda tx: oauth.portal_client(tx, redirect_uris=["https://a.test/cb"], mode="test").id)

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}

    assert {"fenqi.sqlite", "fenqi.sqlite-wal", "keys", "vault.json"} <= set(modes)
    assert all(mode in (0o600, 0o700) for mode in modes.values()), modes
    assert live_gate.data_folder(settings) is None


def test_a_folder_behind_a_link_is_looked_into_too(ready: Settings, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "vault.json").touch(mode=0o600)
    (kept / "in_a_circle").symlink_to(ready.data_dir)
    (ready.data_dir / "keys").symlink_to(kept)
    (ready.data_dir / "nowhere").symlink_to(tmp_path / "nothing")
    kept.chmod(0o755)

    problem = live_gate.data_folder(ready)

    assert problem is not None
    assert problem == (
        f"Other users of this machine can read {kept}. Run: chmod -R go= {ready.data_dir} {kept}"
    )
    kept.chmod(0o700)
    assert live_gate.data_folder(ready) is None


@pytest.mark.parametrize("command", [["migrate"], ["demo", "--port", "1"]], ids=lambda words: words[0])
def test_the_data_folder_is_made_for_its_own_user_only(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setattr("gateway.db.migrate.upgrade", lambda url: None)
    monkeypatch.setattr("gateway.process.demo.upgrade", lambda url: (_ for _ in ()).throw(KeyboardInterrupt))
    monkeypatch.setattr("gateway.process.server.address_to_bind", lambda host, port: host)

    cli.main([*command, "--data", str(tmp_path / "new")])

    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_every_simulator_says_so_to_programs_too() -> None:
    saying = set()
    for path in (ROOT / "gateway").rglob("*.py"):
        module = parsed(path)
        whole_file = (ast.get_docstring(module) or "").startswith("SIMULATOR")
        for node in module.body:
            if isinstance(node, ast.ClassDef) and (
                whole_file or (ast.get_docstring(node) or "").startswith("SIMULATOR")
            ):
                name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
                saying.add(getattr(importlib.import_module(name), node.name))

    assert len(saying) >= 4
    assert [kind.__name__ for kind in saying if not getattr(kind, "simulator", False)] == []


def test_live_mode_is_refused_with_a_bank_that_is_played_whatever_adapters_give(ready: Settings) -> None:
    played = replace(ready, fake_bank_url="http://127.0.0.1:8410", institution_live_key="sk_live_1")
    said = "FENQI_FAKE_BANK_URL plays a bank for test mode only: unset it."
    assert live_gate.simulators(played) == said
    with pytest.raises(WrongSetting, match="FENQI_FAKE_BANK_URL"):
        live_gate.must_be_open(played)


def test_every_port_to_the_outside_may_be_given_by_adapters(ready: Settings) -> None:
    """Or ``simulators`` would not see it; webhooks and the keeper of roots have no simulator."""
    outside = set(vars(gateway_of(ready).ports)) - set(LOCAL) - {"webhook_transport", "roots_target"}

    assert outside == set(outside_ports(ready))


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ("no_such_module_at_all:adapters", "No module named 'no_such_module_at_all'"),
        ("gateway.config:nothing", "has no attribute 'nothing'"),
        (
            f"{__name__}:of_nobody",
            "has lender: expected any of funder, notifier, institution, real_name, bureau",
        ),
    ],
)
def test_adapters_that_cannot_be_used_are_named(named: str, says: str, ready: Settings) -> None:
    with pytest.raises(WrongSetting, match="FENQI_ADAPTERS") as refusal:
        outside_ports(replace(ready, adapters=named))
    assert says in str(refusal.value)
    with pytest.raises(WrongSetting, match="expected MODULE:FUNCTION"):
        from_environment({"FENQI_ADAPTERS": "mybank"})
