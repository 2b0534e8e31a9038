"""Keys are made by ``keys init`` alone, and a gateway starts with the keys of its database or not at all."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine

from gateway import cli, keyring
from gateway.db import keyed, witness
from gateway.db.tables import metadata
from gateway.oauth.tokens.keys import SigningKeys
from gateway.privacy.row_key_file import RowKeyFile
from gateway.privacy.vault import Vault
from gateway.process import server
from tests.by_force import by_force

CREATE = keyring.create
OPENED = keyring.Keyring
Command = Callable[..., tuple[int, str]]


@pytest.fixture
def url(sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated database."""
    shutil.copy(sqlite_template, tmp_path / "fenqi.sqlite")
    return f"sqlite:///{tmp_path / 'fenqi.sqlite'}"


@pytest.fixture
def command(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Run a command on a migrated database that has no keys yet, as it runs outside of the tests."""

    def opened(data_dir: Path, clock: Any = None) -> keyring.Keyring:
        authority = keyring.BuiltInAuthority.of_folder(data_dir)
        tokens, vault = SigningKeys.of_folder(data_dir, clock), Vault.of_folder(data_dir)
        return OPENED(tokens, authority, vault, RowKeyFile.of_folder(data_dir))

    monkeypatch.setattr(keyring, "opened", opened)
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("FENQI_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "data").mkdir(mode=0o700)

    def run(*words: str) -> tuple[int, str]:
        status = cli.main(words)
        said = capsys.readouterr()
        return status, said.out + said.err

    return run


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "data" / "keys"


STARTS = (("serve", "--port", "8499"), ("worker",), ("settle",), ("client", "list"), ("keys", "list"))


@pytest.mark.parametrize("words", STARTS)
def test_without_keys_nothing_starts_and_none_are_made(
    command: Command, keys: Path, words: tuple[str, ...]
) -> None:
    if words == ("client", "list"):
        words = ("privacy", "keys")  # a client is listed without keys
    status, said = command(*words)
    assert status == 1
    assert said.startswith(f"There is no key file {keys}/")
    assert "fenqi-gateway keys init" in said
    assert not keys.exists()


def test_init_makes_them_once_and_a_second_time_only_checks_them(command: Command, keys: Path) -> None:
    status, said = command("keys", "init")
    assert status == 0, said
    made = {path.name: path.read_bytes() for path in keys.iterdir()}
    assert made.pop("rows.json.lock") == b""
    assert set(made) == {"vault.json", "contracts.json", "documents.json", "signing.json", "rows.json"}
    assert command("keys", "init")[0] == 0
    assert {path.name: path.read_bytes() for path in keys.glob("*.json")} == made
    assert command("keys", "list")[0] == 0
    assert command("doctor", "--json")[1].count('"check": "keys",\n    "ok": true') == 1


def test_another_hosts_own_folder_is_refused(
    command: Command, keys: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    command("keys", "init")
    other = tmp_path / "second"
    other.mkdir(mode=0o700)
    monkeypatch.setenv("FENQI_DATA_DIR", str(other))
    status, said = command("keys", "init")
    assert (status, said.count("There is no key file")) == (1, 1), "the database has keys: none are made"
    assert not (other / "keys").exists()
    CREATE(other)  # whoever makes them all the same
    for words in STARTS[:3] + STARTS[4:]:
        status, said = command(*words)
        assert status == 1
        assert said.startswith(f"{other}/keys/vault.json does not contain the key "), said
        assert "Give every host the same key folder" in said
    assert f"{other}/keys/vault.json does not contain" in command("doctor")[1]
    monkeypatch.setenv("FENQI_DATA_DIR", str(keys.parent))
    assert command("keys", "list")[0] == 0


@pytest.mark.parametrize("name", ["vault.json", "contracts.json", "signing.json", "rows.json"])
def test_a_missing_file_is_named_and_not_made_anew(command: Command, keys: Path, name: str) -> None:
    command("keys", "init")
    (keys / name).unlink()
    for words in (("keys", "init"), ("keys", "list"), ("settle",)):
        status, said = command(*words)
        assert (status, said.count(f"There is no key file {keys / name}")) == (1, 1)
    assert not (keys / name).exists()


def test_a_rotation_is_recorded_and_a_copy_from_before_it_is_refused(
    command: Command, keys: Path, tmp_path: Path
) -> None:
    command("keys", "init")
    shutil.copytree(keys, tmp_path / "before")
    assert command("privacy", "rotate-keys")[0] == 0
    assert command("keys", "rotate")[0] == 0
    assert command("keys", "rotate", "--rows")[0] == 0
    assert command("keys", "list")[0] == 0
    for name in ("vault.json", "signing.json", "rows.json"):
        kept = (keys / name).read_bytes()
        shutil.copy(tmp_path / "before" / name, keys / name)
        status, said = command("keys", "list")
        assert (status, f"{name} does not contain the key" in said) == (1, True)
        (keys / name).write_bytes(kept)
    assert command("keys", "list")[0] == 0


def test_an_older_release_left_keys_that_the_database_does_not_know(
    command: Command, keys: Path, url: str
) -> None:
    CREATE(keys.parent)
    assert command("keys", "list")[0] == 0, "who only reads records nothing"
    engine = create_engine(url)
    with engine.begin() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM key_in_use").scalar_one() == 0
        connection.exec_driver_sql(
            "INSERT INTO subject_key (subject_id, key_id, wrapped, created_at)"
            " VALUES ('shp_1', 'abcdef01', x'00', '2026-01-01T00:00:00.000000+00:00')"
        )
    status, said = command("settle")
    assert (status, "does not contain the key abcdef01, which sealed" in said) == (1, True)
    current = json.loads((keys / "vault.json").read_text())["sealing"][0]["id"]
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE subject_key SET key_id = ?", (current,))
    assert command("settle")[0] == 0
    with engine.begin() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM key_in_use").scalar_one() == 7
    engine.dispose()


def test_rows_of_an_older_release_are_hashed_by_init_once(command: Command, keys: Path, url: str) -> None:
    """A key is no pardon: what did not fit its hash of before stays named, and so is what is edited later."""
    command("keys", "init")
    names = ("--name", "商店", "--name-en", "Shop", "--category", "3c", "--email", "a@shop.example")
    assert command("merchant", "create", *names)[0] == 0
    engine = create_engine(url)
    as_of_before(engine)
    (keys / "rows.json").unlink()
    status, said = command("verify", "--only", "audit")
    assert (status, said.count(f"There is no key file {keys / 'rows.json'}")) == (1, 1)
    assert "run: fenqi-gateway keys init" in said
    with engine.begin() as connection:
        by_force(connection, "UPDATE team_member SET role = 'viewer'")
    assert command("keys", "init")[0] == 0
    [row] = rows_named(command)
    assert row.startswith("team_member")
    assert row.endswith("so the gateway did not write it")
    made = (keys / "rows.json").read_bytes()
    with engine.begin() as connection:
        by_force(connection, "UPDATE merchant SET payout_account = 'acct_of_a_thief'")
        witness.write_down(connection, [metadata().tables["merchant"]])
        by_force(connection, "DELETE FROM key_in_use WHERE kind = 'rows'")
    status, said = command("keys", "init")
    assert (status, "run: fenqi-gateway keys init --again" in said) == (1, True), said
    assert (keys / "rows.json").read_bytes() == made, "what was hashed once is not hashed again"
    row, _ = sorted(rows_named(command))
    assert row.startswith("merchant mer_")
    assert "its hash has no key" in row
    engine.dispose()


def test_a_backup_of_before_the_upgrade_is_hashed_once_more_when_that_is_said(
    command: Command, keys: Path, url: str
) -> None:
    command("keys", "init")
    names = ("--name", "商店", "--name-en", "Shop", "--category", "3c", "--email", "a@shop.example")
    assert command("merchant", "create", *names)[0] == 0
    engine = create_engine(url)
    as_of_before(engine)
    with engine.begin() as connection:
        by_force(connection, "UPDATE team_member SET role = 'viewer'")
    assert len(rows_named(command)) > 1
    assert command("keys", "init")[0] == 1
    made = (keys / "rows.json").read_text("utf-8")
    assert command("keys", "init", "--again")[0] == 0
    [row] = rows_named(command)
    assert row.startswith("team_member"), "what did not fit its hash of before stays named"
    assert json.loads(made)["keys"] == json.loads((keys / "rows.json").read_text("utf-8"))["keys"]
    assert command("keys", "init")[0] == 0
    engine.dispose()


def rows_named(command: Command) -> list[str]:
    status, said = command("audit", "verify", "--json")
    assert status == 1, said
    return [problem["detail"] for problem in json.loads(said)["problems"] if problem["what"] == "row"]


def as_of_before(engine: Engine) -> None:
    """Take out of a database what a release without keys for rows did not write."""
    with engine.begin() as connection:
        by_force(connection, "DELETE FROM row_version WHERE sha256 IS NOT NULL")
        for name in keyed.tables():
            by_force(connection, f"UPDATE {name} SET keyed_hash = NULL")
        witness.write_down(connection, [metadata().tables[name] for name in witness.WITNESSED])
        by_force(connection, "DELETE FROM key_in_use WHERE kind = 'rows'")


def test_a_gateway_does_not_start_with_keys_whose_init_was_interrupted(
    command: Command, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(witness, "adopt", killed)
        with contextlib.suppress(KeyboardInterrupt):
            command("keys", "init")
    status, said = command("settle")
    assert status == 1
    assert "keys init was interrupted. Run it again: fenqi-gateway keys init." in said
    assert command("keys", "init")[0] == 0
    assert command("settle")[0] == 0


def test_nothing_but_init_makes_keys() -> None:
    product = Path(keyring.__file__).parent
    makers = {
        str(path.relative_to(product))
        for path in product.rglob("*.py")
        if any(
            f"{name}.create(" in path.read_text("utf-8")
            for name in ("SigningKeys", "BuiltInAuthority", "BuiltInDocumentAuthority", "Vault", "RowKeyFile")
        )
    }
    callers = {
        str(path.relative_to(product))
        for path in product.rglob("*.py")
        if "keyring.init(" in path.read_text("utf-8") or "keyring.create(" in path.read_text("utf-8")
    }
    assert makers == {"keyring.py"}
    assert callers == {"process/demo.py", "cli/clients.py"}
    assert server  # imported as the rest of the start
