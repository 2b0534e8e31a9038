"""What belongs to a login, kept on this side: a sealed file per browser session, which one request at a time holds.

Tabs of one browser send the same cookie at the same moment. If the tokens stood in the cookie, each tab would renew
them by itself, and the gateway would take the second renewal for a theft. The lock counts for threads and processes.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
MOST_BYTES = 64 * 1024


@dataclass
class Held:
    """One session while it is locked; ``content`` is None once it has ended."""

    path: Path
    content: dict[str, Any] | None
    _file: int
    _seal: Callable[[dict[str, Any]], bytes]
    _clock: Callable[[], float]

    def write(self, content: dict[str, Any]) -> None:
        """Replace what is kept; its age counts from now."""
        sealed = self._seal(content)
        os.pwrite(self._file, sealed, 0)
        os.ftruncate(self._file, len(sealed))
        os.utime(self._file, (self._clock(), self._clock()))
        self.content = content

    def forget(self) -> None:
        """End the session, also for those who wait for its lock."""
        os.ftruncate(self._file, 0)
        self.path.unlink(missing_ok=True)
        self.content = None


@dataclass
class Sessions:
    """The sessions in a folder, sealed with ``key``; files that nobody used for ``idle_seconds`` are deleted."""

    folder: Path
    key: bytes
    idle_seconds: int
    clock: Callable[[], float]

    def begin(self, content: dict[str, Any]) -> str:
        """Keep a new session; returns the unguessable name that goes into the cookie."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._sweep()
        name = secrets.token_urlsafe(32)
        file = os.open(self._path(name), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        with contextlib.closing(os.fdopen(file)):
            Held(self._path(name), None, file, lambda held: self._sealed(name, held), self.clock).write(
                content
            )
        return name

    @contextlib.contextmanager
    def hold(self, name: str) -> Iterator[Held | None]:
        """The session, locked until the end of the block; None when there is none of this name."""
        path = self._path(name)
        try:
            file = os.open(path, os.O_RDWR)
        except OSError:
            yield None
            return
        with contextlib.closing(os.fdopen(file)):
            fcntl.flock(file, fcntl.LOCK_EX)
            content = self._opened(name, os.pread(file, MOST_BYTES, 0))
            held = Held(path, content, file, lambda held: self._sealed(name, held), self.clock)
            yield held if content is not None else None

    def _path(self, name: str) -> Path:
        return self.folder / hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()

    def _sealed(self, name: str, content: dict[str, Any]) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher().encrypt(nonce, json.dumps(content).encode(), self._bound_to(name))

    def _opened(self, name: str, sealed: bytes) -> dict[str, Any] | None:
        nonce, body = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            content: dict[str, Any] = json.loads(self._cipher().decrypt(nonce, body, self._bound_to(name)))
        except (ValueError, InvalidTag):
            return None
        return content

    def _bound_to(self, name: str) -> bytes:
        return b"portal session " + name.encode("utf-8", "surrogatepass")

    def _cipher(self) -> AESGCM:
        return AESGCM(hashlib.sha256(b"portal tokens" + self.key).digest())

    def _sweep(self) -> None:
        oldest = self.clock() - self.idle_seconds
        for path in self.folder.iterdir():
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()
