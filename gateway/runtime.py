"""Background work: draining the outbox and the jobs of the day, in a thread of the server or as its own process.

Every job is safe to run twice, late or in parallel: what it does is keyed by what it is about.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

from gateway.checkout import service as checkouts
from gateway.core.calendar import shanghai_date
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.payments import service as payments
from gateway.settlement import closing, payouts
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
    }
    return outbox.drain(gateway.db, handlers)


def sweep(gateway: Gateway) -> None:
    """The jobs of the day: expire checkouts and authorisations, and close the batches that are due."""
    gateway.db.write(checkouts.expire_due)
    gateway.db.write(payments.expire_due)
    settle(gateway, shanghai_date(gateway.clock()))


def settle(gateway: Gateway, on: date) -> list[dict[str, Any]]:
    """Close every merchant's batch of ``on`` (Shanghai), each in its own transaction; returns the new ones.

    A day that has not come yet is closed in test mode only: live money is never paid early.
    """
    early = on > shanghai_date(gateway.clock())
    with gateway.db.read() as tx:
        found = closing.tenants_with_open_lines(tx, on=on)
    tenants = [tenant for tenant in found if tenant.mode == "test" or not early]
    closed = []
    for tenant in tenants:
        row = gateway.db.write(partial(_close, tenant=tenant, on=on, funder=gateway.settings.funder))
        if row is not None:
            closed.append(row)
    return closed


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
                sweep(gateway)
                since_sweep = 0
        except Exception:  # the worker outlives any one failure; the rows remember their own
            log.exception("the worker failed a step; it goes on")
        if not busy:
            stop.wait(IDLE_SECONDS)
            since_sweep += IDLE_SECONDS


def _close(tx: Transaction, *, tenant: Tenant, on: date, funder: str) -> dict[str, Any] | None:
    row = closing.close_batch(tx, tenant, on=on, funder=funder)
    return settlement.view(row) if row is not None else None
