"""The keys of a gateway, all together.

Made by ``keys init`` alone, opened by everything else, and compared at each start with those that the database is
used with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.config import Settings
from gateway.contracts.signing import BuiltInAuthority
from gateway.db import witness
from gateway.db.transactions import Database
from gateway.documents.signing import BuiltInDocumentAuthority
from gateway.oauth.tokens.keys import SigningKeys
from gateway.privacy import keyfile, keys_in_use
from gateway.privacy.keyfile import KeyFileError
from gateway.privacy.row_key_file import RowKeyFile, path_of
from gateway.privacy.vault import Vault
from gateway.web.context import Gateway


@dataclass(frozen=True, slots=True)
class Keyring:
    """What signs tokens, what signs contracts and roots, what seals, and what hashes rows."""

    tokens: SigningKeys
    authority: BuiltInAuthority
    vault: Vault
    rows: RowKeyFile

    def ids(self) -> dict[str, list[str]]:
        """The ids of all keys by kind."""
        return _ids(self.tokens, self.authority, self.vault, self.rows)


def opened(data_dir: Path, clock: Callable[[], datetime] | None = None) -> Keyring:
    """The keys of a data folder. Raises ``KeyFileError`` where one is missing; makes none."""
    return Keyring(
        SigningKeys.of_folder(data_dir, clock),
        BuiltInAuthority.of_folder(data_dir),
        Vault.of_folder(data_dir),
        RowKeyFile.of_folder(data_dir),
    )


def create(data_dir: Path, clock: Callable[[], datetime] | None = None) -> Keyring:
    """The keys of a data folder whose database is new, of which those that are missing are made."""
    return _made(data_dir, clock, adopted_at=clock() if clock else datetime.now(UTC))


def _made(
    data_dir: Path, clock: Callable[[], datetime] | None = None, *, adopted_at: datetime | None = None
) -> Keyring:
    BuiltInDocumentAuthority.create(data_dir, clock() if clock else datetime.now(UTC))
    return Keyring(
        SigningKeys.create(data_dir, clock),
        BuiltInAuthority.create(data_dir),
        Vault.create(data_dir),
        RowKeyFile.create(data_dir, adopted_at=adopted_at),
    )


def init(settings: Settings, db: Database, *, again: bool = False) -> Keyring:
    """Make the keys of a new gateway and record them; where they are, check them and make none.

    For a gateway of an older release, which hashed rows without a key, make that key and hash what stands there; a
    second time only with ``again``, or an edit could be passed off as such a row. Raises ``KeyFileError`` for a
    database that is used with keys which the folder does not hold, or that these keys have never been used with.
    """
    with db.read() as tx:
        in_use, keyed = keys_in_use.are_recorded(tx), keys_in_use.are_recorded(tx, "rows")
    if in_use and not keyed and not path_of(settings.data_dir).exists():
        sealing = Vault.of_folder(settings.data_dir).key_ids()
        with db.read() as tx:  # nothing is made in a folder that is another gateway's
            keys_in_use.check(tx, sealing, folder=str(settings.data_dir / keyfile.FOLDER))
        RowKeyFile.create(settings.data_dir)
    ring = opened(settings.data_dir) if in_use else _made(settings.data_dir)
    # Of no row that is stored: where it is missing, files of an earlier key go on being checked by its certificate.
    BuiltInDocumentAuthority.create(settings.data_dir, db.clock())
    if in_use and not keyed and ring.rows.has_adopted and not again:
        raise KeyFileError(
            f"The rows of this database have no key, but {path_of(settings.data_dir)} has hashed earlier ones. "
            "If you restored a backup from before the upgrade, run: fenqi-gateway keys init --again. It hashes "
            "the rows as they are. Otherwise somebody has changed the database: compare it with a backup."
        )
    _check_and_record(db, ring.ids(), settings)
    if again or not ring.rows.has_adopted:
        db.write(lambda tx: witness.adopt(tx.connection(), ring.rows.keys))
        ring.rows.note_adopted(db.clock())
    return ring


def check(gateway: Gateway, *, record: bool = True) -> None:
    """Refuse keys that are not the database's; with ``record``, write down what a rotation has added.

    Raises ``KeyFileError``.
    """
    rows = RowKeyFile.of_folder(gateway.settings.data_dir)
    rows.check_adopted()
    ports = gateway.ports
    held = _ids(ports.signing_keys, ports.signing_authority, gateway.vault, rows)
    _check_and_record(gateway.db, held, gateway.settings, record=record)


def problem(settings: Settings, db: Database) -> str | None:
    """What is wrong with the keys of the folder; None where they are the database's. Changes nothing."""
    try:
        ring = opened(settings.data_dir)
        ring.rows.check_adopted()
        _check_and_record(db, ring.ids(), settings, record=False)
    except KeyFileError as error:
        return str(error)
    return None


def _check_and_record(
    db: Database, held: dict[str, list[str]], settings: Settings, *, record: bool = True
) -> None:
    with db.read() as tx:
        keys_in_use.check(tx, held, folder=str(settings.data_dir / keyfile.FOLDER))
        known = keys_in_use.are_known(tx, held)
    if record and not known:
        db.write(lambda tx: keys_in_use.record(tx, held))


def _ids(tokens: Any, authority: Any, vault: Vault, rows: RowKeyFile) -> dict[str, list[str]]:
    others = {"contracts": list(authority.public_keys()), "tokens": tokens.key_ids, "rows": rows.ids}
    return {**vault.key_ids(), **others}
