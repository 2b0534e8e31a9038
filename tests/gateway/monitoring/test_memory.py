"""Threads share the arenas of the heap, so that what one frees the next one uses."""

from __future__ import annotations

import argparse
import subprocess
import sys
from typing import Any

import pytest

from gateway.cli import serve
from gateway.monitoring import memory
from gateway.process import server

COUNT = """
import ctypes, re, sys, tempfile, threading
from gateway.monitoring.memory import share_arenas

shares = share_arenas()
meeting = threading.Barrier(12)

def allocate():
    meeting.wait()
    kept = [bytes(5_000) for _ in range(100)]
    meeting.wait()

threads = [threading.Thread(target=allocate) for _ in range(12)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
with tempfile.NamedTemporaryFile() as told:
    stream = ctypes.c_void_p(libc.fopen(told.name.encode(), b"w"))
    libc.malloc_info(0, stream)
    libc.fclose(stream)
    print(shares, len(re.findall("<heap ", told.read().decode())))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="arenas are glibc's")
def test_many_threads_share_two_arenas_unless_the_environment_says_otherwise() -> None:
    def counted(**environ: str) -> str:
        command = [sys.executable, "-c", COUNT]
        return subprocess.run(command, env=environ, check=True, capture_output=True, text=True).stdout.strip()

    shares, heaps = counted().split()
    assert (shares, int(heaps) <= memory.ARENAS) == ("True", True)
    assert counted(MALLOC_ARENA_MAX="5") == "False 5"


@pytest.mark.parametrize("start", [serve._worker, server.front_of])
def test_worker_and_server_share_them_before_any_thread_starts(
    start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class First(BaseException):
        """Nothing came before."""

    def shared() -> None:
        raise First

    monkeypatch.setattr(memory, "share_arenas", shared)

    with pytest.raises(First):
        start(argparse.Namespace())
