"""Key files: what must stay outside the database, made once by ``keys init``, for the owner's eyes only."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

FOLDER = "keys"
READS = 3


class KeyFileError(Exception):
    """A key file cannot be used; it is never replaced by itself, because what it sealed would be lost."""


def create(path: Path, make: Callable[[], dict[str, Any]]) -> None:
    """Make a key file, unless it is there.

    Safe when several processes do it together: all of them end up with the file of the first.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        written = _written(path, make())
        try:
            os.link(written, path)
        except FileExistsError:
            pass
        finally:
            written.unlink()
        _sync_folder(path.parent)


def read(path: Path) -> dict[str, Any]:
    """The content of a key file. Raises ``KeyFileError``."""
    try:
        content = _parsed(path)
    except FileNotFoundError:
        raise KeyFileError(
            f"There is no key file {path}. If this gateway has run before, restore the folder from its host or "
            "its backup: without it, sealed data can never be opened again. For a new gateway, and for the "
            "file rows.json after an upgrade to the first release that has it, run: fenqi-gateway keys init"
        ) from None
    except (OSError, ValueError) as error:
        raise KeyFileError(f"the key file {path} cannot be read: {error}. Restore a backup.") from None
    if not isinstance(content, dict):
        raise KeyFileError(f"the key file {path} does not contain a JSON object. Restore a backup.")
    return content


@contextmanager
def changing(path: Path) -> Iterator[dict[str, Any]]:
    """The content of a key file, which nobody else changes meanwhile. Raises ``KeyFileError``."""
    handle = os.open(path.with_name(f"{path.name}.lock"), os.O_WRONLY | os.O_CREAT, 0o600)
    with os.fdopen(handle, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield read(path)


def replace(path: Path, content: dict[str, Any]) -> None:
    """Put new content in place at once: a reader sees the old or the new file, never half of one."""
    _written(path, content).replace(path)
    _sync_folder(path.parent)


def destroy_old(path: Path, content: dict[str, Any]) -> None:
    """Put new content in place and overwrite the file that was there, and what interrupted runs have left beside it.

    A file system that copies on write, or a disk that moves blocks, may still keep the old bytes.
    """
    with path.open("r+b") as old:
        replace(path, content)
        _overwrite(old)
    for partial in path.parent.glob(f".{path.name}.*"):
        with partial.open("r+b") as left:
            _overwrite(left)
        partial.unlink()
    _sync_folder(path.parent)


def key_of(text: object, size: int) -> bytes:
    """Base64 of a key of ``size`` bytes. Raises ``ValueError``."""
    if not isinstance(text, str):
        raise ValueError("a key must be base64 text")
    key = base64.b64decode(text, validate=True)
    if len(key) != size:
        raise ValueError(f"a key must have {size} bytes, it has {len(key)}")
    return key


def text_of(key: bytes) -> str:
    """The base64 that ``key_of`` reads."""
    return base64.b64encode(key).decode()


def _parsed(path: Path) -> Any:
    """What stands in the file. One that is being replaced and overwritten is opened again: its name has moved on."""
    for _ in range(READS):
        text = path.read_bytes()
        if text.strip(b"\0"):
            break
    return json.loads(text.decode("ascii"))


def _overwrite(file: IO[bytes]) -> None:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    file.write(bytes(size))
    file.flush()
    os.fsync(file.fileno())


def _written(path: Path, content: dict[str, Any]) -> Path:
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    return partial


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
