"""Soak: whether memory grows under traffic that goes on. For an hour: ``--rounds 1 --seconds 3600``."""

from __future__ import annotations

import contextlib
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

CLIENTS = 4
WARM_UP = 0.1
"""Share of the time from which on memory is counted."""
TOKEN_SECONDS = 240


def measure(place: dict[str, Any], size: Size) -> None:
    """Print the resident memory of server and worker over one long round of purchases, reads and refusals."""
    seconds = size.seconds * size.rounds
    with contextlib.ExitStack() as stack:
        roots = {"server": place["pid"]}
        if size.memory:
            roots["worker"] = stack.enter_context(worker(place))
        traffic = Traffic(place, seconds)
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
    """Purchases from several clients at once: created, completed, captured, refunded, read; each by somebody else."""

    def __init__(self, place: dict[str, Any], seconds: float) -> None:
        self._url = f"http://{place['host']}:{place['port']}"
        self._client = place["client_id"], place["client_secret"]
        self._began = time.monotonic()
        self._end = self._began + seconds
        self._name = f"soak-{time.time_ns()}"
        self._counting = threading.Lock()
        self.answered = self.purchases = self.errors = 0

    def run(self, roots: dict[str, int], *, every: float) -> list[tuple[float, dict[str, float]]]:
        """Memory in megabytes by name of the process, with the second it was read in, until the time is over."""
        clients = [threading.Thread(target=self._shop, args=(number,)) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        seen = []
        while any(client.is_alive() for client in clients):
            memory = {name: resident(pid) for name, pid in roots.items()}
            seen.append((time.monotonic() - self._began, memory))
            time.sleep(every)
        return seen

    def _shop(self, number: int) -> None:
        session, turn, renewed = requests.Session(), 0, 0.0
        while time.monotonic() < self._end:
            if time.monotonic() - renewed > TOKEN_SECONDS:
                renewed = time.monotonic()
                session.headers["Authorization"] = f"Bearer {self._token(session)}"
            self._purchase(session, f"{self._name}-{number}-{turn}", f"13{number}{turn % 10**8:08}")
            turn += 1

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
    command = [sys.executable, "-c", "from gateway.cli import main; main()", "worker"]
    process = subprocess.Popen(command, env=place["environ"])
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)


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
