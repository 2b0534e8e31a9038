"""``python -m bench [NAME…]``: run the named measurements (all by default) and print a table of each."""

from __future__ import annotations

import argparse
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from bench import (
    checkout,
    confirm,
    day,
    door,
    ledger_export,
    ledger_post,
    ledger_verify,
    links,
    quote,
    webhooks,
)
from gateway.app import gateway_of
from gateway.config import from_environment
from gateway.db.migrate import upgrade
from gateway.onboarding import onboard

ENTRIES = {
    "confirm": confirm.measure,
    "checkout": checkout.measure,
    "door": door.measure,
    "links": links.measure,
    "quote": quote.measure,
    "day": day.measure,
    "ledger_post": ledger_post.measure,
    "ledger_verify": ledger_verify.measure,
    "ledger_export": ledger_export.measure,
    "webhooks": webhooks.measure,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*ENTRIES, []], help="which to run (default: all)")
    parser.add_argument("--seconds", type=float, default=4, help="length of one round (default 4)")
    parser.add_argument(
        "--rounds", type=int, default=3, help="rounds, interleaved with the yardstick (default 3)"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fenqi-bench-") as folder, served(Path(folder)) as place:
        load = os.getloadavg()[0]
        print(
            f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {load:.1f}"
        )
        print(f"database {place['database']}, server granian, 1 worker\n")
        for name in options.names or ENTRIES:
            ENTRIES[name](place, seconds=options.seconds, rounds=options.rounds)
    return 0


@contextmanager
def served(folder: Path) -> Iterator[dict[str, Any]]:
    """A real server process on a fresh database, with one merchant and its token."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    settings = from_environment(data_dir=str(folder), public_url=url)
    upgrade(settings.database_url)
    credentials = onboard(
        gateway_of(settings),
        name="量尺",
        name_en="Yardstick",
        category="3c",
        mode="test",
        email=f"bench-{time.time_ns()}@fenqi.example",
        webhook_url=None,
    )
    environ = {
        **os.environ,
        "FENQI_DATA_DIR": str(folder),
        "FENQI_PUBLIC_URL": url,
        "FENQI_WORKER_IN_PROCESS": "0",
        "FENQI_RATE_LIMITS": "off",  # what one look costs is measured apart
    }
    command = f"from gateway.server import run; run('bench.site:site', host='127.0.0.1', port={port})"
    process = subprocess.Popen([sys.executable, "-c", command], env=environ)
    try:
        _wait(url)
        token = requests.post(
            f"{url}/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(credentials["client_id"], credentials["client_secret"]),
            timeout=10,
        ).json()["access_token"]
        backend = settings.database_url.partition(":")[0]
        named = {name: credentials[name] for name in ("client_id", "client_secret")}
        yield {"host": "127.0.0.1", "port": port, "token": token, "database": backend, **named}
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait(url: str) -> None:
    for _ in range(200):
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
