"""The retention job: what has served its purpose is deleted, a batch at a time, in short transactions."""

from __future__ import annotations

import logging
from collections.abc import Callable

from gateway.data_requests import erasure
from gateway.db.transactions import READ_COMMITTED, Transaction
from gateway.decision import links
from gateway.exports import files as export_files
from gateway.identity import code_limits, codes
from gateway.identity import sessions as shopper_sessions
from gateway.oauth.operators import server as operators_oauth
from gateway.privacy import remains
from gateway.reconciliation import files as reconciliation_files
from gateway.team import invitations, sessions
from gateway.web import idempotency
from gateway.web.context import Gateway

log = logging.getLogger("gateway.retention")
BATCH = 50


def sweep(gateway: Gateway) -> bool:
    """Delete a batch of each kind that is spent or old, and judge people whose day has come; true when more may wait.

    Safe to run twice, late or in parallel.
    """
    jobs: tuple[Callable[[Transaction], int], ...] = (
        lambda tx: codes.forget_old(tx, limit=BATCH),
        lambda tx: code_limits.forget_old(tx, limit=BATCH),
        lambda tx: links.forget_old(tx, limit=BATCH),
        lambda tx: idempotency.forget_expired(tx, limit=BATCH),
        lambda tx: invitations.forget_expired(tx, limit=BATCH),
        lambda tx: sessions.forget_expired(tx, limit=BATCH),
        lambda tx: shopper_sessions.forget_expired(tx, limit=BATCH),
        lambda tx: operators_oauth.forget_expired(tx, limit=BATCH),
        lambda tx: reconciliation_files.forget_old(tx, limit=BATCH),
        lambda tx: export_files.forget_old(tx, limit=BATCH),
    )
    judged = gateway.db.write(lambda tx: erasure.judge_due(tx, gateway.settings, limit=BATCH), READ_COMMITTED)
    more = max([judged, *(gateway.db.write(job) for job in jobs)]) >= BATCH
    why = remains.clear(gateway.db, seconds=1)
    if why is not None:
        log.warning("an erasure is not complete, it is tried again: %s", why)
    return more
