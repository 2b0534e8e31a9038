"""The key that people are looked up by changes: nobody is missed meanwhile, and the old key is gone afterwards."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from sqlalchemy import text

from gateway.audit.service import Actor
from gateway.core.tenant import Tenant
from gateway.data_requests import reindexing
from gateway.data_requests.rotation import KeyInUse
from gateway.db.progress import silent
from gateway.decision import commands as list_commands
from gateway.decision import lists
from gateway.identity import codes
from gateway.identity import service as identity
from gateway.identity.invented import invented_id_number
from gateway.privacy.vault import Vault

PHONE = "+8613800000001"
ME = Actor("operator", "ming")


@pytest.fixture
def gateway(app: Any) -> Any:
    return app.extensions["fenqi"]


def recognised(gateway: Any, number: int, phone: str = PHONE) -> str:
    person = identity.Identity("张三", invented_id_number(f"person {number}"), phone)
    return gateway.db.write(lambda tx: identity.recognise(tx, gateway.vault, mode="test", identity=person).id)


def hashes(gateway: Any, table: str, *columns: str) -> set[str]:
    with gateway.db.read() as tx:
        rows = tx.execute(text(f"SELECT {', '.join(columns)} FROM {table}")).all()
    return {value for row in rows for value in row}


def rotate(gateway: Any, clock: Any, **options: Any) -> reindexing.Reindexed:
    here: dict[str, Any] = {"forget": False, "progress": silent, "wait": lambda s: clock.advance(seconds=s)}
    return reindexing.rotate_lookup(gateway, ME, **{**here, **options})


def test_everybody_is_found_before_while_and_after(gateway, clock, capsys):
    shoppers = [recognised(gateway, number) for number in range(4)]
    by_phone = {"mode": "test", "kind": "blocked", "of": "phone", "value": "13800000001", "note": "fraud"}
    list_commands.add(gateway, ME, **by_phone)
    gateway.db.write(lambda tx: codes.note(tx, gateway.vault, subject_id="chk_1", phone=PHONE, code="111111"))
    before = hashes(gateway, "shopper", "id_number_lookup", "phone_lookup")
    old_key = json.loads((gateway.settings.data_dir / "keys" / "vault.json").read_text())["people"][0]["key"]
    gateway.vault.rotate_lookup(clock())
    # Nothing is indexed again yet, and nobody is missed: one who comes back, by phone on a list, by a code, by hand.
    assert recognised(gateway, 0) == shoppers[0]
    with gateway.db.read() as tx:
        found = identity.lookups_of(tx, shoppers[1])
        assert lists.standing(tx, mode="test", lookups=found.values()) == "blocked"
        phone = identity.lookups_of(tx, shoppers[2])["phone"]
        assert set(tx.exec(identity.with_phone("test", phone))) == set(shoppers)
        attempt = codes.attempt(
            tx,
            gateway.vault,
            Tenant("mer_1", "test"),
            subject_id="chk_1",
            phone=PHONE,
            code="111111",
            id_number=None,
        )
        assert attempt is None
    other = Vault.create(gateway.settings.data_dir)
    number = invented_id_number("person 3")
    assert (
        gateway.db.write(lambda tx: identity.found_by_id_number(tx, other, mode="test", id_number=number))
        == shoppers[3]
    )
    list_commands.add(gateway, ME, **by_phone)
    assert len(hashes(gateway, "list_entry", "id")) == 1, "it is the same entry"
    new = recognised(gateway, 9, "+8613800000009")
    done = rotate(gateway, clock)
    after = hashes(gateway, "shopper", "id_number_lookup", "phone_lookup")
    assert not before & after
    assert done.rows == 2, "those of persons 1 and 2: the others were brought along when they came"
    assert [recognised(gateway, number) for number in range(4)] == shoppers
    assert recognised(gateway, 9, "+8613800000009") == new
    files = (gateway.settings.data_dir / "keys").iterdir()
    assert all(old_key.encode() not in path.read_bytes() for path in files)
    assert not gateway.vault.old_lookups(PHONE, "phone")
    capsys.readouterr()


def test_an_interrupted_run_goes_on(gateway, clock):
    shoppers = [recognised(gateway, number) for number in range(5)]

    class PowerCut(Exception):
        pass

    def cut(what: str, done: int, total: int) -> None:
        raise PowerCut

    with pytest.raises(PowerCut):
        rotate(gateway, clock, batch=2, progress=cut)
    assert len(gateway.vault.lookup_keys()) == 2
    assert rotate(gateway, clock, batch=2).rows == 3
    assert len(gateway.vault.lookup_keys()) == 1
    assert [recognised(gateway, number) for number in range(5)] == shoppers


def test_a_server_that_commits_late_with_the_old_key_is_caught_up_with(gateway, clock):
    shopper = recognised(gateway, 1)
    before = hashes(gateway, "shopper", "phone_lookup")

    def late(seconds: float) -> None:
        clock.advance(seconds=seconds)
        gateway.db.write(
            lambda tx: tx.execute(text("UPDATE shopper SET phone_lookup = :p"), {"p": min(before)})
        )

    assert rotate(gateway, clock, wait=late).rows == 3
    assert hashes(gateway, "shopper", "phone_lookup") == {gateway.vault.lookup(PHONE, "phone")}
    assert recognised(gateway, 1) == shopper


def test_what_nobody_could_find_any_more_is_lost_only_when_that_is_said(gateway, clock, capsys):
    list_commands.add(
        gateway, ME, mode="test", kind="blocked", of="phone", value="13800000077", note="a stranger"
    )
    with pytest.raises(KeyInUse, match="1 list entries name people who never applied"):
        rotate(gateway, clock)
    assert len(gateway.vault.lookup_keys()) == 2
    assert rotate(gateway, clock, forget=True).lost_list_entries == 1
    assert len(gateway.vault.lookup_keys()) == 1
    capsys.readouterr()


def test_a_key_file_of_an_older_release_rotates_too_and_its_client_secrets_stay(gateway, clock, api):
    path = gateway.settings.data_dir / "keys" / "vault.json"
    content = json.loads(path.read_text())
    del content["people"]
    path.write_text(json.dumps(content))
    gateway.vault = first = Vault.create(gateway.settings.data_dir)
    key = base64.b64decode(content["lookup"]["key"])
    assert first.lookup("x", "phone") == hmac.new(key, b"phone\x00x", hashlib.sha256).hexdigest()
    shopper = recognised(gateway, 1)
    rotate(gateway, clock)
    assert recognised(gateway, 1) == shopper
    assert first.lookup("x", "phone") != hmac.new(key, b"phone\x00x", hashlib.sha256).hexdigest()
    api.login()
