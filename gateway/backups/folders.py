"""Where backups lie: a folder gets its name only when all of it is on the disk, and keys lie apart from data."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gateway.backups.manifest import DATABASE, KEYS, BackupError, kind_of

CALLED = {DATABASE: "the database", KEYS: "the keys"}


@contextmanager
def made(parent: Path, name: str) -> Iterator[Path]:
    """A folder to fill, which becomes ``parent/name`` at the end, or is removed with all that is in it.

    What an interrupted run has left is removed first. Raises ``BackupError`` or ``OSError``.
    """
    is_new = not parent.exists()
    if is_new:
        parent.mkdir(mode=0o700)
    handle = os.open(parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _alone(handle, parent)
        for left in parent.glob(".fenqi-*.partial"):
            shutil.rmtree(left)
        if (parent / name).exists():
            raise BackupError(f"{parent / name} exists already: try again in a second.")
        partial = parent / f".{name}.partial"
        partial.mkdir(mode=0o700)
        try:
            yield partial
            sync(partial)
            partial.rename(parent / name)
            os.fsync(handle)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    finally:
        os.close(handle)
        if is_new:
            with suppress(OSError):  # it is not empty: there is a backup in it
                parent.rmdir()


def must_lie_apart(folder: Path, kind: str) -> None:
    """Do nothing where ``kind`` may be backed up into ``folder``. Raises ``BackupError``."""
    place = folder.resolve()
    for above in (place, *place.parents):
        if kind_of(above) is not None:
            raise BackupError(f"{folder} lies inside the backup {above}: choose a folder beside it.")
    for beside in place.glob("fenqi-*") if place.is_dir() else ():
        found = kind_of(beside)
        if found is not None and found != kind:
            raise BackupError(
                f"{folder} holds backups of {CALLED.get(found, 'something else')} ({beside.name}). Database and "
                "keys together open everybody's data, also of people erased since: choose another folder, best "
                "on another machine."
            )


def new_file(path: Path) -> None:
    """An empty file for the owner alone, which another program then fills."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def copied(source: Path, target: Path) -> None:
    """Copy a file to one for the owner alone, down to the disk."""
    new_file(target)
    with source.open("rb") as there, target.open("wb") as here:
        shutil.copyfileobj(there, here, 1 << 20)
        here.flush()
        os.fsync(here.fileno())


def sync(path: Path) -> None:
    """Bring a file or a folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _alone(handle: int, parent: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BackupError(f"Another backup is being made in {parent}: wait until it has ended.") from None
