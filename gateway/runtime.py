"""Background work: draining the outbox and starting the jobs of the day, in a thread of the server or as a process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from gateway import daily
from gateway.checkout import deciding
from gateway.decision import requests, shadow
from gateway.identity import codes
from gateway.ledger import chain
from gateway.payments import collections, returns, test_helpers
from gateway.settlement import payouts
from gateway.settlement import service as settlement
from gateway.team import invitations
from gateway.web.context import Gateway
from gateway.webhooks import deliveries, delivery, dispatch, outbox

log = logging.getLogger("gateway.worker")
IDLE_SECONDS = 0.5
SWEEP_SECONDS = 30
DISPATCH_IDLE_SECONDS = 0.2
AT_ONCE_BATCH = 10
LAST_WAITS = 8


def drain(gateway: Gateway) -> int:
    """Handle what waits in the outbox, and deliver webhooks, in this thread; returns how many rows were taken."""
    return drain_outbox(gateway) + delivery.drain(gateway)


def drain_outbox(gateway: Gateway) -> int:
    """Handle what waits in the outbox; returns how many rows were claimed."""
    handlers: dict[str, outbox.Handler] = {
        settlement.PAYOUT_TOPIC: partial(payouts.carry_out, gateway),
        collections.TOPIC: partial(collections.carry_out, gateway),
        returns.TOPIC: partial(returns.carry_out, gateway),
    }
    money = dict(handlers)
    handlers |= _notify(gateway) | _decide(gateway)
    handlers[shadow.TOPIC] = partial(shadow.carry_out, gateway)
    handlers[test_helpers.ADVANCE] = partial(
        daily.advance, gateway, drain=lambda: outbox.drain(gateway.db, money)
    )
    return outbox.drain(gateway.db, handlers)


def _notify(gateway: Gateway) -> dict[str, outbox.Handler]:
    return {
        codes.TOPIC: partial(codes.carry_out, gateway),
        invitations.TOPIC: partial(invitations.carry_out, gateway),
    }


def _decide(gateway: Gateway) -> dict[str, outbox.Handler]:
    return {requests.TOPIC: partial(deciding.carry_out, gateway)}


def at_once(gateway: Gateway, handlers: dict[str, outbox.Handler], stop: threading.Event) -> None:
    """Drain what somebody waits for until ``stop`` is set: no job of the day, and no slow system, delays it."""
    while not stop.is_set():
        if not _survives(partial(outbox.drain, gateway.db, handlers, limit=AT_ONCE_BATCH)):
            gateway.woken.wait(IDLE_SECONDS)
            gateway.woken.clear()


def start_worker(gateway: Gateway) -> Callable[[], None]:
    """Run the worker in a daemon thread; the returned function stops it and waits for its last step."""
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(gateway, stop), name="worker", daemon=True)
    thread.start()

    def end() -> None:
        stop.set()
        thread.join(timeout=5)

    return end


def work(gateway: Gateway, stop: threading.Event) -> None:
    """Drain and sweep until ``stop`` is set, webhooks beside it; an outage is logged and waited out."""
    webhooks = threading.Thread(target=deliver, args=(gateway, stop), name="webhooks", daemon=True)
    webhooks.start()
    lanes = [
        threading.Thread(target=at_once, args=(gateway, handlers, stop), name=name, daemon=True)
        for name, handlers in (("messages", _notify(gateway)), ("decisions", _decide(gateway)))
    ]
    for lane in lanes:
        lane.start()
    since_sweep = float(SWEEP_SECONDS)
    while not stop.is_set():
        busy = 0
        try:
            busy = drain_outbox(gateway)
            if since_sweep >= SWEEP_SECONDS:
                daily.sweep(gateway)
                chain.extend(gateway.db)
                gateway.db.write(deliveries.forget_old)
                since_sweep = 0
        except Exception:  # the worker outlives any one failure; the rows remember their own
            log.exception("the worker failed a step; it goes on")
        if not busy:
            stop.wait(IDLE_SECONDS)
            since_sweep += IDLE_SECONDS
    for thread in (webhooks, *lanes):
        thread.join(timeout=LAST_WAITS * IDLE_SECONDS)


def deliver(gateway: Gateway, stop: threading.Event) -> None:
    """Deliver webhooks until ``stop`` is set; what is on its way then is still written down when it comes back soon."""
    pool = ThreadPoolExecutor(dispatch.THREADS, thread_name_prefix="webhook")
    dispatcher = dispatch.Dispatcher(gateway, pool)
    while not stop.is_set():
        if not _survives(dispatcher.step):
            dispatcher.wait(DISPATCH_IDLE_SECONDS)
    pool.shutdown(wait=False, cancel_futures=True)
    for _ in range(LAST_WAITS):
        if dispatcher.idle:
            break
        dispatcher.wait(IDLE_SECONDS)
        _survives(dispatcher.write_down)


def _survives(step: Callable[[], int]) -> int:
    try:
        return step()
    except Exception:  # deliveries, too, outlive any one failure
        log.exception("the dispatcher failed a step; it goes on")
        return 0
