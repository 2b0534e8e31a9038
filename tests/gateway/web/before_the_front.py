"""A front in this process, requests as granian hands them over, and an application that answers when it may."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway.web.front import Front


class Protocol:
    """granian's side of a request: gives the parts of the body, and remembers the answer."""

    def __init__(self, *parts: bytes | Exception) -> None:
        self._parts = iter(parts)
        self._told = threading.Event()
        self.answer: tuple[int, list[tuple[str, str]], bytes]

    def __aiter__(self) -> Protocol:
        return self

    async def __anext__(self) -> bytes:
        part = next(self._parts, b"")
        if isinstance(part, Exception):
            raise part
        if not part:
            raise StopAsyncIteration
        return part

    def response_bytes(self, *answer: Any) -> None:
        """The first answer counts, as with granian."""
        assert not self._told.is_set(), "nobody is answered twice"
        self.answer = answer
        self._told.set()

    def wait(self) -> int:
        """The status, as soon as there is one."""
        assert self._told.wait(30), "not answered"
        return self.answer[0]

    @property
    def status(self) -> int | None:
        """The status if there is one."""
        return self.answer[0] if self._told.is_set() else None


@contextmanager
def served(application: Any, *, proxies: int = 0) -> Iterator[Front]:
    """A front whose threads and loop run."""
    front, loop, interval = (
        Front(application, proxies=proxies),
        asyncio.new_event_loop(),
        sys.getswitchinterval(),
    )
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        front.start(loop)
        yield front
    finally:
        sys.setswitchinterval(interval)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def answered(front: Front, scope: Any, *parts: bytes | Exception) -> tuple[int, list[tuple[str, str]], bytes]:
    """The answer to one request with a body of these parts."""
    protocol = Protocol(*parts)
    front.take(scope, protocol)
    protocol.wait()
    return protocol.answer


def holding() -> Any:
    """An application that answers nobody before a file is there."""
    go = Path(os.environ["FENQI_DATA_DIR"]) / "go"

    def application(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
        while not go.exists():
            time.sleep(0.01)
        start_response("200 OK", [])
        return [b"held"]

    return application
