"""The machine's clock was an hour ahead, or is set two hours back: nothing waits for it, all leaves in its order."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlmodel import select

from gateway.core.tenant import Tenant
from gateway.outbox import service as outbox
from gateway.outbox import setbacks as outbox_setbacks
from gateway.outbox.models import OutboxItem
from gateway.process import daily
from gateway.webhooks.delivery import queue, setbacks
from gateway.webhooks.models import WebhookDelivery
from tests.gateway.conftest import Api, TestClock

TOPIC = "payout.instruct"


def test_a_clock_that_is_set_back_holds_up_neither_webhooks_nor_the_outbox_nor_the_books(
    app: Flask, api: Api, clock: TestClock
) -> None:
    gateway = app.extensions["fenqi"]
    db, tenant = gateway.db, Tenant(api.credentials["merchant"], "test")
    endpoint = api.post("/v1/webhook_endpoints", {"url": "http://127.0.0.1:9/"}).json["id"]
    clock.advance(hours=1)
    api.login()
    payment = api.captured()["id"]
    db.write(lambda tx: outbox.put_many(tx, TOPIC, [{"payout": "a"}, {"payout": "b"}], tenant=tenant))
    (held,) = outbox.claim(db, [TOPIC], limit=1)
    clock.advance(hours=-3)  # two hours further back than when all began
    api.login()
    assert (
        api.post(
            "/v1/refunds", {"payment": payment, "amount": 1_000, "kind": "return", "reason": "x"}
        ).status_code
        == 201
    )
    assert outbox.claim(db, [TOPIC], limit=1) == []

    daily.sweep(gateway)

    (free,) = outbox.claim(db, [TOPIC], limit=1)
    assert free.id != held.id
    with db.read() as tx:
        assert tx.get_one(OutboxItem, held.id).leased_until == clock.now + outbox.LEASE
        rows = list(tx.exec(select(WebhookDelivery)))
    run = db.write(lambda tx: queue.claim(tx, endpoint))
    assert run is not None
    assert {row.id for row in run.deliveries} == {row.id for row in rows}
    told = [row.sequence for row in run.deliveries if row.object_id == payment]
    assert told == list(range(1, len(told) + 1))


def test_what_was_queued_in_the_future_is_mended_page_by_page(
    app: Flask, api: Api, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_setbacks, "AT_ONCE", 3)
    db, tenant = app.extensions["fenqi"].db, Tenant(api.credentials["merchant"], "test")
    clock.advance(hours=1)
    payloads = [{"payout": str(number)} for number in range(8)]
    db.write(lambda tx: outbox.put_many(tx, TOPIC, payloads, tenant=tenant))
    outbox.claim(db, [TOPIC], limit=4)
    clock.advance(hours=-1)

    setbacks.mend(db)

    assert len(outbox.claim(db, [TOPIC], limit=9)) == 4
    clock.advance(seconds=61)
    assert len(outbox.claim(db, [TOPIC], limit=9)) == 8
