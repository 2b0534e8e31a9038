"""Background work: draining the outbox and starting the jobs of the day, in threads of the server or as a process.

The outbox is drained in lanes, which wait for nobody but themselves: codes and invitations, messages to shoppers,
decisions, collections, returns and payouts of either mode, repayment methods, test clocks, reconciliations, exports,
challengers, signed roots. The jobs of the day and the webhooks have threads of their own beside them.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from gateway.checkout import deciding
from gateway.core.tenant import Mode, Tenant
from gateway.decision import requests, shadow
from gateway.exports import running as exporting
from gateway.exports import service as exports
from gateway.identity import codes
from gateway.messages import sending as message_sending
from gateway.messages import service as messages
from gateway.monitoring.steps import Steps
from gateway.outbox import service as outbox
from gateway.payments.collections import service as collections
from gateway.payments.collections import shopper_returns
from gateway.payments.methods import service as methods
from gateway.payments.methods import setting_up
from gateway.payments.milestones import notices as stage_notices
from gateway.payments.telling import kinds
from gateway.process import daily
from gateway.reconciliation import running as reconciling
from gateway.reconciliation import service as reconciliations
from gateway.roots import pushing
from gateway.sandbox import after_approval
from gateway.settlement import account_notices, payouts
from gateway.settlement import service as settlement
from gateway.team import invitations
from gateway.web.context import Gateway
from gateway.webhooks.delivery import dispatch, sending

if TYPE_CHECKING:
    from gateway.outbox.models import OutboxItem

_survives = Steps().survives
IDLE_SECONDS = 0.5
SWEEP_SECONDS = 30
DISPATCH_IDLE_SECONDS = 0.2
RENEW_SECONDS = 15
"""So often the lease of what is still being worked is renewed."""
LAST_WAITS = 8
LAST_SECONDS = 2.0
"""How long a stopped lane waits for what it has in hand; the next worker looks up the rest."""

CarryOut = Callable[[Gateway, "OutboxItem"], None]
MONEY: dict[str, CarryOut] = {
    settlement.PAYOUT_TOPIC: payouts.carry_out,
    payouts.WATCH_TOPIC: payouts.watch,
    collections.TOPIC: collections.carry_out,
    shopper_returns.TOPIC: shopper_returns.carry_out,
}
send_message: CarryOut = partial(message_sending.carry_out, kinds=kinds.KINDS)
TO_SHOPPERS: dict[str, CarryOut] = {
    messages.TOPIC: send_message,
    stage_notices.TOPIC: stage_notices.carry_out,
}
OF_A_CLOCK = {**MONEY, **TO_SHOPPERS}
"""What leaves before a test clock moves on: time is counted from it."""


def advance_clock(gateway: Gateway, item: OutboxItem) -> None:
    """Take a test clock to its goal; of the outbox it touches the rows of its own merchant only."""
    daily.advance(gateway, item, drain=partial(drain_of_clock, gateway))


TOPICS: dict[str, CarryOut] = {
    **MONEY,
    requests.TOPIC: deciding.carry_out,
    codes.TOPIC: codes.carry_out,
    invitations.TOPIC: invitations.carry_out,
    account_notices.TOPIC: account_notices.carry_out,
    **TO_SHOPPERS,
    methods.SETTLE_TOPIC: setting_up.carry_out_settle,
    methods.DETACH_TOPIC: setting_up.carry_out_detach,
    after_approval.ADVANCE: advance_clock,
    shadow.TOPIC: shadow.carry_out,
    pushing.TOPIC: pushing.carry_out,
    reconciliations.TOPIC: reconciling.carry_out,
    exports.TOPIC: exporting.carry_out,
}
"""What is done with a row of the outbox, by its topic; every topic also has a lane."""


@dataclass(frozen=True, slots=True)
class Lane:
    """Rows of the outbox that wait for each other only: some topics, of one mode or of all, and how many at once.

    One merchant takes at most half of the hands: calls of its that hang leave the others theirs.
    """

    name: str
    topics: tuple[str, ...]
    mode: Mode | None
    hands: int
    awaited: bool = False
    """Whether somebody waits for it: the lane then looks as soon as this process has queued something."""


MESSAGES = (codes.TOPIC, invitations.TOPIC, account_notices.TOPIC)
DECISIONS = (requests.TOPIC,)
KINDS_OF_MONEY = (
    ("collections", (collections.TOPIC,)),
    ("returns", (shopper_returns.TOPIC,)),
    ("payouts", (settlement.PAYOUT_TOPIC, payouts.WATCH_TOPIC)),
)
LANES = (
    Lane("live messages", MESSAGES, "live", hands=4, awaited=True),
    Lane("test messages", MESSAGES, "test", hands=2, awaited=True),
    Lane("live messages to shoppers", tuple(TO_SHOPPERS), "live", hands=4),
    Lane("test messages to shoppers", tuple(TO_SHOPPERS), "test", hands=2),
    Lane("live decisions", DECISIONS, "live", hands=4),
    Lane("test decisions", DECISIONS, "test", hands=2),
    *(Lane(f"live {kind}", topics, "live", hands=6) for kind, topics in KINDS_OF_MONEY),
    *(Lane(f"test {kind}", topics, "test", hands=4) for kind, topics in KINDS_OF_MONEY),
    Lane("repayment methods", (methods.SETTLE_TOPIC, methods.DETACH_TOPIC), None, hands=2),
    Lane("clocks", (after_approval.ADVANCE,), "test", hands=4),
    Lane("live reconciliations", (reconciliations.TOPIC,), "live", hands=2),
    Lane("test reconciliations", (reconciliations.TOPIC,), "test", hands=2),
    Lane("live exports", (exports.TOPIC,), "live", hands=2),
    Lane("test exports", (exports.TOPIC,), "test", hands=2),
    Lane("challengers", (shadow.TOPIC,), None, hands=1),
    Lane("roots", (pushing.TOPIC,), None, hands=1),
)


def drain(gateway: Gateway) -> int:
    """Handle what waits in the outbox, and deliver webhooks, in this thread; returns how many rows were taken."""
    return drain_outbox(gateway) + sending.drain(gateway)


def drain_outbox(gateway: Gateway) -> int:
    """Handle what is due in the outbox, lane after lane in this thread; returns how many rows were claimed.

    What it queues itself, it may leave to the next call.
    """
    with gateway.db.read() as tx:
        due = outbox.topics_due(tx, tuple(TOPICS))
    lanes = [
        lane
        for lane in LANES
        if any(topic in lane.topics and lane.mode in (None, mode) for topic, mode in due)
    ]
    return sum(outbox.drain(gateway.db, _handlers(gateway, lane.topics), mode=lane.mode) for lane in lanes)


def drain_of_clock(gateway: Gateway, tenant: Tenant) -> None:
    """Carry out what is instructed for a merchant or told its shoppers; wait, at most a lease, for what others hold."""
    handlers = _handlers(gateway, tuple(OF_A_CLOCK))
    latest = time.monotonic() + outbox.LEASE.total_seconds()
    while True:
        while outbox.drain(gateway.db, handlers, tenant=tenant):
            pass
        with gateway.db.read() as tx:
            waiting = outbox.in_hand(tx, tenant, tuple(OF_A_CLOCK))
        if not waiting or time.monotonic() > latest:
            return
        time.sleep(IDLE_SECONDS / 5)


def start_worker(gateway: Gateway) -> Callable[[], None]:
    """Run the worker in a daemon thread; the returned function stops it and waits for its last step."""
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(gateway, stop), name="worker", daemon=True)
    thread.start()

    def end() -> None:
        stop.set()
        thread.join(timeout=5)

    return end


def run(gateway: Gateway, stop: threading.Event) -> None:
    """Drain and sweep until ``stop`` is set, webhooks beside it; an outage is logged and waited out."""
    threads = [
        threading.Thread(target=deliver, args=(gateway, stop), name="webhooks", daemon=True),
        *(
            threading.Thread(target=work_lane, args=(gateway, lane, stop), name=lane.name, daemon=True)
            for lane in LANES
        ),
    ]
    for thread in threads:
        thread.start()
    while not stop.is_set():
        if not _survives(lambda: daily.sweep(gateway), "the sweep failed; the next one goes on"):
            stop.wait(SWEEP_SECONDS)
    sign_last(gateway)
    latest = time.monotonic() + LAST_WAITS * IDLE_SECONDS
    for thread in threads:
        thread.join(timeout=max(0, latest - time.monotonic()))


def sign_last(gateway: Gateway) -> None:
    """Sign where the chains stand when the worker stops, and bring the roots away if their target takes them now."""
    _survives(lambda: daily.sign_heads(gateway, at_once=True), "the chains were not signed at the end")
    bring = partial(outbox.drain, gateway.db, _handlers(gateway, (pushing.TOPIC,)), limit=len(daily.CHAINS))
    _survives(bring, "the last roots were not brought away")


def work_lane(gateway: Gateway, lane: Lane, stop: threading.Event) -> None:
    """Drain one lane until ``stop`` is set: a row is claimed when a hand is free, and held while it is worked."""
    handlers = _handlers(gateway, lane.topics)
    at_work: dict[threading.Thread, OutboxItem] = {}
    one_is_done = threading.Event()
    renewed = time.monotonic()

    def work_one(item: OutboxItem) -> None:
        _survives(
            lambda: outbox.handle(gateway.db, handlers, item),
            "the end of a row was not written; it is tried again",
        )
        one_is_done.set()

    while not stop.is_set():
        one_is_done.clear()
        at_work = {thread: item for thread, item in at_work.items() if thread.is_alive()}
        claim = partial(_claim, gateway, lane, at_work.values())
        items = _survives(claim, "claiming failed; it goes on") or []
        for item in items:
            thread = threading.Thread(
                target=work_one, args=(item,), name=f"{lane.name} {item.id}", daemon=True
            )
            at_work[thread] = item
            thread.start()
        if time.monotonic() - renewed > RENEW_SECONDS:
            _survives(partial(outbox.renew, gateway.db, at_work.values()), "leases were not renewed")
            renewed = time.monotonic()
        if items:
            continue
        if at_work:
            one_is_done.wait(IDLE_SECONDS)
        else:
            _pause(gateway, lane, stop)
    latest = time.monotonic() + LAST_SECONDS
    for thread in at_work:
        thread.join(timeout=max(0, latest - time.monotonic()))


def _claim(gateway: Gateway, lane: Lane, at_work: Collection[OutboxItem]) -> list[OutboxItem]:
    """A row for a free hand, of a merchant that does not have half of the hands already."""
    if len(at_work) >= lane.hands:
        return []
    in_hand = Counter(item.merchant_id for item in at_work if item.merchant_id is not None)
    full = [merchant for merchant, rows in in_hand.items() if rows * 2 >= lane.hands]
    return outbox.claim(gateway.db, lane.topics, mode=lane.mode, limit=1, besides=full)


def _pause(gateway: Gateway, lane: Lane, stop: threading.Event) -> None:
    if lane.awaited:
        gateway.woken.wait(IDLE_SECONDS)
        gateway.woken.clear()
    else:
        stop.wait(IDLE_SECONDS)


def deliver(gateway: Gateway, stop: threading.Event) -> None:
    """Deliver webhooks until ``stop`` is set; what is on its way then is still written down when it comes back soon."""
    pool = ThreadPoolExecutor(dispatch.THREADS, thread_name_prefix="webhook")
    dispatcher = dispatch.Dispatcher(gateway, pool)
    failed = "the dispatcher failed a step; it goes on"
    while not stop.is_set():
        if not _survives(dispatcher.step, failed):
            dispatcher.wait(DISPATCH_IDLE_SECONDS)
    pool.shutdown(wait=False, cancel_futures=True)
    for _ in range(LAST_WAITS):
        if dispatcher.idle:
            break
        dispatcher.wait(IDLE_SECONDS)
        _survives(dispatcher.write_down, failed)


def _handlers(gateway: Gateway, topics: tuple[str, ...]) -> dict[str, outbox.Handler]:
    return {topic: partial(TOPICS[topic], gateway) for topic in topics}
