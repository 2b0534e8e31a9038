"""Soak: whether memory grows under traffic that goes on; ``--rounds 1 --seconds 300`` has the looks of an hour.

An hour of a worker is mostly looking whether there is anything to do: in a shorter run it looks up to ``QUICKER`` times
as often, so that what a look leaves behind shows in minutes. It says how often it looked. SQLite and, where there is a
server of it, PostgreSQL are measured at the same time. FENQI_BENCH_PAUSE is how many seconds each client waits after a
purchase, so that an hour is not an hour of all cores.
"""

from __future__ import annotations

import contextlib
import itertools
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from bench import books
from bench.checkout import order
from bench.size import Size
from bench.webhooks import sink

CLIENTS = 4
QUICKER, LOOKS_SECONDS = 20, 4000
"""How much more often a worker looks at most, and in which time without that it would have looked as often."""
POINTS = 12
"""How often memory is told over the time."""
WARM_UP = 0.1
"""Share of the time from which on memory is counted."""
JUMPS, DAYS = 60, 5
"""So often the test clock moves on, and how far."""
TOKEN_SECONDS = 240


def measure(place: dict[str, Any], size: Size) -> None:
    """Print the resident memory of server and worker over one long round of purchases, reads and refusals."""
    with contextlib.ExitStack() as stack:
        soaks = [Soak(place, size, stack)]
        for url in stack.enter_context(books.databases(size)):
            if not url.startswith("sqlite"):
                soaks.append(Soak(stack.enter_context(_beside(url)), size, stack))
                break
        threads = [threading.Thread(target=soak.run) for soak in soaks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for soak in soaks:
        soak.told()
    print()


@contextlib.contextmanager
def _beside(url: str) -> Iterator[dict[str, Any]]:
    """A server of its own on the database at ``url``."""
    from bench.__main__ import served  # noqa: PLC0415  # it looks for all measurements

    with (
        tempfile.TemporaryDirectory(prefix="fenqi-soak-") as folder,
        served(Path(folder), database_url=url) as place,
    ):
        yield place


class Soak:
    """One server and, unless there is no time for it, its worker, under traffic until the time is over."""

    def __init__(self, place: dict[str, Any], size: Size, stack: contextlib.ExitStack) -> None:
        self.database, self._seconds = place["database"], size.seconds * size.rounds
        self._traffic = Traffic(
            place, self._seconds, told=stack.enter_context(sink()), pause_seconds=size.pause_seconds
        )
        self._roots = {"server": place["pid"]}
        if size.memory:
            self._roots["worker"] = stack.enter_context(worker(place, self._seconds))
        self._seen: list[tuple[float, dict[str, float]]] = []

    def run(self) -> None:
        """Let the traffic come, and read the memory meanwhile."""
        self._seen = self._traffic.run(self._roots, every=max(self._seconds / 500, 0.02))

    def told(self) -> None:
        """Print what was asked, memory over the time, and by how much it grew after the warm-up."""
        seconds, traffic = self._seconds, self._traffic
        print(
            f"soak: {self.database}, {seconds:.0f} s, {traffic.answered} answers ({traffic.answered / seconds:.1f}/s), "
            f"{traffic.purchases} purchases, told to come back {traffic.came_back}, errors {traffic.errors}"
        )
        for name in self._roots:
            warm = [memory[name] for at, memory in self._seen if at >= WARM_UP * seconds]
            fifth = max(len(warm) // 5, 1)
            first, last = statistics.median(warm[:fifth]), statistics.median(warm[-fifth:])
            print(
                f"  {name} resident: {first:.1f} MB in the first fifth after the warm-up, {last:.1f} MB in the last "
                f"(most {max(warm):.1f}): {100 * (last - first) / first:+.1f} % (goal 5 %)"
            )
            step = max(len(self._seen) // POINTS, 1)
            points = [f"{memory[name]:.1f} at {at:.0f} s" for at, memory in self._seen[::step]]
            print(f"    over the time, MB: {', '.join(points)}")


class Traffic:
    """Purchases from several clients at once: created, completed, captured, refunded, read; each by somebody else.

    Between purchases the merchant's test clock moves on, and a webhook endpoint is told of everything.
    """

    def __init__(
        self, place: dict[str, Any], seconds: float, *, told: int, pause_seconds: float = 0.0
    ) -> None:
        self._url = f"http://{place['host']}:{place['port']}"
        self._client = place["client_id"], place["client_secret"]
        self._seconds = seconds
        self._began = self._end = 0.0
        self._name = f"soak-{time.time_ns()}"
        self._counting, self._shopping = threading.Lock(), threading.Semaphore(CLIENTS)
        self._open = threading.Event()
        self._open.set()
        self._told, self._pace, self._pause_seconds = told, seconds / JUMPS, pause_seconds
        self.answered = self.purchases = self.errors = self.came_back = 0

    def run(self, roots: dict[str, int], *, every: float) -> list[tuple[float, dict[str, float]]]:
        """Memory in megabytes by name of the process, with the second it was read in, until the time is over."""
        self._began = time.monotonic()
        self._end = self._began + self._seconds
        clients = [threading.Thread(target=self._shop, args=(number,)) for number in range(CLIENTS)]
        if "worker" in roots:
            clients.append(threading.Thread(target=self._let_time_pass))
        for client in clients:
            client.start()
        seen = []
        while any(client.is_alive() for client in clients):
            memory = {name: resident(pid) for name, pid in roots.items()}
            seen.append((time.monotonic() - self._began, memory))
            time.sleep(every)
        return seen

    def _shop(self, number: int) -> None:
        for turn, session in enumerate(self._turns()):
            self._open.wait()
            with self._shopping:
                self._purchase(session, f"{self._name}-{number}-{turn}", f"13{number}{turn % 10**8:08}")
            time.sleep(self._pause_seconds)

    def _turns(self) -> Iterator[requests.Session]:
        """A client with a fresh token, again and again until the time is over."""
        session, renewed = requests.Session(), -float("inf")
        while time.monotonic() < self._end:
            if time.monotonic() - renewed > TOKEN_SECONDS:
                renewed = time.monotonic()
                session.headers["Authorization"] = f"Bearer {self._token(session)}"
            yield session

    def _let_time_pass(self) -> None:
        """Have an endpoint told of everything, and move the clock on while nobody is in the middle of a purchase."""
        clock = ""
        for turn, session in enumerate(self._turns()):
            key = f"{self._name}-clock-{turn}"
            if turn == 0:
                url = {"url": f"http://127.0.0.1:{self._told}/"}
                self._ask(session, "POST", "/v1/webhook_endpoints", url, f"{key}-endpoint")
                made = self._ask(session, "POST", "/v1/test_clocks", {"name": self._name}, key)
                clock = f"/v1/test_clocks/{made['id']}"
            time.sleep(self._pace)
            self._open.clear()
            with contextlib.ExitStack() as nobody_shops:
                nobody_shops.callback(self._open.set)
                for _ in range(CLIENTS):
                    nobody_shops.enter_context(self._shopping)
                self._ask(session, "POST", f"{clock}/advance", {"days": DAYS}, f"{key}-advance")
                while self._ask(session, "GET", clock)["status"] != "ready" and time.monotonic() < self._end:
                    time.sleep(0.1)

    def _purchase(self, session: requests.Session, name: str, phone: str) -> None:
        checkout = self._ask(session, "POST", "/v1/checkouts", {**order(0), "merchant_reference": name}, name)
        path = f"/v1/test_helpers/checkouts/{checkout['id']}/complete"
        done = self._ask(session, "POST", path, {"phone": phone}, f"{name}-complete")
        payment = done.get("payment")
        if isinstance(payment, str):
            part = order(0)["amount"] // 2
            self._ask(session, "POST", f"/v1/payments/{payment}/capture", {"amount": part}, f"{name}-capture")
            body = {"payment": payment, "amount": part // 4, "kind": "goodwill", "reason": "soak"}
            self._ask(session, "POST", "/v1/refunds", body, f"{name}-refund")
            self._ask(session, "GET", f"/v1/payments/{payment}")
        self._ask(session, "GET", "/v1/payments?limit=20")
        self._ask(session, "GET", f"/v1/checkouts/{name}", expected=404)
        with self._counting:
            self.purchases += 1

    def _ask(
        self,
        session: requests.Session,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        key: str = "",
        *,
        expected: int = 0,
    ) -> dict[str, Any]:
        named = {"Idempotency-Key": key} if key else {}
        answer = session.request(method, self._url + path, json=body, headers=named, timeout=60)
        while answer.status_code == 503:  # on a busy machine some are told to come back
            time.sleep(float(answer.headers["Retry-After"]))
            with self._counting:
                self.came_back += 1
            answer = session.request(method, self._url + path, json=body, headers=named, timeout=60)
        with self._counting:
            self.answered += 1
            self.errors += answer.status_code >= 400 and answer.status_code != expected
        found: dict[str, Any] = answer.json()
        return found

    def _token(self, session: requests.Session) -> str:
        answer = session.post(
            f"{self._url}/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=self._client,
            headers={"Authorization": ""},
            timeout=60,
        )
        return str(answer.json()["access_token"])


@contextlib.contextmanager
def worker(place: dict[str, Any], seconds: float) -> Iterator[int]:
    """The worker beside the server, on the same data."""
    quicker = max(1.0, min(QUICKER, LOOKS_SECONDS / seconds))
    command = [sys.executable, "-c", f"from bench.soak import work_quickly; work_quickly({quicker})"]
    process = subprocess.Popen(command, env=place["environ"])
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)


def work_quickly(quicker: float) -> None:
    """Be the worker that looks ``quicker`` times as often as it would, until a signal ends it."""
    from gateway.cli import main  # noqa: PLC0415
    from gateway.outbox import service as outbox  # noqa: PLC0415
    from gateway.process import worker as runtime  # noqa: PLC0415  # the one who measures needs none of it

    hour = len(runtime.LANES) * 3600 / runtime.IDLE_SECONDS
    for name in ("IDLE_SECONDS", "DISPATCH_IDLE_SECONDS", "SWEEP_SECONDS"):
        setattr(runtime, name, getattr(runtime, name) / quicker)
    claim, looks, rows = outbox.claim, itertools.count(), itertools.count()

    def counted(*arguments: Any, **named: Any) -> list[Any]:
        claimed = claim(*arguments, **named)
        next(looks)
        for _ in claimed:
            next(rows)
        return claimed

    outbox.claim = counted
    main(["worker"])
    looked = next(looks)
    print(
        f"  worker: {looked} looks at the outbox ({looked / hour:.1f} hours of them), {next(rows)} rows worked"
    )


def resident(pid: int) -> float:
    """Resident memory of a process and of those that it started, in megabytes."""
    kilobytes = 0
    for found in (pid, *_children(pid)):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{found}/status").read_text("ascii").splitlines():
                if line.startswith("VmRSS:"):
                    kilobytes += int(line.split()[1])
    return kilobytes / 1024


def _children(pid: int) -> list[int]:
    found = []
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, listed.read_text("ascii").split()):
                found += [child, *_children(child)]
    return found
