"""The door: tokens, authenticated reads and replays beside bare Flask routes; the cost of proofs and of rate limits."""

from __future__ import annotations

import base64
import statistics
import time
from typing import Any

import requests

from bench.checkout import order
from bench.load import Request, as_json
from bench.proofs import bound_calls
from bench.size import Size
from bench.wire import flow, tool
from gateway.checkout.rates import CHECKOUTS
from gateway.web.rate_limits import InProcess

CLIENTS = 8


def measure(place: dict[str, Any], size: Size) -> None:
    """Print each flow beside its yardstick, round by round, and the median of the ratios."""
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
        ratios = []
        for turn in range(size.rounds):
            found = flow(place["host"], place["port"], request, clients=CLIENTS, seconds=size.seconds)
            yard = flow(place["host"], place["port"], bare, clients=CLIENTS, seconds=size.seconds)
            ratios.append(found.rate / yard.rate)
            print(
                f"  {name:18} round {turn + 1}: {found.rate:6.0f}/s (p99 {found.p99:5.1f} ms, errors {found.errors})"
                f"   yardstick {yard.rate:6.0f}/s (errors {yard.errors})   ratio {ratios[-1]:.2f}"
            )
        print(f"  {name:18} median ratio {statistics.median(ratios):.2f} (goal {goal})")
    _proofs(size.calls)
    _limits(100 * size.calls)
    print()


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


def _proofs(calls: int) -> None:
    """A bound token and its proof, checked as the API checks them; SQLite remembers those of writes."""
    for method, what in (("GET", "remembered in memory"), ("POST", "remembered in the database")):
        with bound_calls(calls, method) as (app, contexts):
            bearer = app.extensions["fenqi"].authenticator.bearer
            started = time.perf_counter()
            for context in contexts:
                with context:
                    bearer(context.request)
            each = (time.perf_counter() - started) * 1000 / len(contexts)
        print(f"  token and DPoP proof of a {method:4}, {what}: {each:.2f} ms (goal 0.6)")


def _limits(looks: int) -> None:
    """One look at the counter of a limited route, in this process."""
    counter = InProcess(time.monotonic)
    started = time.perf_counter()
    for number in range(looks):
        counter.wait(CHECKOUTS, f"mer_{number % 100}")
    print(f"  rate limit, counted in memory: {(time.perf_counter() - started) * 1e6 / looks:.1f} us")
