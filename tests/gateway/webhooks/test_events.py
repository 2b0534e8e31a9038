"""Events are the source of truth: none is passed by, whatever commits late, and any order of arrival ends the same."""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
from typing import Any

from gateway.core.tenant import Tenant
from gateway.webhooks import service
from tests.one_database import database_url, on_both  # noqa: F401


def tenant_of(api: Any) -> Tenant:
    return Tenant(api.credentials["merchant"], "test")


def note(gateway, api, name: str, then=lambda: None) -> None:
    """Record one event; ``then`` happens before its transaction commits."""

    def work(tx) -> None:
        service.record(tx, tenant_of(api), "payment.captured", object_id=name, data={"id": name})
        tx.complete()
        then()

    gateway.db.write(work)


def after(api: Any, event_id: str) -> list[str]:
    return [row["data"]["id"] for row in api.get(f"/v1/events?after={event_id}&limit=100").json["data"]]


def walked(api: Any, limit: int) -> list[str]:
    """What the events are of, newest first, page by page."""
    things: list[str] = []
    cursor = ""
    while True:
        page = api.get(f"/v1/events?limit={limit}{cursor}").json
        things += [row["data"]["id"] for row in page["data"]]
        if not page["has_more"]:
            return things
        cursor = f"&cursor={page['next_cursor']}"


def newest(api: Any) -> str:
    return api.get("/v1/events?limit=1").json["data"][0]["id"]


@on_both
def test_an_event_that_commits_late_is_not_passed_by(app, api, database_url):  # noqa: F811
    """On PostgreSQL one transaction records first and commits last; a reader in between must come back for it."""
    if not database_url.startswith("postgres"):
        return  # SQLite has one writer at a time: nobody can commit in between
    gateway = app.extensions["fenqi"]
    note(gateway, api, "start")
    start = newest(api)
    written, go = threading.Event(), threading.Event()

    def wait() -> None:
        written.set()
        go.wait(10)

    late = threading.Thread(target=note, args=(gateway, api, "late", wait))
    late.start()
    written.wait(10)
    note(gateway, api, "early")
    assert after(api, start) == [], "nobody passes the one that is still being written"
    assert newest(api) == start, "nor does who begins with the newest of the list"
    go.set()
    late.join()
    assert sorted(after(api, start)) == ["early", "late"]


@on_both
def test_a_follower_beside_many_writers_sees_everything_once(app, api):
    gateway = app.extensions["fenqi"]
    note(gateway, api, "start")
    cursor, seen = newest(api), []
    chance = random.Random(20261123)
    pauses = [chance.random() * 0.01 for _ in range(80)]

    def write(worker: int) -> None:
        for number in range(20):
            pause = threading.Event()
            note(
                gateway,
                api,
                f"w{worker}_{number}",
                lambda pause=pause, number=number: pause.wait(pauses[worker * 20 + number]),
            )

    writers = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for writer in writers:
        writer.start()
    while len(seen) < 80:
        rows = api.get(f"/v1/events?after={cursor}&limit=7").json["data"]
        seen += [row["data"]["id"] for row in rows]
        cursor = rows[-1]["id"] if rows else cursor
        time.sleep(0.005)
        if not rows and not any(writer.is_alive() for writer in writers):
            break
    for writer in writers:
        writer.join()
    seen += after(api, cursor)
    assert len(seen) == len(set(seen)) == 80
    for worker in range(4):
        mine = [int(name.split("_")[1]) for name in seen if name.startswith(f"w{worker}_")]
        assert mine == list(range(20))
    pages = walked(api, 7)
    assert pages[: len(seen)] == seen[::-1], "the list has the same order"
    assert pages == walked(api, 100)


@on_both
def test_after_and_type_together_walk_one_kind(api, new_merchant):
    api.captured()
    rows = api.get("/v1/events").json["data"][::-1]
    first = rows[0]["id"]
    found = api.get(f"/v1/events?after={first}&type=payment.captured").json
    assert [row["type"] for row in found["data"]] == ["payment.captured"]
    assert found["has_more"] is False
    both = api.get(f"/v1/events?after={first}&cursor={first}")
    assert (both.status_code, both.json["param"]) == (422, "cursor"), "one of them would not act"
    one = api.get(f"/v1/events?after={first}&limit=1").json
    assert (len(one["data"]), one["has_more"]) == (1, True)
    assert api.get(f"/v1/events/{first}").json == rows[0]
    other = new_merchant()
    assert other.get(f"/v1/events/{first}").status_code == 404
    assert other.get(f"/v1/events?after={first}").status_code == 404
    assert api.get("/v1/events?type=payment.eaten").json["param"] == "type"


class Shop:
    """A shop that knows each delivery by its id and takes only what is newer than what it has."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        self.objects: dict[str, tuple[int, str]] = {}

    def hear(self, event: dict[str, Any]) -> None:
        if event["id"] in self.known:
            return
        self.known.add(event["id"])
        sequence, status = event["sequence"], event["data"]["status"]
        if sequence > self.objects.get(event["data"]["id"], (0, ""))[0]:
            self.objects[event["data"]["id"]] = (sequence, status)


def test_every_order_and_any_repeat_of_six_events_ends_in_the_same_state(api, sink, hooked, deliver, clock):
    payment = api.approved()
    for amount in (100_000, 499_900):
        api.post(f"/v1/payments/{payment['id']}/capture", {"amount": amount})
    refund = api.post("/v1/refunds", {"payment": payment["id"], "amount": 1_000, "reason": "scratch"})
    assert refund.status_code == 201, refund.text
    api.post(f"/v1/checkouts/{api.checkout()['id']}/cancel")
    deliver()
    told = [got.verified(hooked["secret"], clock) for got in sink.got]
    assert len(told) == 6
    final = {}
    for event in told:
        thing = event["data"]["id"]
        final[thing] = max(final.get(thing, (0, "")), (event["sequence"], event["data"]["status"]))
    chance = random.Random(7)
    for order in itertools.permutations(told):
        shop = Shop()
        for event in [*order, *chance.sample(told, 3)]:
            shop.hear(event)
        assert shop.objects == final
    assert {row["id"] for row in told} == {row["id"] for row in api.get("/v1/events").json["data"]}


def test_payloads_stay_thin(api, sink, hooked, deliver):
    payment = api.approved(amount=5_000_000)
    for _ in range(9):
        assert api.post(f"/v1/payments/{payment['id']}/capture", {"amount": 100_000}).status_code == 200
    api.post(f"/v1/payments/{payment['id']}/capture", {"final": True})
    deliver()
    assert max(len(got.body) for got in sink.got) < 20_000
    assert all(json.loads(got.body)["object"] == "event" for got in sink.got)
