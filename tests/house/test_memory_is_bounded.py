"""A process that goes on does not grow: no collection anywhere gets an entry for each piece of work and keeps it."""

from __future__ import annotations

import gc
import logging
import time
import weakref
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask

from gateway.decision.link_book import LinkBook
from gateway.outbox import service as outbox
from gateway.process import daily, worker
from gateway.web.context import Gateway
from gateway.web.idempotency import Answered
from tests.gateway.conftest import Api, TestClock
from tests.one_database import database_url  # noqa: F401

pytestmark = pytest.mark.long(12)

PIECES = 4
"""Purchases in each round, with their webhooks, collections and settlement."""
WARM_UP, ROUNDS = 2, 2
PLANTED: set[str] = set()
COLLECTIONS = (dict, list, set, deque, OrderedDict, Counter)


def collections_now() -> list[Any]:
    """Every collection that is not frozen."""
    gc.collect()
    return [one for one in gc.get_objects() if isinstance(one, COLLECTIONS)]


class Heap:
    """How long every collection of the process is: those that were there ``before``, and all that is not frozen."""

    def __init__(self, before: list[Any]) -> None:
        self.lengths = {id(one): len(one) for some in (before, collections_now()) for one in some}


def grown(heaps: list[Heap]) -> list[tuple[Any, str]]:
    """What got an entry for every second piece of work at least, in each round, and how it is called."""
    gc.unfreeze()  # else what modules hold is in no list of objects
    pairs = list(pairwise(heaps))
    steady = {
        key
        for key in set.intersection(*(set(heap.lengths) for heap in heaps))
        if all(after.lengths[key] - before.lengths[key] >= PIECES / 2 for before, after in pairs)
    }
    collections = [one for one in gc.get_objects() if id(one) in steady and not _cursors(one)]
    return [(one, _named(one)) for one in collections]


def _cursors(one: Any) -> bool:
    """Whether it is where sqlite3 notes its cursors; it drops the dead ones after each 200."""
    return isinstance(one, list) and bool(one) and isinstance(one[-1], weakref.ref)


def _named(one: Any) -> str:
    """A collection by who holds it and what is in it."""
    holders = [
        holder for holder in gc.get_referrers(one) if isinstance(holder, dict) or hasattr(holder, "__dict__")
    ]
    names = [
        name for holder in holders if isinstance(holder, dict) for name, held in holder.items() if held is one
    ]
    return f"{type(one).__name__} {names or [type(holder).__name__ for holder in holders]}: {str(one)[:200]}"


@pytest.fixture
def work(
    app: Flask, api: Api, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Any]]:
    """One round: purchases, a day that passes, and a worker with all its threads that does what there is to do."""
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)  # pytest keeps every line
    for name in ("IDLE_SECONDS", "DISPATCH_IDLE_SECONDS", "SWEEP_SECONDS"):
        monkeypatch.setattr(worker, name, 0.02)
    # It holds all applicants whom the table holds, and is measured by ./run bench links.
    monkeypatch.setattr(LinkBook, "_take", lambda self, row: None)
    for number in range(200):
        urlsplit(f"http://127.0.0.1/{number}")  # Python's own cache of addresses has its 128 then
    gateway: Gateway = app.extensions["fenqi"]
    monkeypatch.setattr(gateway, "answered", Answered(most=PIECES))  # full after the first round
    api.post("/v1/webhook_endpoints", {"url": "http://127.0.0.1:9/"})

    def nothing_is_left() -> bool:
        with gateway.db.read() as tx:
            return not outbox.is_due(tx, tuple(worker.TOPICS))

    def one_round() -> None:
        clock.advance(days=31)
        api.login()
        for _ in range(PIECES):
            payment = api.captured(3, amount=30_000)
            api.post("/v1/refunds", {"payment": payment["id"], "amount": 10_000, "reason": "scratch"})
        daily.sweep(gateway)
        stop = worker.start_worker(gateway)
        for _ in range(500):
            if nothing_is_left():
                break
            time.sleep(0.01)
        stop()
        gateway.db.engine.clear_compiled_cache()  # SQLAlchemy's own, of 500 statements

    gc.disable()  # each heap is collected first; by itself all of it would be gone through again and again
    yield one_round
    gc.enable()
    gc.freeze()


def test_no_collection_grows_with_each_piece_of_work_but_the_one_that_is_planted(
    work: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = outbox.handle

    def remember(db: Any, handlers: Any, item: Any) -> None:
        PLANTED.add(item.id)
        handle(db, handlers, item)

    monkeypatch.setattr(outbox, "handle", remember)
    for _ in range(WARM_UP):
        work()
    gc.unfreeze()
    before = collections_now()
    gc.freeze()  # so that a heap is what came later, and of what was there before only the collections
    heaps = [Heap(before)]
    for _ in range(ROUNDS):
        work()
        heaps.append(Heap(before))

    found = grown(heaps)
    print("\n".join(named for _, named in found))
    assert [one is PLANTED for one, _ in found] == [True]
