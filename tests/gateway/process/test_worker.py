"""The worker's lanes: what hangs in one delays nobody in another, and every topic of the outbox stands in one."""

from __future__ import annotations

import importlib
import pkgutil
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from flask import Flask

import gateway as package
from gateway.core.tenant import Mode, Tenant
from gateway.outbox import service as outbox
from gateway.outbox.models import OutboxItem
from gateway.process import daily
from gateway.process import worker as runtime
from gateway.settlement.service import PAYOUT_TOPIC


def test_every_topic_has_a_handler_and_stands_in_the_lanes_of_both_modes() -> None:
    named = set()
    for module in pkgutil.walk_packages(package.__path__, "gateway."):
        if "migrations" not in module.name:
            content = vars(importlib.import_module(module.name))
            named |= {
                value for name, value in content.items() if name.endswith("TOPIC") and isinstance(value, str)
            }
    assert named <= runtime.TOPICS.keys()
    for topic in runtime.TOPICS:
        modes = {
            mode
            for lane in runtime.LANES
            if topic in lane.topics
            for mode in ([lane.mode] if lane.mode else ["test", "live"])
        }
        clock_only = topic == runtime.after_approval.ADVANCE
        assert modes == ({"test"} if clock_only else {"test", "live"}), topic
    assert {topic for lane in runtime.LANES for topic in lane.topics} == runtime.TOPICS.keys()


@pytest.fixture
def worker(app: Flask) -> Any:
    """Start a real worker and stop it after the test."""
    stop = threading.Event()
    thread = threading.Thread(target=runtime.run, args=(app.extensions["fenqi"], stop), daemon=True)
    yield thread.start
    stop.set()
    thread.join(timeout=10)


class Hanging:
    """An institution whose answer to the payout ``hangs`` comes when ``answers`` is set, or after a minute."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.hung: list[str] = []
        self.done: list[str] = []

    def __call__(self, _: Any, item: OutboxItem) -> None:
        if item.payload["payout"] == "hangs":
            self.hung.append(item.id)
            self.answers.wait(60)
        self.done.append(item.payload["payout"])


@pytest.fixture
def institution(monkeypatch: pytest.MonkeyPatch) -> Hanging:
    hanging = Hanging()
    monkeypatch.setitem(runtime.TOPICS, PAYOUT_TOPIC, hanging)
    return hanging


def waited(until: Callable[[], bool], seconds: float = 30) -> bool:
    """Whether it came true in time."""
    latest = time.monotonic() + seconds
    while not until():
        if time.monotonic() > latest:
            return False
        time.sleep(0.05)
    return True


def test_neither_live_money_nor_another_clock_waits_for_calls_that_hang(
    app: Flask, new_merchant: Any, worker: Callable[[], None], institution: Hanging
) -> None:
    gateway, hung, done = app.extensions["fenqi"], institution.hung, institution.done
    hanging, other = new_merchant(), new_merchant()
    clock = other.post("/v1/test_clocks", {}).json["id"]
    tenants = [Tenant(api.credentials["merchant"], "test") for api in (hanging, other)]
    for _ in range(7):
        gateway.db.write(partial(put_payout, tenant=tenants[0], payout="hangs"))
    try:
        worker()
        assert waited(lambda: len(hung) > 1)
        live = Tenant(tenants[1].merchant_id, "live")
        gateway.db.write(partial(put_payout, tenant=live, payout="live"))
        gateway.db.write(partial(put_payout, tenant=tenants[1], payout="of the clock"))
        other.post(f"/v1/test_clocks/{clock}/advance", {"days": 40})
        ready = f"/v1/test_clocks/{clock}"
        assert waited(lambda: "live" in done)
        assert waited(lambda: other.get(ready).json["status"] == "ready")
        assert set(done) == {"live", "of the clock"}
    finally:
        institution.answers.set()
    assert waited(lambda: len(done) == 9)
    assert sorted(set(hung)) == sorted(hung), "each was worked once"


def test_no_merchant_waits_for_the_calls_of_another_that_hang_in_the_same_lane(
    app: Flask, new_merchant: Any, worker: Callable[[], None], institution: Hanging
) -> None:
    gateway, hung, done = app.extensions["fenqi"], institution.hung, institution.done
    modes: tuple[Mode, ...] = ("live", "test")
    hanging, other = (new_merchant().credentials["merchant"] for _ in range(2))
    hands = {lane.mode: lane.hands for lane in runtime.LANES if PAYOUT_TOPIC in lane.topics}
    for mode in modes:
        for _ in range(hands[mode] + 1):
            gateway.db.write(partial(put_payout, tenant=Tenant(hanging, mode), payout="hangs"))
    try:
        worker()
        assert waited(lambda: len(hung) == sum(hands.values()) // 2), (
            "half of the hands work for one merchant"
        )
        for mode in modes:
            gateway.db.write(partial(put_payout, tenant=Tenant(other, mode), payout=mode))
        assert waited(lambda: set(done) == set(modes))
    finally:
        institution.answers.set()
    assert waited(lambda: len(done) == sum(hands.values()) + 4)
    assert sorted(set(hung)) == sorted(hung), "each was worked once"


def put_payout(tx: Any, *, tenant: Tenant, payout: str) -> None:
    outbox.put(tx, PAYOUT_TOPIC, {"payout": payout}, tenant=tenant)


def test_a_clock_goes_on_only_when_what_its_day_instructed_is_over(
    app: Flask, new_merchant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, api = app.extensions["fenqi"], new_merchant()
    tenant = Tenant(api.credentials["merchant"], "test")
    gateway.db.write(partial(put_payout, tenant=tenant, payout="slow"))
    (held,) = outbox.claim(gateway.db, [PAYOUT_TOPIC], limit=1)
    ending = threading.Timer(0.5, lambda: outbox.handle(gateway.db, {PAYOUT_TOPIC: lambda item: None}, held))
    ending.start()
    runtime.drain_of_clock(gateway, tenant)
    with gateway.db.read() as tx:
        assert tx.get_one(OutboxItem, held.id).done_at is not None
    ending.join()


def test_a_global_job_goes_on_until_nothing_is_left_and_gives_way_in_between(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[int] = []

    def delete_some(_: Any) -> bool:
        steps.append(len(steps))
        return len(steps) < 7

    monkeypatch.setattr(daily, "GLOBAL_JOBS", (daily.GlobalJob("delete some", delete_some),))
    monkeypatch.setattr(daily, "STEPS_A_SWEEP", 5)
    assert daily.sweep(app.extensions["fenqi"]) is True
    assert len(steps) == 5
    assert daily.sweep(app.extensions["fenqi"]) is False
    assert len(steps) == 7


def test_a_job_that_fails_for_one_merchant_stops_no_other(
    app: Flask, new_merchant: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = app.extensions["fenqi"]
    broken, sound = sorted((new_merchant(), new_merchant()), key=lambda api: api.credentials["merchant"])
    made = [api.checkout() for api in (broken, sound)]
    expire_due = daily.checkouts.expire_due

    def fail_for_one(tx: Any, tenant: Tenant) -> int:
        if tenant.merchant_id == broken.credentials["merchant"]:
            raise RuntimeError("a row of this merchant is broken")
        return expire_due(tx, tenant)

    monkeypatch.setattr(daily.checkouts, "expire_due", fail_for_one)
    clock.advance(days=2)
    with pytest.raises(RuntimeError, match="a row of this merchant"):
        daily.sweep(gateway)
    sound.login()
    events = sound.get("/v1/events?type=checkout.expired").json["data"]
    assert [event["data"]["id"] for event in events] == [made[1]["id"]]
