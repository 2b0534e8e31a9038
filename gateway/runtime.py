"""Background work: draining the outbox and starting the jobs of the day, in a thread of the server or as a process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial

from gateway import daily
from gateway.ledger import chain
from gateway.payments import collections, returns, test_helpers
from gateway.settlement import payouts
from gateway.settlement import service as settlement
from gateway.web.context import Gateway
from gateway.webhooks import delivery, outbox
from gateway.webhooks import service as events

log = logging.getLogger("gateway.worker")
IDLE_SECONDS = 0.5
SWEEP_SECONDS = 30


def drain(gateway: Gateway) -> int:
    """Handle what waits in the outbox; returns how many rows were claimed."""
    handlers: dict[str, outbox.Handler] = {
        events.DELIVERY: partial(delivery.deliver, gateway),
        settlement.PAYOUT_TOPIC: partial(payouts.carry_out, gateway),
        collections.TOPIC: partial(collections.carry_out, gateway),
        returns.TOPIC: partial(returns.carry_out, gateway),
    }
    money = dict(handlers)
    del money[events.DELIVERY]
    handlers[test_helpers.ADVANCE] = partial(
        daily.advance, gateway, drain=lambda: outbox.drain(gateway.db, money)
    )
    return outbox.drain(gateway.db, handlers)


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
    """Drain and sweep until ``stop`` is set; an outage is logged and waited out."""
    since_sweep = float(SWEEP_SECONDS)
    while not stop.is_set():
        busy = 0
        try:
            busy = drain(gateway)
            if since_sweep >= SWEEP_SECONDS:
                daily.sweep(gateway)
                chain.extend(gateway.db)
                since_sweep = 0
        except Exception:  # the worker outlives any one failure; the rows remember their own
            log.exception("the worker failed a step; it goes on")
        if not busy:
            stop.wait(IDLE_SECONDS)
            since_sweep += IDLE_SECONDS
