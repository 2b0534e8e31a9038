"""Rotation of the master key: a new one is made, and every data key is wrapped anew, a batch at a time.

An interrupted rotation goes on with ``resume``: what is left is what another key than the newest has wrapped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from gateway.checkout import service as checkouts
from gateway.db.transactions import Transaction
from gateway.identity import service as identity
from gateway.privacy import subjects
from gateway.team import authenticators
from gateway.web.context import Gateway
from gateway.webhooks import signing_secrets

BATCH = 200
Progress = Callable[[str, int, int], None]
"""Told what is done, how much of it, and how much there is."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """Which master key seals now, and how much was sealed anew."""

    key_id: str
    data_keys: int
    people: int

    def as_json(self) -> dict[str, str | int]:
        """For printing."""
        return {"key_id": self.key_id, "data_keys": self.data_keys, "people": self.people}


def rotate(gateway: Gateway, *, resume: bool, progress: Progress, batch: int = BATCH) -> Rotated:
    """Make a new master key (unless ``resume``) and wrap all data keys with it; old values get a data key of their own.

    The old master keys stay in the key file, for backups. Raises ``KeyFileError``.
    """
    vault = gateway.vault
    if not resume:
        vault.rotate()
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


def _until_done(
    gateway: Gateway,
    what: str,
    left: Callable[[Transaction], int],
    work: Callable[[Transaction], int],
    progress: Progress,
) -> int:
    with gateway.db.read() as tx:
        total = left(tx)
    done = 0
    while found := gateway.db.write(work):
        done += found
        progress(what, done, max(total, done))
    return done


def _reseal_secrets(gateway: Gateway, batch: int) -> None:
    """The gateway's own sealed secrets: of webhook endpoints, of authenticator apps, and of checkouts' addresses."""
    for reseal in (signing_secrets.reseal, authenticators.reseal, checkouts.reseal):
        after: str | None = ""
        while after is not None:
            some = partial(reseal, vault=gateway.vault, after=after, limit=batch)
            after = gateway.db.write(some)
