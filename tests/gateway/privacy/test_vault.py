"""Sealed values open where they were sealed and nowhere else; keys survive a restart and stay private."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.privacy.keyfile import KeyFileError
from gateway.privacy.vault import Vault, VaultError

PLACE = {"table": "shopper", "row": "shp_1", "column": "name_sealed"}


@pytest.fixture
def vault(tmp_path):
    return Vault.create(tmp_path)


SHARED = Vault({b"\x00\x01\x02\x03": b"k" * 32}, b"l" * 32)


@given(st.text(max_size=300))
@settings(max_examples=50, deadline=None)
def test_a_sealed_text_opens_in_its_place(text):
    sealed = SHARED.seal(text, **PLACE)
    assert SHARED.open(sealed, **PLACE) == text
    if len(text.encode()) > 2:
        assert text.encode() not in sealed


@pytest.mark.parametrize("other", [{"table": "loan"}, {"row": "shp_2"}, {"column": "phone_sealed"}])
def test_a_value_copied_to_another_place_does_not_open(vault, other):
    sealed = vault.seal("张三", **PLACE)
    with pytest.raises(VaultError):
        vault.open(sealed, **{**PLACE, **other})


def test_every_changed_byte_is_noticed(vault):
    sealed = vault.seal("13800000001", **PLACE)
    for at in range(len(sealed)):
        changed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        with pytest.raises(VaultError):
            vault.open(changed, **PLACE)


@pytest.mark.parametrize("length", range(40))
def test_a_cut_value_is_refused(vault, length):
    with pytest.raises(VaultError):
        vault.open(vault.seal("13800000001", **PLACE)[:length], **PLACE)


def test_sealing_twice_gives_different_bytes(vault):
    assert vault.seal("x", **PLACE) != vault.seal("x", **PLACE)


def test_the_keys_survive_a_restart(vault, tmp_path):
    sealed, found = vault.seal("张三", **PLACE), vault.lookup("13800000001", "phone")
    again = Vault.create(tmp_path)
    assert again.open(sealed, **PLACE) == "张三"
    assert again.lookup("13800000001", "phone") == found


def test_another_installation_opens_nothing(vault, tmp_path):
    other = Vault.create(tmp_path / "other")
    with pytest.raises(VaultError):
        other.open(vault.seal("张三", **PLACE), **PLACE)
    assert other.lookup("x", "phone") != vault.lookup("x", "phone")


def test_a_retired_key_still_opens_what_it_sealed():
    old, new = (b"old1", b"o" * 32), (b"new1", b"n" * 32)
    sealed = Vault(dict([old]), b"l" * 32).seal("张三", **PLACE)
    rotated = Vault(dict([new, old]), b"l" * 32)
    assert rotated.open(sealed, **PLACE) == "张三"
    with pytest.raises(VaultError):
        Vault(dict([old]), b"l" * 32).open(rotated.seal("张三", **PLACE), **PLACE)


def test_lookups_differ_by_purpose_and_text(vault):
    hashes = {vault.lookup(text, purpose) for text in ("1", "2") for purpose in ("phone", "id_number")}
    assert len(hashes) == 4
    assert all(len(bytes.fromhex(found)) == 32 for found in hashes)


def test_only_the_owner_may_read_the_key_file(vault, tmp_path):
    assert (tmp_path / "keys" / "vault.json").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700


def test_processes_that_start_together_share_one_key(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        vaults = list(pool.map(lambda _: Vault.create(tmp_path), range(8)))
    assert len({vault.lookup("x", "phone") for vault in vaults}) == 1
    assert [path.name for path in (tmp_path / "keys").iterdir()] == ["vault.json"]


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", '{"sealing": [], "lookup": "AAAA"}', '{"sealing": 1, "lookup": 2}'],
)
def test_a_damaged_key_file_stops_the_start_and_is_kept(tmp_path, content):
    (tmp_path / "keys").mkdir()
    path = tmp_path / "keys" / "vault.json"
    path.write_text(content)
    with pytest.raises(KeyFileError, match=r"vault\.json"):
        Vault.create(tmp_path)
    assert path.read_text() == content


def test_a_destroyed_key_is_in_no_file_and_opens_nothing_while_others_follow(vault, tmp_path):
    other, sealed = Vault.create(tmp_path), vault.seal("张三", **PLACE)
    path = tmp_path / "keys" / "vault.json"
    old = json.loads(path.read_text())["sealing"][0]
    (tmp_path / "keys" / ".vault.json.interrupted").write_text(path.read_text())
    with pytest.raises(KeyFileError, match="newest"):
        vault.destroy_keys([old["id"]])
    now = datetime(2026, 11, 23, 4, tzinfo=UTC)
    vault.rotate(now)
    assert [(key.epoch, key.made_at) for key in vault.master_keys()] == [(2, now), (1, None)]
    with path.open("rb") as held:  # as whoever reads just now
        vault.destroy_keys([old["id"]])
        assert old["key"].encode() not in held.read()
    assert all(old["key"].encode() not in file.read_bytes() for file in path.parent.iterdir())
    assert [key.epoch for key in other.master_keys()] == [2]
    assert other.open(other.seal("李四", **PLACE), **PLACE) == "李四"
    for lost in (other, vault):
        with pytest.raises(VaultError):
            lost.open(sealed, **PLACE)
