"""The retention job: what has served its purpose is deleted, a batch at a time, in short transactions."""

from __future__ import annotations

from collections.abc import Callable

from gateway.db.transactions import Transaction
from gateway.decision import links
from gateway.identity import codes
from gateway.rights import erasure
from gateway.team import invitations, sessions
from gateway.web import idempotency
from gateway.web.context import Gateway

BATCH = 50
BATCHES = 20
"""At most so many batches in one sweep: what is left waits half a minute."""


def sweep(gateway: Gateway) -> int:
    """Delete what is spent or old, and judge the people whose day has come; returns how many rows.

    Safe to run twice, late or in parallel.
    """
    jobs: tuple[Callable[[Transaction], int], ...] = (
        lambda tx: erasure.judge_due(tx, gateway.settings, limit=BATCH),
        lambda tx: codes.forget_old(tx, limit=BATCH),
        lambda tx: links.forget_old(tx, limit=BATCH),
        lambda tx: idempotency.forget_expired(tx, limit=BATCH),
        lambda tx: invitations.forget_expired(tx, limit=BATCH),
        lambda tx: sessions.forget_expired(tx, limit=BATCH),
    )
    return sum(_in_batches(gateway, job) for job in jobs)


def _in_batches(gateway: Gateway, job: Callable[[Transaction], int]) -> int:
    total = 0
    for _ in range(BATCHES):
        done = gateway.db.write(job)
        total += done
        if done < BATCH:
            break
    return total
