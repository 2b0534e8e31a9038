"""``python -m bench [NAME…]``: run the named measurements (all by default) and print a table of each."""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import platform
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import requests

import bench
from bench import report
from bench.report import Row
from bench.size import SMOKE, Size, full
from gateway import keyring
from gateway.app import gateway_of
from gateway.config import from_environment
from gateway.db.migrate import upgrade
from gateway.process.onboarding import onboard

Measure = Callable[[dict[str, Any], Size], Sequence[Row] | None]
"""Prints each round as it comes, and returns the figures for the table, if it has any."""


def entries() -> dict[str, Measure]:
    """The measurements by name: every module of this folder that has a ``measure``."""
    names = sorted(
        module.name for module in pkgutil.iter_modules(bench.__path__) if module.name != "__main__"
    )
    modules = {name: importlib.import_module(f"bench.{name}") for name in names}
    return {name: module.measure for name, module in modules.items() if hasattr(module, "measure")}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurements that are named; returns the exit status."""
    known = entries()
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(known)} (default: all)")
    parser.add_argument("--seconds", type=_seconds, default=4, help="length of one round (default 4)")
    parser.add_argument(
        "--rounds", type=_rounds, default=3, help="rounds, in turn with the yardstick (default 3)"
    )
    parser.add_argument(
        "--smoke", action="store_true", help="seconds in all: shows that they run, the figures mean nothing"
    )
    parser.add_argument("--json", type=_file, metavar="FILE", help="write the figures there, too")
    options = parser.parse_args(argv)
    unknown = [name for name in options.names if name not in known]
    if unknown:
        parser.error(f"{unknown[0]!r} is not a measurement; there are {', '.join(known)}")
    size = SMOKE if options.smoke else full(seconds=options.seconds, rounds=options.rounds)
    with tempfile.TemporaryDirectory(prefix="fenqi-bench-") as folder, served(Path(folder)) as place:
        facts = {
            "machine": platform.machine(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "load": round(os.getloadavg()[0], 1),
            "database": place["database"],
            "server": "granian, 1 worker",
            "smoke": options.smoke,
        }
        print(", ".join(f"{name} {value}" for name, value in facts.items()), end="\n\n")
        rows = [row for name in options.names or known for row in known[name](place, size) or ()]
    print(report.table(rows), end="")
    if options.json is not None:
        report.write(options.json, facts, rows)
    return 0


@contextmanager
def served(folder: Path, *, database_url: str | None = None, workers: int = 1) -> Iterator[dict[str, Any]]:
    """A real server of so many processes on a fresh database, with one merchant and its token."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    settings = from_environment(data_dir=str(folder), public_url=url)
    if database_url is not None:
        settings = replace(settings, database_url=database_url)
    upgrade(settings.database_url)
    keyring.create(settings.data_dir)
    gateway = gateway_of(settings)
    credentials, other = (
        onboard(
            gateway,
            name=name,
            name_en=name_en,
            category="3c",
            mode="test",
            email=f"bench-{time.time_ns()}@fenqi.example",
            webhook_url=None,
        )
        for name, name_en in (("量尺", "Yardstick"), ("邻居", "Neighbour"))
    )
    environ = {
        **os.environ,
        "FENQI_DATA_DIR": str(folder),
        "FENQI_PUBLIC_URL": url,
        "FENQI_WORKER_IN_PROCESS": "0",
        "DATABASE_URL": settings.database_url,
        "FENQI_RATE_LIMITS": "off",  # what one look costs is measured apart
        "FENQI_WEBHOOK_LOCAL": "1",
    }
    asked = f"'bench.site:site', host='127.0.0.1', port={port}, workers={workers}"
    command = f"from gateway.process.server import run; run({asked})"
    process = started(command, environ)
    try:
        _wait(url)
        token, other_token = (_token(url, each) for each in (credentials, other))
        backend = settings.database_url.partition(":")[0]
        known = {name: credentials[name] for name in ("client_id", "client_secret")}
        running = {"pid": process.pid, "environ": environ}
        tokens = {"token": token, "other_token": other_token}
        yield {"host": "127.0.0.1", "port": port, "database": backend, **tokens, **known, **running}
    finally:
        process.terminate()
        process.wait(timeout=10)


def _token(url: str, credentials: dict[str, Any]) -> str:
    pair = credentials["client_id"], credentials["client_secret"]
    form = {"grant_type": "client_credentials"}
    return str(requests.post(f"{url}/oauth/token", data=form, auth=pair, timeout=10).json()["access_token"])


def started(code: str, environ: dict[str, str]) -> subprocess.Popen[bytes]:
    """A Python of its own that runs ``code``."""
    return subprocess.Popen([sys.executable, "-c", code], env=environ)


def _seconds(text: str) -> float:
    """At least a tenth of a second, so that something is measured."""
    if not 0.1 <= float(text) <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a length of a round (0.1 to 3600)")
    return float(text)


def _file(text: str) -> Path:
    """A file that can be written, which is known before minutes are measured."""
    if not Path(text).parent.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is in no folder that exists")
    return Path(text)


def _rounds(text: str) -> int:
    if not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of rounds (1 to 1000)")
    return int(text)


def _wait(url: str) -> None:
    for _ in range(600):  # a busy machine starts slowly
        try:
            if requests.get(f"{url}/readyz", timeout=1).json()["scorer"] == "ready":
                return
        except (requests.RequestException, KeyError):
            pass
        time.sleep(0.1)
    raise SystemExit("the server did not start")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    raise SystemExit(main())
