"""Making backups: of the database with the heads of its chains, and of the keys, apart from it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gateway import keyring
from gateway.audit import service as audit
from gateway.audit.service import Actor
from gateway.backups import folders, postgres_copies, sqlite_copies
from gateway.backups.manifest import DATABASE, KEYS, BackupError, Manifest, Stored, stamp
from gateway.db import migrate
from gateway.db.engine import canonical_url, connect
from gateway.db.transactions import Database, Transaction
from gateway.ledger.integrity.chain import CHAIN
from gateway.ledger.integrity.trees import TREES
from gateway.ledger.reports.export import Span, count
from gateway.privacy import keyfile
from gateway.web.context import Gateway

CHAINS = (audit.CHAIN, CHAIN, TREES)
"""What a backup says the heads of."""


def backup(gateway: Gateway, folder: Path) -> tuple[Path, Manifest]:
    """Copy the database into a new folder in ``folder``. Raises ``BackupError`` or ``OSError``, and leaves nothing."""
    keys = _keys_folder(gateway)
    place = folder.resolve()
    if keys.resolve() in (place, *place.parents):
        raise BackupError(f"{folder} lies in the key folder {keys}: database and keys must lie apart.")
    folders.must_lie_apart(folder, DATABASE)
    moment = gateway.clock().astimezone(UTC)
    name = f"fenqi-{moment:%Y%m%dT%H%M%SZ}"
    with folders.made(folder, name) as partial:
        held = keyring.opened(gateway.settings.data_dir).ids()
        file, heads, entries = _copied(gateway, partial)
        manifest = Manifest(
            format=DATABASE,
            version=version("fenqi-gateway"),
            made_at=stamp(moment),
            engine=gateway.db.engine.dialect.name,
            schema=str(migrate.revision(gateway.settings.database_url)),
            files={file: Stored.of(partial / file)},
            heads=heads,
            entries=entries,
            keys=held,
        )
        digest = manifest.write(partial)
    _record(gateway, "backup.made", digest, folder=name)
    return folder / name, manifest


def backup_keys(gateway: Gateway, folder: Path) -> tuple[Path, Manifest]:
    """Copy the key files into a new folder in ``folder``. Raises ``BackupError`` or ``OSError``, and leaves nothing."""
    folders.must_lie_apart(folder, KEYS)
    moment = gateway.clock().astimezone(UTC)
    name = f"fenqi-keys-{moment:%Y%m%dT%H%M%SZ}"
    with folders.made(folder, name) as partial:
        files = sorted(_keys_folder(gateway).glob("*.json"))
        copies = partial / keyfile.FOLDER
        copies.mkdir(mode=0o700)
        for file in files:
            folders.copied(file, copies / file.name)
        folders.sync(copies)
        manifest = Manifest(
            format=KEYS,
            version=version("fenqi-gateway"),
            made_at=stamp(moment),
            engine="",
            schema="",
            files={f"{keyfile.FOLDER}/{file.name}": Stored.of(copies / file.name) for file in files},
            heads={},
            entries=0,
            keys=keyring.opened(gateway.settings.data_dir).ids(),
        )
        digest = manifest.write(partial)
    _record(gateway, "backup.keys_copied", digest, folder=name)
    return folder / name, manifest


def heads_of(tx: Transaction) -> dict[str, dict[str, Any]]:
    """Where each chain stands: number and hash."""
    heads = {chain.name: chain.head(tx) for chain in CHAINS}
    return {name: {"number": head.number, "hash": head.hash} for name, head in heads.items()}


def _copied(gateway: Gateway, partial: Path) -> tuple[str, Mapping[str, Mapping[str, Any]], int]:
    """The name of the copy, and the heads and the entries of the very moment that it shows."""
    url = gateway.settings.database_url
    if gateway.db.engine.dialect.name == "postgresql":
        with gateway.db.read(snapshot=True) as tx:
            target, folder = partial / postgres_copies.FILE, gateway.settings.pg_bin
            postgres_copies.copy(tx, url, target, folder=folder)
            return target.name, heads_of(tx), count(tx, Span())
    target = partial / sqlite_copies.FILE
    sqlite_copies.copy(Path(str(canonical_url(url).database)), target)
    engine = connect(f"sqlite:///{target}")
    try:
        with Database(engine, clock=gateway.clock, ids=gateway.db.ids).read() as tx:
            told = heads_of(tx), count(tx, Span())
    finally:
        engine.dispose()
    sqlite_copies.make_one_file(target)
    return target.name, *told


def _keys_folder(gateway: Gateway) -> Path:
    return gateway.settings.data_dir / keyfile.FOLDER


def _record(gateway: Gateway, action: str, digest: str, **facts: Any) -> None:
    """Write down that a copy exists: its subject is the hash of the manifest."""
    actor = Actor.at_the_command_line()
    gateway.db.write(lambda tx: audit.record(tx, actor, action, about=digest, facts=facts))
