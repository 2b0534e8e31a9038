"""Rotation of the key that people are looked up by: every hash is made again with a new key, and the old is destroyed.

Meanwhile both keys are in force (see ``gateway.privacy.lookups``). An interrupted run goes on where it is repeated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from gateway.audit import service as audit
from gateway.audit.service import Actor
from gateway.data_requests.rotation import BATCH, GRACE, KeyInUse, wait_for_servers
from gateway.db.progress import Progress
from gateway.db.transactions import Transaction
from gateway.decision import lists
from gateway.identity import service as identity
from gateway.payments import quotas
from gateway.web.context import Gateway


@dataclass(frozen=True, slots=True)
class Reindexed:
    """The key that people are looked up by now, how many rows got its hashes, and what nobody can find any more."""

    key_id: str
    rows: int
    lost_list_entries: int
    lost_subsidies: int

    def as_json(self) -> dict[str, Any]:
        """For printing."""
        return asdict(self)


def rotate_lookup(
    gateway: Gateway,
    actor: Actor,
    *,
    forget: bool,
    progress: Progress,
    wait: Callable[[float], object],
    batch: int = BATCH,
) -> Reindexed:
    """Make a new key for look-ups, or go on with one that was made, and destroy the older when all rows are indexed.

    What names people whose number nobody has any more cannot be indexed: entries of lists for people who never applied,
    subsidies of people who were erased. It is lost with the key only if ``forget`` says so. Raises ``KeyInUse`` with
    nothing destroyed, or ``KeyFileError``.
    """
    vault = gateway.vault
    if len(vault.lookup_keys()) == 1:
        vault.rotate_lookup(gateway.clock())
    newest, *old = vault.lookup_keys()
    rows = _walk(gateway, batch, progress)
    made_at = newest.made_at or gateway.clock() - GRACE
    wait_for_servers(gateway, newest, wait)
    while changed := _walk(gateway, batch, progress):
        rows += changed
    with gateway.db.read() as tx:
        entries = lists.unknown(tx, before=made_at + GRACE, known=partial(identity.is_known, tx))
        subsidies = quotas.of_erased(tx)
    if (entries or subsidies) and not forget:
        raise KeyInUse(
            f"The old key was not destroyed: {entries} list entries name people who never applied, and "
            f"{subsidies} subsidies were used by people who have been erased. They could never be found again. "
            "Pass --forget to accept that."
        )
    destroyed = [key.id for key in old]
    done = Reindexed(newest.id, rows, entries, subsidies)
    gateway.db.write(
        lambda tx: audit.record(
            tx,
            actor,
            "privacy.rotate_lookup",
            about=newest.id,
            facts={**asdict(done), "destroyed": destroyed},
        )
    )
    vault.destroy_lookup_keys(destroyed)
    return done


def _walk(gateway: Gateway, batch: int, progress: Progress) -> int:
    """Bring everybody who is present to the newest key; returns how many rows changed."""
    changed = seen = 0
    with gateway.db.read() as tx:
        total = identity.present(tx)
    after: str | None = ""
    while after is not None:
        step = partial(_step, gateway=gateway, after=after, batch=batch)
        after, people, rows = gateway.db.write(step)
        changed, seen = changed + rows, seen + people
        progress("people", seen, max(total, seen))
    return changed


def _step(tx: Transaction, *, gateway: Gateway, after: str, batch: int) -> tuple[str | None, int, int]:
    return identity.follow_some(tx, gateway.vault, after=after, limit=batch)
