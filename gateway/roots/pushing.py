"""Bringing signed roots to the target: queued with the root, carried out from the outbox until the target takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.db.transactions import Transaction
from gateway.roots import service
from gateway.roots.chains import Chain
from gateway.roots.root import Root

if TYPE_CHECKING:
    from gateway.outbox.models import OutboxItem
    from gateway.web.context import Gateway

TOPIC = "roots.push"


def sign(gateway: Gateway, chain: Chain, *, at_once: bool = False) -> Root | None:
    """Sign the head of a chain where it is time, and queue the root for the target. Raises ``ChainBroken``."""

    def queue(tx: Transaction, root: Root) -> None:
        if gateway.settings.roots_to:
            gateway.queue(tx, TOPIC, {"chain": root.chain, "number": root.number}, tenant=None)

    authority = gateway.ports.signing_authority
    return service.sign(gateway.db, authority, chain, at_once=at_once, kept=queue)


def carry_out(gateway: Gateway, item: OutboxItem) -> None:
    """Bring the root that ``item`` names; again is harmless. Raises what the target raises."""
    target = gateway.ports.roots_target
    with gateway.db.read() as tx:
        root = service.one(tx, item.payload["chain"], item.payload["number"])
    if target is not None and root is not None:
        target.push(root)
