"""Create, confirm and capture at 1, 8 and 32 clients on PostgreSQL, beside a bare INSERT in the same run.

With one process of the server and with four; each figure is a share of the INSERT at the same number of clients. wrk
sends it where that is installed: it costs nearly nothing, so that the INSERT is not slowed down.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import create_engine, text

from bench import books
from bench.checkout import order
from bench.load import Request, as_json
from bench.report import Row, at_least
from bench.size import Size
from bench.wire import Flow, flow, tool
from gateway.db.engine import canonical_url

CLIENTS = (1, 8, 32)
GOALS = {"create": 0.2, "confirm": 0.05, "capture": 0.1}
"""Shares of the bare INSERT at the most clients."""
WORKERS = (1, 4)
GAIN = 1.7
"""What four processes do for one, on two cores."""
HELPER = "/v1/test_helpers/checkouts"
_phases = itertools.count(1)


def measure(place: dict[str, Any], size: Size) -> list[Row]:
    """Print shares and failures; without PostgreSQL one round on the given server."""
    print(f"clients: share of a bare INSERT, by {tool()}, {size.rounds} x {size.seconds:g} s")
    if not size.postgresql:
        only = _Round(place, size, clients=2)
        only.told()
        return only.rows(1)
    rows: list[Row] = []
    with books.databases(size) as urls:
        for url in urls:
            if url.startswith("sqlite"):
                continue
            last = {workers: _served(url, size, workers) for workers in WORKERS}
            rows += [row for workers, done in last.items() for row in done.rows(workers)]
            for step in GOALS:
                one, four = (last[workers].flows[step].good for workers in WORKERS)
                gain = four / one if one else 0.0
                print(f"  {step}: {WORKERS[1]} processes do {gain:.2f} x one (goal {GAIN} on 2 cores)")
                rows.append(
                    Row(f"clients: {step}, {WORKERS[1]} processes for one", gain, "x", at_least(GAIN))
                )
    print()
    return rows


def _served(url: str, size: Size, workers: int) -> _Round:
    """Measure a server of so many processes; returns the last round, of the most clients."""
    from bench.__main__ import served  # noqa: PLC0415  # it looks for all measurements

    print(f"  {workers} process{'es' if workers > 1 else ''} of the server")
    with tempfile.TemporaryDirectory(prefix="fenqi-clients-") as folder:
        fresh = _database(url, f"fenqi_clients_{workers}")
        with served(Path(folder), database_url=fresh, workers=workers) as place:
            for clients in CLIENTS:
                for _ in range(size.rounds):
                    done = _Round(place, size, clients=clients)
                    done.told()
    return done


class _Round:
    """The INSERT, checkouts, their confirmations and the captures of these, one after the other."""

    def __init__(self, place: dict[str, Any], size: Size, *, clients: int) -> None:
        self.place, self.clients = place, clients
        self.url = f"http://{place['host']}:{place['port']}"
        self.headers = {"Authorization": f"Bearer {place['token']}", "Content-Type": "application/json"}
        seconds, self.flows = size.seconds, dict[str, Flow]()
        self.insert = self._flow(("POST", "/yardstick/", {}, as_json(order(1))), seconds)
        body = {**order(1), "merchant_reference": "{n}"}
        self._step("create", ("POST", "/v1/checkouts", self.headers, as_json(body)), seconds)
        # A confirmation each of a person and a phone of their own; twice as long, so that there is enough to capture.
        checkouts = [f"{HELPER}/{one['id']}/complete" for one in self._listed("checkouts", "open")]
        played = ("POST", HELPER, self.headers, as_json({"phone": "13800000001"}))
        self._step("confirm", played, 2 * seconds, checkouts)
        payments = [f"/v1/payments/{one['id']}/capture" for one in self._listed("payments", "authorized")]
        self._step("capture", ("POST", "/v1/payments", self.headers, b"{}"), seconds / 2, payments)

    def told(self) -> None:
        """Print the round."""
        shares = [
            f"{step} {flow.good / self.insert.rate:.3f} ({flow.good:.0f}/s, goal {GOALS[step]} at {CLIENTS[-1]},"
            f" errors {flow.errors}, p99 {flow.p99:.0f} ms)"
            for step, flow in self.flows.items()
        ]
        print(f"    {self.clients:2} clients: INSERT {self.insert.rate:.0f}/s; {'; '.join(shares)}")

    def rows(self, workers: int) -> list[Row]:
        """The figures of the round for the table."""
        where = f"{self.clients} clients, {workers} process{'es' if workers > 1 else ''}"
        goals = {step: at_least(goal, of_yardstick=True) for step, goal in GOALS.items()}
        rows = [
            Row(
                f"clients: {step}, {where}",
                flow.good,
                "/s",
                goals[step] if self.clients == CLIENTS[-1] else None,
                self.insert.rate,
            )
            for step, flow in self.flows.items()
        ]
        return rows

    def _step(self, step: str, request: Request, seconds: float, paths: list[str] | None = None) -> None:
        self.flows[step] = self._flow(request, seconds, paths)

    def _flow(self, request: Request, seconds: float, paths: list[str] | None = None) -> Flow:
        method, path, headers, body = request
        numbered = {**headers, "Idempotency-Key": "{n}"}
        return flow(
            self.place["host"],
            self.place["port"],
            (method, path, numbered, body),
            clients=self.clients,
            seconds=seconds,
            name=f"clients{next(_phases)}",
            paths=paths or (),
        )

    def _listed(self, what: str, status: str) -> list[dict[str, Any]]:
        """The newest things of this status, at most 3,000."""
        found: list[dict[str, Any]] = []
        after = ""
        for _ in range(30):
            address = f"{self.url}/v1/{what}?limit=100{after}"
            answer = requests.get(address, headers=self.headers, timeout=30)
            while answer.status_code == 503:  # the last requests of the step before are still carried out
                time.sleep(int(answer.headers.get("Retry-After", 1)))
                answer = requests.get(address, headers=self.headers, timeout=30)
            answer.raise_for_status()
            page = answer.json()
            found += [one for one in page["data"] if one["status"] == status]
            if not page.get("next_cursor"):
                break
            after = f"&cursor={page['next_cursor']}"
        return found


def _database(url: str, name: str) -> str:
    """Another database beside the one at ``url``."""
    engine = create_engine(canonical_url(url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return canonical_url(url).set(database=name).render_as_string(hide_password=False)
