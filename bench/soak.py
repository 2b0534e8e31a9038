"""Soak: whether memory grows under traffic that goes on; ``--rounds 1 --seconds 300`` has the looks of an hour.

An hour of a worker is mostly looking whether there is anything to do: it looks ``QUICKER`` times as often here, so that
what a look leaves behind shows in minutes. It says how often it looked.
"""

from __future__ import annotations

import contextlib
import itertools
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from bench.checkout import order
from bench.size import Size
from bench.webhooks import sink

CLIENTS = 4
QUICKER = 20
WARM_UP = 0.1
"""Share of the time from which on memory is counted."""
JUMPS, DAYS = 60, 5
"""So often the test clock moves on, and how far."""
TOKEN_SECONDS = 240


def measure(place: dict[str, Any], size: Size) -> None:
    """Print the resident memory of server and worker over one long round of purchases, reads and refusals."""
    seconds = size.seconds * size.rounds
    with contextlib.ExitStack() as stack:
        roots = {"server": place["pid"]}
        traffic = Traffic(place, seconds, told=stack.enter_context(sink()))
        if size.memory:
            roots["worker"] = stack.enter_context(worker(place))
        seen = traffic.run(roots, every=max(seconds / 500, 0.02))
    print(
        f"soak: {seconds:.0f} s, {traffic.answered} answers ({traffic.answered / seconds:.0f}/s), "
        f"{traffic.purchases} purchases, errors {traffic.errors}"
    )
    for name in roots:
        warm = [memory[name] for at, memory in seen if at >= WARM_UP * seconds]
        fifth = max(len(warm) // 5, 1)
        first, last = statistics.median(warm[:fifth]), statistics.median(warm[-fifth:])
        print(
            f"  {name} resident: {first:.1f} MB in the first fifth after the warm-up, {last:.1f} MB in the last "
            f"(most {max(warm):.1f}): {100 * (last - first) / first:+.1f} % (goal 5 %)"
        )
    print()


class Traffic:
    """Purchases from several clients at once: created, completed, captured, refunded, read; each by somebody else.

    Between purchases the merchant's test clock moves on, and a webhook endpoint is told of everything.
    """

    def __init__(self, place: dict[str, Any], seconds: float, *, told: int) -> None:
        self._url = f"http://{place['host']}:{place['port']}"
        self._client = place["client_id"], place["client_secret"]
        self._began = time.monotonic()
        self._end = self._began + seconds
        self._name = f"soak-{time.time_ns()}"
        self._counting, self._shopping = threading.Lock(), threading.Semaphore(CLIENTS)
        self._open = threading.Event()
        self._open.set()
        self._told, self._pace = told, seconds / JUMPS
        self.answered = self.purchases = self.errors = 0

    def run(self, roots: dict[str, int], *, every: float) -> list[tuple[float, dict[str, float]]]:
        """Memory in megabytes by name of the process, with the second it was read in, until the time is over."""
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
def worker(place: dict[str, Any]) -> Iterator[int]:
    """The worker beside the server, on the same data."""
    command = [sys.executable, "-c", "from bench.soak import work_quickly; work_quickly()"]
    process = subprocess.Popen(command, env=place["environ"])
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)


def work_quickly() -> None:
    """Be the worker that looks more often than it would, until a signal ends it."""
    from gateway.cli import main  # noqa: PLC0415
    from gateway.outbox import service as outbox  # noqa: PLC0415
    from gateway.process import worker as runtime  # noqa: PLC0415  # the one who measures needs none of it

    hour = len(runtime.LANES) * 3600 / runtime.IDLE_SECONDS
    for name in ("IDLE_SECONDS", "DISPATCH_IDLE_SECONDS", "SWEEP_SECONDS"):
        setattr(runtime, name, getattr(runtime, name) / QUICKER)
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
