"""The door: tokens, authenticated reads and replays beside bare Flask routes; the cost of proofs and of rate limits."""

from __future__ import annotations

import base64
import time
from typing import Any

import requests
from flask.ctx import RequestContext

from bench.checkout import order
from bench.load import Request, as_json
from bench.proofs import bound_calls
from bench.report import Row, at_least, at_most
from bench.size import Size
from bench.wire import flow, tool
from gateway.checkout.rates import CHECKOUTS
from gateway.db.transactions import Transaction
from gateway.web.context import Gateway
from gateway.web.rate_limits import InProcess

CLIENTS = 8


def measure(place: dict[str, Any], size: Size) -> list[Row]:
    """Each flow beside its yardstick, round by round; the result is of the round in the middle."""
    rows = []
    print(
        f"door: {CLIENTS} clients by {tool()}, {size.rounds} x {size.seconds:g} s, each beside its yardstick"
    )
    insert: Request = ("POST", "/yardstick/", {"Content-Type": "application/json"}, as_json(order(0)))
    select: Request = ("GET", "/yardstick/row", {}, b"")
    for name, request, bare, goal in (
        ("token", _token(place), insert, 0.6),
        ("authenticated GET", _read(place), select, 0.7),
        ("idempotent replay", _replay(place), select, 0.8),
    ):
        rounds = []
        for turn in range(size.rounds):
            found = flow(place["host"], place["port"], request, clients=CLIENTS, seconds=size.seconds)
            yard = flow(place["host"], place["port"], bare, clients=CLIENTS, seconds=size.seconds)
            rounds.append((found.rate / yard.rate, found.rate, yard.rate))
            print(
                f"  {name:18} round {turn + 1}: {found.rate:6.0f}/s (p99 {found.p99:5.1f} ms, errors {found.errors})"
                f"   yardstick {yard.rate:6.0f}/s (errors {yard.errors})   ratio {rounds[-1][0]:.2f}"
            )
        _, rate, bare_rate = sorted(rounds)[len(rounds) // 2]
        rows.append(Row(f"door: {name}", rate, "/s", at_least(goal, of_yardstick=True), bare_rate))
    rows += [*_proofs(size.calls), _limits(100 * size.calls)]
    print()
    return rows


def _token(place: dict[str, Any]) -> Request:
    pair = base64.b64encode(f"{place['client_id']}:{place['client_secret']}".encode()).decode()
    headers = {"Authorization": f"Basic {pair}", "Content-Type": "application/x-www-form-urlencoded"}
    return "POST", "/oauth/token", headers, b"grant_type=client_credentials"


def _created(place: dict[str, Any], key: str) -> str:
    url = f"http://{place['host']}:{place['port']}/v1/checkouts"
    answer = requests.post(url, data=as_json(order(0)), headers=_replay_headers(place, key), timeout=10)
    answer.raise_for_status()
    return str(answer.json()["id"])


def _read(place: dict[str, Any]) -> Request:
    path = f"/v1/checkouts/{_created(place, 'door-read')}"
    return "GET", path, {"Authorization": f"Bearer {place['token']}"}, b""


def _replay(place: dict[str, Any]) -> Request:
    _created(place, "door-replay")
    return "POST", "/v1/checkouts", _replay_headers(place, "door-replay"), as_json(order(0))


def _replay_headers(place: dict[str, Any], key: str) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {place['token']}",
        "Content-Type": "application/json",
        "Idempotency-Key": key,
    }


def _proofs(calls: int) -> list[Row]:
    """A bound token and its proof, checked as the API checks them; what writes remembers its own in its transaction."""
    rows = []
    for method in ("GET", "POST"):
        with bound_calls(calls, method) as (app, contexts):
            here = app.extensions["fenqi"]
            took = here.db.write(lambda tx, here=here, contexts=contexts: _checked(here, tx, contexts))
        each = took * 1000 / len(contexts)
        print(f"  token and DPoP proof of a {method}: {each:.2f} ms")
        rows.append(Row(f"door: DPoP proof of a {method}", each, "ms", at_most(0.6)))
    return rows


def _checked(here: Gateway, tx: Transaction, contexts: list[RequestContext]) -> float:
    """Seconds for the tokens and proofs of some requests."""
    tx.connection()  # begun for what the requests do: not theirs
    started = time.perf_counter()
    for context in contexts:
        with context:
            here.authenticator.bearer(context.request)
            here.authenticator.spend(tx)
    return time.perf_counter() - started


def _limits(looks: int) -> Row:
    """One look at the counter of a limited route, in this process."""
    counter = InProcess(time.monotonic)
    started = time.perf_counter()
    for number in range(looks):
        counter.wait(CHECKOUTS, f"mer_{number % 100}")
    each = (time.perf_counter() - started) * 1e6 / looks
    print(f"  rate limit, counted in memory: {each:.1f} us")
    return Row("door: one look at a rate limit", each, "us")
