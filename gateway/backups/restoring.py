"""Restoring a backup where no database is: looked at before anything is written, and proved afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from gateway import keyring
from gateway.audit import service as audit
from gateway.audit.service import Actor
from gateway.backups import manifest as manifests
from gateway.backups import postgres_copies, sqlite_copies
from gateway.backups.making import CHAINS
from gateway.backups.manifest import BackupError, Manifest
from gateway.config import Settings
from gateway.db import migrate
from gateway.db.engine import canonical_url
from gateway.db.existing import NoData
from gateway.db.transactions import Transaction
from gateway.ledger.reports.export import Span, count
from gateway.privacy import keyfile
from gateway.roots.root import Root
from gateway.roots.root import read as read_roots
from gateway.web.context import Gateway

PASSING = "tokens"
"""Keys of a kind that comes and goes: those of today serve an older database as well."""
LATER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored."""

    manifest: Manifest
    sha256: str
    """Of the file of the manifest."""
    migrated_to: str | None
    """The newer schema, if there was one."""


def look(settings: Settings, folder: Path) -> tuple[Manifest, str]:
    """The manifest of a backup that this gateway can restore, and its SHA-256; nothing is written.

    Raises ``BackupError``, ``NoData`` or ``KeyFileError``.
    """
    if not settings.data_dir.is_dir():
        raise NoData(
            f"There is no data folder {settings.data_dir}: create it and put the copy of the key folder of the "
            f"backup's time into {settings.data_dir / keyfile.FOLDER} first."
        )
    manifest, digest = manifests.read(folder)
    target = canonical_url(settings.database_url)
    if target.get_backend_name() != manifest.engine:
        raise BackupError(
            f"{folder} is a backup of {manifest.engine}, and DATABASE_URL names {target.get_backend_name()}."
        )
    if not migrate.knows(manifest.schema):
        raise BackupError(
            f"{folder} has the schema {manifest.schema}, which this release does not know: restore it with "
            f"release {manifest.version} or a newer one."
        )
    _must_have_keys(settings, manifest)
    if manifest.engine == "sqlite":
        sqlite_copies.must_be_empty(Path(str(target.database)))
    else:
        postgres_copies.must_be_empty(settings.database_url)
    return manifest, digest


def restore(settings: Settings, folder: Path, manifest: Manifest, digest: str) -> Restored:
    """Put the database of a backup that was looked at in place, and migrate it. Raises ``BackupError``."""
    url = settings.database_url
    if manifest.engine == "sqlite":
        sqlite_copies.put(folder / sqlite_copies.FILE, Path(str(canonical_url(url).database)))
    else:
        postgres_copies.put(folder / postgres_copies.FILE, url, folder=settings.pg_bin)
    migrate.upgrade(url)
    newest = migrate.revision(url)
    return Restored(manifest, digest, newest if newest != manifest.schema else None)


def differences(tx: Transaction, restored: Restored) -> list[str]:
    """What is not as the manifest says: a sentence for each chain, and one for the entries."""
    found = []
    for chain in CHAINS:
        stated = restored.manifest.heads.get(chain.name, {"number": 0, "hash": ""})
        head = chain.head(tx)
        if head.number != stated["number"] or (head.number and head.hash != stated["hash"]):
            found.append(
                f"{chain.title} ends at {chain.unit} {head.number} with the hash {head.hash}, and the backup "
                f"says {chain.unit} {stated['number']} with the hash {stated['hash']}"
            )
    entries = count(tx, Span())
    if entries != restored.manifest.entries:
        found.append(f"the ledger has {entries} entries, and the backup says {restored.manifest.entries}")
    return found


def note(gateway: Gateway, restored: Restored, *, sound: bool) -> None:
    """Write into the log of the restored database that it was restored, and from what."""
    facts = {"made_at": restored.manifest.made_at, "sound": sound}
    actor = Actor.at_the_command_line()
    gateway.db.write(
        lambda tx: audit.record(tx, actor, "backup.restored", about=restored.sha256, facts=facts)
    )


def in_reach(manifest: Manifest, roots: Path) -> tuple[Callable[[Root], bool], int]:
    """Which exported roots a backup must hold, and how many are newer than it.

    Raises ``BackupError`` where none of ledger or audit log is old enough, which would prove nothing.
    """

    def counts(root: Root) -> bool:
        reaches = root.number <= int(manifest.heads.get(root.chain, {"number": 0})["number"])
        return reaches and _signed_by(root, manifest.moment)

    every = read_roots(roots)
    for chain in CHAINS[:2]:
        if not any(root.chain == chain.name and counts(root) for root in every):
            raise BackupError(
                f"{roots} contains no root of {chain.title} from before the backup, so it proves nothing about it. "
                "Nothing was restored."
            )
    return counts, sum(not counts(root) for root in every)


def _signed_by(root: Root, moment: datetime) -> bool:
    if root.signed_at is not None:
        return root.signed_at <= moment
    return root.day is not None and root.day < (moment - LATER).date()


def _must_have_keys(settings: Settings, manifest: Manifest) -> None:
    held = keyring.opened(settings.data_dir).ids()
    lacking: Sequence[str] = [
        f"{id} ({kind})"
        for kind, ids in manifest.keys.items()
        for id in ids
        if kind != PASSING and id not in held.get(kind, ())
    ]
    if lacking:
        raise BackupError(
            f"{settings.data_dir / keyfile.FOLDER} does not contain the key {lacking[0]}, which this backup needs: "
            "put the copy of the key folder of the backup's time there (fenqi-gateway backup-keys). A key that "
            "was retired since is gone for good, and the backup with it. Nothing was restored."
        )
