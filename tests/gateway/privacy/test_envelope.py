"""Each person's data key: it seals their columns, rotates with the master key, and its end is their erasure."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from gateway.data_requests import rotation
from gateway.identity import service as identity
from gateway.identity.invented import invented_id_number
from gateway.privacy import subjects
from gateway.privacy.vault import Vault, VaultError

PLACE = {"table": "shopper", "row": "shp_1", "column": "name_sealed"}


@pytest.fixture
def gateway(app):
    return app.extensions["fenqi"]


def people(gateway, count: int) -> list[str]:
    def work(tx):
        return [
            identity.recognise(
                tx,
                gateway.vault,
                mode="test",
                identity=identity.Identity("张三", invented_id_number(f"person {n}"), "+8613800000001"),
            ).id
            for n in range(count)
        ]

    return gateway.db.write(work)


def opened(gateway, shopper: str) -> dict[str, str]:
    with gateway.db.read() as tx:
        return identity.opened(tx, gateway.vault, shopper)


def key_ids(gateway) -> set[str]:
    with gateway.db.read() as tx:
        return set(tx.execute(text("SELECT key_id FROM subject_key")).scalars())


def test_each_person_is_sealed_with_a_key_of_their_own(gateway):
    one, two = people(gateway, 2)

    def swap(tx):
        keys = dict(tx.execute(text("SELECT subject_id, wrapped FROM subject_key")).all())
        tx.execute(
            text("UPDATE subject_key SET wrapped = :w WHERE subject_id = :s"), {"w": keys[two], "s": one}
        )

    assert opened(gateway, one)["name"] == "张三"
    gateway.db.write(swap)
    with pytest.raises(VaultError):
        opened(gateway, one)
    assert opened(gateway, two)["name"] == "张三"


def test_a_value_opens_in_its_place_only(gateway):
    with gateway.db.read() as tx:
        subject = subjects.known_or_new(tx, gateway.vault, "shp_1")
        sealed = subject.seal("张三", **PLACE)
        assert subject.open(sealed, **PLACE) == "张三"
        for other in ({"table": "loan"}, {"row": "shp_2"}, {"column": "phone_sealed"}):
            with pytest.raises(VaultError):
                subject.open(sealed, **{**PLACE, **other})
        changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
        with pytest.raises(VaultError):
            subject.open(changed, **PLACE)


def test_without_the_data_key_nothing_opens(gateway):
    (shopper,) = people(gateway, 1)
    gateway.db.write(lambda tx: subjects.destroy(tx, shopper))
    with pytest.raises(VaultError, match="gone"):
        opened(gateway, shopper)


def test_rotation_wraps_every_data_key_anew_and_tells_how_far_it_is(gateway):
    shoppers, told = people(gateway, 7), []
    before = gateway.vault.current_key_id
    done = rotation.rotate(
        gateway,
        resume=False,
        batch=3,
        progress=lambda what, at, total: told.append((what, at, total)),
    )
    assert (done.data_keys, done.people) == (7, 0)
    assert told == [("data keys", 3, 7), ("data keys", 6, 7), ("data keys", 7, 7)]
    assert key_ids(gateway) == {gateway.vault.current_key_id} != {before}
    assert {opened(gateway, shopper)["name"] for shopper in shoppers} == {"张三"}


def test_an_interrupted_rotation_goes_on_where_it_was(gateway):
    shoppers = people(gateway, 5)

    class PowerCut(Exception):
        pass

    def cut(what, done, total):
        raise PowerCut

    with pytest.raises(PowerCut):
        rotation.rotate(gateway, resume=False, batch=2, progress=cut)
    newest = gateway.vault.current_key_id
    assert len(key_ids(gateway)) == 2
    assert {opened(gateway, shopper)["name"] for shopper in shoppers} == {"张三"}
    done = rotation.rotate(gateway, resume=True, progress=lambda *_: None)
    assert (done.key_id, done.data_keys) == (newest, 3)
    assert key_ids(gateway) == {newest}


def test_a_running_server_follows_a_rotation_of_another_process(gateway):
    (shopper,) = people(gateway, 1)
    other = Vault.create(gateway.settings.data_dir)
    newest = other.rotate(gateway.clock())
    gateway.db.write(lambda tx: subjects.rewrap(tx, other, limit=10))
    assert opened(gateway, shopper)["name"] == "张三"
    assert gateway.vault.current_key_id == newest


def test_values_of_an_older_release_stay_readable_and_get_a_data_key(gateway):
    (shopper,) = people(gateway, 1)
    person = opened(gateway, shopper)

    def as_it_was(tx):
        for name, value in person.items():
            sealed = gateway.vault.seal(value, table="shopper", row=shopper, column=f"{name}_sealed")
            tx.execute(
                text(f"UPDATE shopper SET {name}_sealed = :s WHERE id = :i"), {"s": sealed, "i": shopper}
            )
        subjects.destroy(tx, shopper)

    gateway.db.write(as_it_was)
    assert opened(gateway, shopper) == person
    done = rotation.rotate(gateway, resume=True, progress=lambda *_: None)
    assert done.people == 1
    assert opened(gateway, shopper) == person
    with gateway.db.read() as tx:
        assert identity.left_to_reseal(tx) == 0


def test_webhook_secrets_are_sealed_with_the_newest_key(gateway, new_merchant):
    new_merchant(webhook_url="https://shop.example/hook")
    rotation.rotate(gateway, resume=False, progress=lambda *_: None)
    with gateway.db.read() as tx:
        (secret,) = tx.execute(text("SELECT secret FROM webhook_secret")).scalars()
    assert gateway.vault.is_current(secret)
