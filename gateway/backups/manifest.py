"""What a backup says of itself: what it was made of, the hashes of its files, and what must be true after a restore."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

DATABASE, KEYS = "fenqi-backup/1", "fenqi-keys/1"
"""The formats of the two kinds of folders: one has the database, the other the keys."""
NAME = "manifest.json"
CHUNK = 1 << 20


class BackupError(ValueError):
    """A backup cannot be made or used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One file of a backup."""

    sha256: str
    bytes: int

    @classmethod
    def of(cls, path: Path) -> Stored:
        """Hash a file."""
        running, size = hashlib.sha256(), 0
        with path.open("rb") as file:
            while part := file.read(CHUNK):
                running.update(part)
                size += len(part)
        return cls(running.hexdigest(), size)


@dataclass(frozen=True, slots=True)
class Manifest:
    """The manifest of a folder of either kind; one of keys has no schema, no heads and no entries."""

    format: str
    version: str
    made_at: str
    """The moment in UTC at which the copy was begun."""
    engine: str
    schema: str
    files: Mapping[str, Stored]
    heads: Mapping[str, Mapping[str, Any]]
    """Where each hash chain stood: number and hash by the name of the chain."""
    entries: int
    """Entries of the ledger."""
    keys: Mapping[str, Sequence[str]]
    """The ids of the keys of that moment, by kind."""

    @property
    def moment(self) -> datetime:
        """``made_at`` as a moment."""
        return datetime.fromisoformat(self.made_at)

    def write(self, folder: Path) -> str:
        """Write it into a folder, readable only by the owner; returns the SHA-256 of the file."""
        content = (json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n").encode()
        handle = os.open(folder / NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return hashlib.sha256(content).hexdigest()


def stamp(moment: datetime) -> str:
    """A moment as a manifest has it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def kind_of(folder: Path) -> str | None:
    """The format that the manifest of a folder names; None where there is no manifest."""
    try:
        found = json.loads((folder / NAME).read_bytes())
    except (OSError, ValueError):
        return None
    return str(found.get("format")) if isinstance(found, dict) else None


def read(folder: Path) -> tuple[Manifest, str]:
    """The manifest of a backup of the database, and its SHA-256; every file is compared with its hash.

    Raises ``BackupError`` for what is none, is not complete or was changed.
    """
    try:
        content = (folder / NAME).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise BackupError(
            f"{folder} is not a backup: it has no {NAME}. A backup that was interrupted has none either."
        ) from None
    kind = kind_of(folder)
    if kind is not None and kind != DATABASE:
        raise BackupError(f"{folder} has the format {kind!r}, and this release restores {DATABASE!r}.")
    try:
        found = _read(json.loads(content))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BackupError(f"{folder / NAME} cannot be read: {error}. Use another backup.") from None
    for name, stored in found.files.items():
        path = folder / name
        if not path.is_file():
            raise BackupError(f"{path} is missing: the backup is not complete. Use another one.")
        if Stored.of(path) != stored:
            raise BackupError(
                f"{path} is not the file that was backed up: its hash differs. Use another one."
            )
    return found, hashlib.sha256(content).hexdigest()


def _read(value: Any) -> Manifest:
    files = {str(name): Stored(str(one["sha256"]), int(one["bytes"])) for name, one in value["files"].items()}
    if any(Path(name).name != name for name in files):
        raise ValueError("a file lies in another folder")
    heads = {
        str(name): {"number": int(one["number"]), "hash": str(one["hash"])}
        for name, one in value["heads"].items()
    }
    keys = {str(kind): [str(id) for id in ids] for kind, ids in value["keys"].items()}
    texts = {name: str(value[name]) for name in ("format", "version", "made_at", "engine", "schema")}
    found = Manifest(**texts, files=files, heads=heads, entries=int(value["entries"]), keys=keys)
    if found.moment.tzinfo is None:
        raise ValueError("made_at has no time zone")
    return found
