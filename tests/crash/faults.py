"""Each fault alone, under light traffic: what was answered while it lasted, how slowly, and how soon all was well."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import requests

from tests.crash.place import BACK_SECONDS, START_SECONDS, Killer, Place, running, waited
from tests.crash.traffic import Journal, Shop

FULL_MIB = 24


class Watch:
    """Some callers who write, read, and ask for health, and what each was answered."""

    def __init__(self, place: Place, shop: Shop) -> None:
        self._place, self._shop = place, shop
        self._halt = threading.Event()
        self._number = 0
        self.answers: list[tuple[str, int, float]] = []
        callers = (self._write, self._write, self._read, self._health)
        self._threads = [threading.Thread(target=self._go_on, args=(call,), daemon=True) for call in callers]

    def __enter__(self) -> Watch:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._halt.set()
        for thread in self._threads:
            thread.join()

    def figures(self) -> dict[str, Any]:
        """Answers by status; the slowest, and the slowest of ``/healthz``."""
        business = [one for one in self.answers if one[0] != "/healthz"]
        health = [one for one in self.answers if one[0] == "/healthz"]
        return {
            "answered": dict(sorted(Counter(status for _, status, _ in business).items())),
            "slowest (s)": round(max((took for _, _, took in business), default=0), 1),
            "healthz": dict(sorted(Counter(status for _, status, _ in health).items())),
            "healthz slowest (s)": round(max((took for _, _, took in health), default=0), 2),
        }

    def _go_on(self, call: Callable[[], tuple[str, int]]) -> None:
        while not self._halt.is_set():
            started = time.monotonic()
            try:
                path, status = call()
            except requests.RequestException:
                path, status = "", 0
            self.answers.append((path, status, time.monotonic() - started))
            time.sleep(0.02)

    def _send(self, method: str, path: str, **options: Any) -> tuple[str, int]:
        url = self._place.url + path
        return path, requests.request(
            method, url, headers=self._shop.headers(), timeout=60, **options
        ).status_code

    def _write(self) -> tuple[str, int]:
        self._number += 1
        order = {
            "amount": 200_000,
            "merchant_reference": f"watch-{time.monotonic_ns()}",
            "items": [{"name": "Phone", "quantity": 1, "unit_price": 200_000}],
            "category": "3c",
            "return_url": "https://shop.example/return",
            "cancel_url": "https://shop.example/cart",
        }
        return self._send("POST", "/v1/checkouts", json=order)

    def _read(self) -> tuple[str, int]:
        return self._send("GET", "/v1/checkouts?limit=1")

    def _health(self) -> tuple[str, int]:
        return self._send("GET", "/healthz")


def all_of(database: str) -> list[dict[str, Any]]:
    """Every fault that this database or a machine with it can have."""
    if database == "postgres":
        with running(
            database, FENQI_DATABASE_LOCK_SECONDS="1", FENQI_DATABASE_STATEMENT_SECONDS="3"
        ) as place:
            return of_postgresql(place)
    rows = []
    with running(database) as place:
        rows = of_processes(place)
    with small_disk() as folder:
        rows += (
            [of_full_disk(folder)] if folder else [{"fault": "disk full", "not tried": "mounting needs root"}]
        )
    return rows


def of_postgresql(place: Place) -> list[dict[str, Any]]:
    """What PostgreSQL can do to its clients."""
    shop = Shop(place.url, place.merchant(1), Journal())
    shop.login()
    killer = Killer(place, random.Random(1))
    postgres = place.postgres
    assert postgres is not None

    def read_only() -> None:
        with place.connected() as connection:
            connection.execute("ALTER SYSTEM SET default_transaction_read_only = on")
            connection.execute("SELECT pg_reload_conf()")
        killer.connections()
        time.sleep(3)
        with place.connected() as connection:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute("ALTER SYSTEM RESET default_transaction_read_only")
            connection.execute("SELECT pg_reload_conf()")
        killer.connections()

    def locked() -> None:
        with place.connected() as connection, connection.transaction():
            connection.execute("LOCK TABLE checkout IN ACCESS EXCLUSIVE MODE")
            time.sleep(4)

    def crowded() -> None:
        with contextlib.ExitStack() as stack:
            held: list[Any] = []
            latest = time.monotonic() + 3
            while time.monotonic() < latest:
                with contextlib.suppress(Exception):
                    while True:
                        held.append(stack.enter_context(place.connected()))
                ours = [connection.info.backend_pid for connection in held]
                held[0].execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE backend_type = 'client backend' AND pid <> ALL(%s)",
                    [ours],
                )

    faults = {
        "immediate restart": killer.database,
        "fail-over to read-only (25006)": read_only,
        "a table is locked for 4 s (55P03)": locked,
        "all processes frozen for 8 s": lambda: postgres.freeze(8),
        "no connection left (53300)": crowded,
        "connections ended (57P01)": killer.connections,
        "SIGKILL of a server process": killer.child,
        "SIGKILL of the main process": killer.master,
    }
    return [one(place, shop, name, fault) for name, fault in faults.items()] + [drained(place, shop)]


def of_processes(place: Place) -> list[dict[str, Any]]:
    """What can happen to processes whose database is a file."""
    shop = Shop(place.url, place.merchant(1), Journal())
    shop.login()
    killer = Killer(place, random.Random(1))
    faults = {"SIGKILL of the server process": killer.child, "SIGKILL of the main process": killer.master}
    return [one(place, shop, name, fault) for name, fault in faults.items()] + [drained(place, shop)]


def one(place: Place, shop: Shop, name: str, fault: Callable[[], object]) -> dict[str, Any]:
    """A fault under traffic."""
    lines = len(place.log_lines())
    with Watch(place, shop) as watch:
        time.sleep(1)
        fault()
        back = waited(place.in_service, START_SECONDS)
        time.sleep(1)
    figures = watch.figures()
    strange = {status for status in figures["answered"] if status not in (0, 200, 201, 503)}
    wrong = [f"answered {status}" for status in strange]
    if back > max(BACK_SECONDS, 2 * place.first_start):
        wrong.append(f"back after {back:.1f} s")
    return {
        "fault": name,
        **figures,
        "back after (s)": round(back, 1),
        "lines of the log": len(place.log_lines()) - lines,
        "wrong": wrong,
    }


def drained(place: Place, shop: Shop) -> dict[str, Any]:
    """SIGTERM while a slow request is on its way: it is answered, and the server ends."""
    answers: list[int] = []

    def slow() -> None:
        headers = {**shop.headers(), "Fenqi-Test-Fault": "slow=2s"}
        answers.append(requests.get(f"{place.url}/v1/checkouts", headers=headers, timeout=30).status_code)

    caller = threading.Thread(target=slow)
    caller.start()
    time.sleep(0.5)
    seconds = place.server.stop()
    caller.join()
    place.server.start()
    waited(place.in_service, START_SECONDS)
    wrong = [] if answers == [200] and seconds < 10 else [f"answered {answers}, ended after {seconds:.1f} s"]
    name = "SIGTERM, a request on its way"
    return {"fault": name, "answered": answers, "ended after (s)": round(seconds, 1), "wrong": wrong}


def of_full_disk(folder: Path) -> dict[str, Any]:
    """The disk of the data folder is full for five seconds."""
    ballast = folder / "ballast"

    def full() -> None:
        handle = os.open(ballast, os.O_WRONLY | os.O_CREAT, 0o600)
        with contextlib.suppress(OSError):
            while True:
                os.write(handle, bytes(4096))
        os.close(handle)
        time.sleep(5)
        if place.is_ready():
            ready.append("ready although the disk is full")
        ballast.unlink()

    ready: list[str] = []
    with running("sqlite", under=str(folder)) as place:
        shop = Shop(place.url, place.merchant(1), Journal())
        shop.login()
        found = one(place, shop, "disk full", full)
        found["wrong"] += ready
        verified = place.run("ledger", "verify")
        if verified.returncode or place.server.starts + place.worker.starts > 2:
            found["wrong"].append(
                f"{verified.stdout[-200:]}, starts {place.server.starts} {place.worker.starts}"
            )
    return found


@contextlib.contextmanager
def small_disk() -> Iterator[Path | None]:
    """A disk of a few MiB; None where none may be made."""
    with tempfile.TemporaryDirectory(prefix="fenqi-crash-disk-") as name:
        line = ["mount", "-t", "tmpfs", "-o", f"size={FULL_MIB}m,mode=755", "tmpfs", name]
        mounted = subprocess.run(line, capture_output=True, check=False)
        try:
            yield Path(name) if mounted.returncode == 0 else None
        finally:
            if mounted.returncode == 0:
                subprocess.run(["umount", name], check=False)


def show(rows: list[dict[str, Any]]) -> None:
    """A block for each fault."""
    for row in rows:
        print(f"\n  {row['fault']}")
        for name, value in row.items():
            if name not in ("fault", "wrong"):
                print(f"    {name:<24}{value}")
        for wrong in row.get("wrong", []):
            print(f"    FAILED: {wrong}")
