"""The outbox: each row says whose it is, is in one hand at a time, and waits when it must."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from gateway.core.tenant import Tenant
from gateway.outbox import service as outbox
from gateway.outbox.models import OutboxItem
from gateway.web.context import Gateway

TOPIC = "parcel.send"
MINE, THEIRS, LIVE = Tenant("mer_a", "test"), Tenant("mer_b", "test"), Tenant("mer_a", "live")


@pytest.fixture
def gateway(app: Flask) -> Gateway:
    return app.extensions["fenqi"]


def put(gateway: Gateway, name: str, tenant: Tenant | None) -> str:
    return str(gateway.db.write(lambda tx: outbox.put(tx, TOPIC, {"name": name}, tenant=tenant)))


def names(items: list[OutboxItem]) -> list[str]:
    return [item.payload["name"] for item in items]


def row(gateway: Gateway, id: str) -> OutboxItem:
    with gateway.db.read() as tx:
        return tx.get_one(OutboxItem, id)


def test_a_lane_takes_the_rows_of_its_mode_and_a_clock_those_of_its_merchant(gateway: Gateway) -> None:
    for name, tenant in (("mine", MINE), ("theirs", THEIRS), ("live", LIVE), ("nobody's", None)):
        put(gateway, name, tenant)
    assert names(outbox.claim(gateway.db, [TOPIC], tenant=MINE, limit=9)) == ["mine"]
    assert names(outbox.claim(gateway.db, [TOPIC], mode="live", limit=9)) == ["live"]
    assert names(outbox.claim(gateway.db, [TOPIC], mode="test", limit=9)) == ["theirs"]
    assert names(outbox.claim(gateway.db, ["other.topic"], limit=9)) == []
    assert names(outbox.claim(gateway.db, [TOPIC], limit=9)) == ["nobody's"]


def test_what_is_in_hand_is_not_claimed_again_while_its_lease_is_renewed(
    gateway: Gateway, clock: Any
) -> None:
    put(gateway, "slow", MINE)
    held = outbox.claim(gateway.db, [TOPIC], limit=1)
    for _ in range(3):
        clock.advance(seconds=45)
        outbox.renew(gateway.db, held)
        assert outbox.claim(gateway.db, [TOPIC], limit=1) == []
        with gateway.db.read() as tx:
            assert outbox.in_hand(tx, MINE, [TOPIC])
            assert not outbox.in_hand(tx, THEIRS, [TOPIC])
    clock.advance(seconds=61)
    (again,) = outbox.claim(gateway.db, [TOPIC], limit=1)
    assert again.attempts == 2


def test_the_first_worker_does_not_disturb_the_second_one_that_took_its_row(
    gateway: Gateway, clock: Any
) -> None:
    id = put(gateway, "slow", MINE)
    first = outbox.claim(gateway.db, [TOPIC], limit=1)
    clock.advance(seconds=61)
    (second,) = outbox.claim(gateway.db, [TOPIC], limit=1)

    def fail(item: OutboxItem) -> None:
        raise OSError("came back late")

    outbox.handle(gateway.db, {TOPIC: fail}, first[0])
    outbox.renew(gateway.db, first)
    assert row(gateway, id).leased_until == second.leased_until


def test_a_row_that_must_wait_is_done_at_its_time(gateway: Gateway, clock: Any) -> None:
    opens = clock.now + timedelta(days=2)

    def wait(item: OutboxItem) -> None:
        if clock.now < opens:
            raise outbox.Later("waits for Monday", at=opens)

    id = put(gateway, "payout", MINE)
    assert outbox.drain(gateway.db, {TOPIC: wait}) == 1
    waiting = row(gateway, id)
    assert (waiting.next_at, waiting.last_error, waiting.leased_until) == (opens, "waits for Monday", None)
    clock.advance(days=2)
    assert outbox.drain(gateway.db, {TOPIC: wait}) == 1
    assert row(gateway, id).done_at == opens


def test_a_merchant_whose_clock_moves_waits_for_nothing_and_others_go_on_waiting(
    gateway: Gateway, clock: Any
) -> None:
    def fail(item: OutboxItem) -> None:
        raise OSError("no answer")

    ids = [
        put(gateway, name, tenant) for name, tenant in (("mine", MINE), ("theirs", THEIRS), ("live", LIVE))
    ]
    assert outbox.drain(gateway.db, {TOPIC: fail}) == 3
    gateway.db.write(lambda tx: outbox.wake(tx, MINE))
    waits = [(row(gateway, id).next_at - clock.now).total_seconds() for id in ids]
    assert waits == [0, 5, 5]


def test_nobody_takes_a_row_for_another_merchant(gateway: Gateway) -> None:
    id = put(gateway, "mine", MINE)

    def give_away(tx: Any) -> None:
        tx.get_one(OutboxItem, id).merchant_id = "mer_b"

    with pytest.raises(Exception, match="the merchant and mode of an outbox item never change"):
        gateway.db.write(give_away)
