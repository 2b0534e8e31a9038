"""A machine's clock that was ahead and is put right: deliveries do not wait until it is there again."""

from __future__ import annotations

from gateway.db.transactions import Database
from gateway.outbox import setbacks
from gateway.webhooks.delivery import queue
from gateway.webhooks.models import PENDING, WebhookDelivery

WAITING = setbacks.Waiting(WebhookDelivery, "whd", PENDING, queue.LEASE)


def mend(db: Database) -> None:
    """Mend the outbox and the deliveries."""
    setbacks.mend(db, setbacks.WAITING, WAITING)
