"""Rotation of the master key: a new one is made, every data key is wrapped again, and the old ones can be retired.

An interrupted run goes on with ``resume``: what is left is what another key than the newest has sealed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from sqlalchemy import LargeBinary, func, select

from gateway.audit import service as audit
from gateway.audit.service import Actor
from gateway.checkout import service as checkouts
from gateway.db.progress import Progress
from gateway.db.tables import metadata
from gateway.db.transactions import Transaction
from gateway.identity import codes
from gateway.identity import service as identity
from gateway.operators import service as operators
from gateway.payments.methods import service as methods
from gateway.privacy import subjects
from gateway.privacy.vault import MasterKey, sealed_by
from gateway.reconciliation import files as reconciliation_files
from gateway.settlement import payout_accounts
from gateway.team import authenticators, invitations
from gateway.web import idempotency
from gateway.web.context import Gateway
from gateway.webhooks.endpoints import signing_secrets

BATCH = 200
GRACE = timedelta(seconds=60)
"""What a running server has sealed with the key before is committed by then, or was given up."""


class KeyInUse(ValueError):
    """A master key cannot be destroyed: something is still sealed with it."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """Which master key seals now, how much was sealed again, and which keys were destroyed."""

    key_id: str
    data_keys: int
    people: int
    retired: tuple[str, ...] = ()

    def as_json(self) -> dict[str, str | int | list[str]]:
        """For printing."""
        told: dict[str, str | int | list[str]] = {
            "key_id": self.key_id,
            "data_keys": self.data_keys,
            "people": self.people,
        }
        return {**told, "retired": list(self.retired)} if self.retired else told


def rotate(gateway: Gateway, *, resume: bool, progress: Progress, batch: int = BATCH) -> Rotated:
    """Make a new master key (unless ``resume``) and wrap all data keys with it; old values get their own data key.

    The old master keys stay in the key file, for backups, until they are retired. Raises ``KeyFileError``.
    """
    vault = gateway.vault
    if not resume:
        vault.rotate(gateway.clock())
    people = _until_done(
        gateway,
        "people",
        identity.left_to_reseal,
        lambda tx: identity.reseal(tx, vault, limit=batch),
        progress,
    )
    data_keys = _until_done(
        gateway,
        "data keys",
        lambda tx: subjects.left_to_rewrap(tx, vault),
        lambda tx: subjects.rewrap(tx, vault, limit=batch),
        progress,
    )
    _reseal_secrets(gateway, batch)
    return Rotated(vault.current_key_id, data_keys, people)


def retire(
    gateway: Gateway,
    actor: Actor,
    *,
    resume: bool,
    progress: Progress,
    wait: Callable[[float], object],
    batch: int = BATCH,
) -> Rotated:
    """Rotate, and destroy every older master key as soon as nothing is sealed with it; ``wait`` sleeps for seconds.

    What only an old key opens is lost then, in every copy of the database, unless somebody has a copy of that key.
    Raises ``KeyFileError``, or ``KeyInUse`` with nothing destroyed.
    """
    first = rotate(gateway, resume=resume, progress=progress, batch=batch)
    newest, *old = gateway.vault.master_keys()
    if not old:
        raise KeyInUse(
            "There is only one master key, and it is in use: run this without --resume to create a new one."
        )
    wait_for_servers(gateway, newest, wait)
    again = rotate(gateway, resume=True, progress=progress, batch=batch)
    key_ids = tuple(key.id for key in old)
    for key_id in key_ids:
        with gateway.db.read() as tx:
            under = sealed_with(tx, key_id)
        if under:
            told = ", ".join(f"{count} in {column}" for column, count in under.items())
            raise KeyInUse(f"The master key {key_id} was not destroyed: it has sealed {told}. Try again.")
    # Written before it is done: a run that is interrupted here is repeated, and repeats this.
    gateway.db.write(
        lambda tx: audit.record(
            tx, actor, "privacy.retire_key", about=newest.id, facts={"destroyed": list(key_ids)}
        )
    )
    gateway.vault.destroy_keys(key_ids)
    return Rotated(newest.id, first.data_keys + again.data_keys, first.people + again.people, retired=key_ids)


def wait_for_servers(gateway: Gateway, newest: MasterKey, wait: Callable[[float], object]) -> None:
    """Let ``GRACE`` pass since a key was made: what running servers began with the one before has ended then."""
    age = gateway.clock() - newest.made_at if newest.made_at else GRACE
    left = min(max(GRACE - age, timedelta()), GRACE)  # a clock that went back waits no longer than others
    if left:
        wait(left.total_seconds())


def sealed_with(tx: Transaction, key_id: str) -> dict[str, int]:
    """How many values of each column a master key has sealed, over every column of bytes that there is."""
    beginning = sealed_by(key_id)
    found: dict[str, int] = {}
    for table in metadata().sorted_tables:
        for column in table.columns:
            if isinstance(column.type, LargeBinary):
                under = func.substr(column, 1, len(beginning)) == beginning
                query = select(func.count()).select_from(table).where(under)
                found[f"{table.name}.{column.name}"] = tx.connection().execute(query).scalar_one()
    return {column: count for column, count in found.items() if count}


def _until_done(
    gateway: Gateway,
    what: str,
    left: Callable[[Transaction], int],
    step: Callable[[Transaction], int],
    progress: Progress,
) -> int:
    with gateway.db.read() as tx:
        total = left(tx)
    done = 0
    while changed := gateway.db.write(step):
        done += changed
        progress(what, done, max(total, done))
    return done


def _reseal_secrets(gateway: Gateway, batch: int) -> None:
    """What the master key seals by itself: the gateway's secrets, and what waits to be sent or to be answered again."""
    resealing = (
        signing_secrets.reseal,
        authenticators.reseal,
        operators.reseal,
        invitations.reseal,
        codes.reseal,
        checkouts.reseal,
        idempotency.reseal,
        reconciliation_files.reseal,
        payout_accounts.reseal,
        methods.reseal,
    )
    for reseal in resealing:
        after: str | None = ""
        while after is not None:
            some = partial(reseal, vault=gateway.vault, after=after, limit=batch)
            after = gateway.db.write(some)
