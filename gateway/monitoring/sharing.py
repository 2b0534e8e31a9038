"""The folder in which the processes of one machine count together; it must be named before the library is imported.

It lies in the data folder, one for each machine: a server with several processes, the worker and the commands beside
them. Counts restart with the server.
"""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
FOLDER = "metrics"
KEPT_SECONDS = 2 * 24 * 3600
"""So long the facts of a process that has ended count, such as when a job last ran."""
HELD = re.compile(r"gauge_max_")


@contextmanager
def shared(data_dir: Path, *, afresh: bool = False, create: bool = True) -> Iterator[None]:
    """Let this process and those it starts count in the data folder's files, as long as it lasts.

    ``afresh`` is for a server that begins: it clears away what ended before it. Without ``create`` a process counts
    where others do, or for itself.
    """
    machine = re.sub(r"[^A-Za-z0-9.-]", "_", socket.gethostname()) or "machine"
    folder = data_dir / FOLDER / machine
    if not create and not folder.is_dir():
        yield
        return
    mask = os.umask(
        0o077
    )  # the library would make its files for everybody to read, and live mode be refused for it
    for part in (folder.parent, folder):
        part.mkdir(mode=0o700, exist_ok=True)
    if afresh:
        _clear(folder)
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = str(folder)
    try:
        yield
    finally:
        os.umask(mask)
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before
        if afresh:
            _leave(folder)


def _leave(folder: Path) -> None:
    """Take away what the main process of a server made, which counts nothing itself, and folders that are empty."""
    for file in folder.glob(f"*_{os.getpid()}.db"):
        file.unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()
        folder.parent.rmdir()


def _clear(folder: Path) -> None:
    for file in folder.glob("*.db"):
        old = time.time() - file.stat().st_mtime > KEPT_SECONDS
        if not is_running(int(file.stem.rpartition("_")[2])) and (old or not HELD.match(file.name)):
            file.unlink(missing_ok=True)


def is_running(number: int) -> bool:
    """Whether there is a process of this number on this machine."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
