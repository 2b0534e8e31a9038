"""What ``fenqi-gateway backup``, ``backup-keys`` and ``restore`` do. Each returns the exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from gateway.backups import making, restoring
from gateway.config import Settings
from gateway.data_requests import erased_again
from gateway.proof import commands as proof
from gateway.proof.book_agreements import AGREEMENTS
from gateway.web.context import Gateway

PROOFS = ("ledger", "facts", "contracts", "audit")


def backup(gateway: Gateway, folder: Path) -> int:
    """Back the database up and print where it is."""
    place, made = making.backup(gateway, folder)
    size = sum(file.bytes for file in made.files.values())
    heads = ", ".join(f"{name} {head['number']}" for name, head in made.heads.items())
    print(f"Backup: {place}")
    print(f"It has {size} bytes, {made.entries} ledger entries, and the chains up to {heads}.")
    print("The keys are not in it: fenqi-gateway backup-keys copies them, to another place.")
    return 0


def backup_keys(gateway: Gateway, folder: Path) -> int:
    """Back the key folder up and print where it is."""
    place, made = making.backup_keys(gateway, folder)
    print(f"Keys: {place} ({', '.join(made.files)})")
    return 0


def restore(
    settings: Settings,
    folder: Path,
    *,
    opened: Callable[[], Gateway],
    roots: Path | None,
    erased: Path | None,
) -> int:
    """Restore, prove what was restored, and erase again: 1 when a proof fails or the backup is not what it says."""
    manifest, digest = restoring.look(settings, folder)
    people = erased_again.read(erased) if erased is not None else None
    counts, newer = restoring.in_reach(manifest, roots) if roots is not None else (lambda root: True, 0)
    restored = restoring.restore(settings, folder, manifest, digest)
    print(f"Restored: the database of {manifest.made_at}, made by release {manifest.version}.")
    if restored.migrated_to:
        print(f"Migrated from the schema {manifest.schema} to {restored.migrated_to}.")
    gateway = opened()
    with gateway.db.read() as tx:
        differs = restoring.differences(tx, restored)
    authority = gateway.ports.signing_authority
    status = proof.verify(
        gateway.db,
        authority,
        authority,
        as_json=False,
        only=PROOFS,
        agreements=AGREEMENTS,
        roots=roots,
        counts=counts,
    )
    for sentence in differs:
        print(f"This is not what was backed up: {sentence}.", file=sys.stderr)
    restoring.note(gateway, restored, sound=not (status or differs))
    if newer:
        print(f"{newer} exported roots are newer than the backup: what they signed is lost.")
    if people is None:
        print(
            "Nobody was erased again. Before you serve, run: fenqi-gateway privacy erase-again FILE, with the list "
            "of those who were erased since the backup (fenqi-gateway privacy erased --json)."
        )
    else:
        status = erased_again.carry_out(gateway, people) or status
    return 1 if differs else status
