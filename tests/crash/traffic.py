"""Traffic that never gives up: each request is sent, with its key, until it is answered.

What was acknowledged is written down byte by byte. Nothing here is imported from the product.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

GIVE_UP_SECONDS = 600


@dataclass(frozen=True)
class Answered:
    """A request that was acknowledged."""

    merchant: str
    kind: str
    path: str
    body: dict[str, Any]
    key: str
    status: int
    bytes: bytes

    @property
    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.bytes))


@dataclass
class Journal:
    """What was sent, and what came of it."""

    answered: list[Answered] = field(default_factory=list)
    unequal: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    dropped: int = 0
    replayed: int = 0
    strange: list[str] = field(default_factory=list)
    """Answers that no fault explains: 5xx other than 503, 503 without Retry-After, refusals of what is right."""
    given_up: list[str] = field(default_factory=list)


class Shop:
    """One merchant's server."""

    def __init__(self, url: str, credentials: dict[str, Any], journal: Journal) -> None:
        self.url, self.credentials, self.journal = url, credentials, journal
        self.merchant = str(credentials["merchant"])
        self._token = ""

    def send(
        self, method: str, path: str, body: dict[str, Any] | None = None, key: str = ""
    ) -> tuple[int, bytes]:
        """Send until there is an answer that is neither lost nor 503, and the last word.

        A checkout that is being decided is asked for again with the same key. Raises ``TimeoutError``.
        """
        latest = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < latest:
            headers = self.headers() | ({"Idempotency-Key": key} if key else {})
            try:
                answer = requests.request(method, self.url + path, json=body, headers=headers, timeout=30)
            except requests.RequestException:
                self.journal.dropped += 1
                time.sleep(0.2)
                continue
            self.journal.statuses[answer.status_code] += 1
            if answer.status_code == 401:
                self.login()
            elif answer.status_code == 503:
                if not answer.headers.get("Retry-After"):
                    self.journal.strange.append(f"503 without Retry-After: {path}: {answer.text[:300]}")
                time.sleep(0.1)
            elif method == "GET" or b'"status":"deciding"' not in answer.content:
                if answer.status_code >= 300:
                    self.journal.strange.append(f"{answer.status_code} {path}: {answer.text[:300]}")
                return answer.status_code, answer.content
            else:
                time.sleep(0.05)
        self.journal.given_up.append(f"{method} {path} {key}")
        raise TimeoutError(path)

    def headers(self) -> dict[str, str]:
        """What says who calls."""
        return {"Authorization": f"Bearer {self._token}"}

    def login(self) -> None:
        pair = (self.credentials["client_id"], self.credentials["client_secret"])
        try:
            answer = requests.post(
                f"{self.url}/oauth/token", data={"grant_type": "client_credentials"}, auth=pair, timeout=10
            )
            self._token = answer.json()["access_token"] if answer.ok else ""
        except requests.RequestException:
            time.sleep(0.05)

    def post(self, kind: str, path: str, body: dict[str, Any], key: str, *, again: bool) -> dict[str, Any]:
        """Write, and ``again`` with the same key: the same bytes come."""
        status, content = self.send("POST", path, body, key)
        one = Answered(self.merchant, kind, path, body, key, status, content)
        self.journal.answered.append(one)
        if again:
            self.replay(one)
        return one.json

    def replay(self, one: Answered) -> None:
        """Send what was answered once more."""
        status, content = self.send("POST", one.path, one.body, one.key)
        self.journal.replayed += 1
        if (status, content) != (one.status, one.bytes):
            pairs = enumerate(zip(one.bytes, content, strict=False))
            at = max(next((at for at, (old, new) in pairs if old != new), 0) - 60, 0)
            answers = f"{one.status} {one.bytes[at:][:200]!r} then {status} {content[at:][:200]!r}"
            self.journal.unequal.append(f"{one.path} {one.key}: {answers}")


class Buyer(threading.Thread):
    """Buys, ships, returns and pays in a shop, order after order."""

    def __init__(self, shop: Shop, name: str, stop: threading.Event, chance: random.Random) -> None:
        super().__init__(name=name, daemon=True)
        self._shop, self._halt, self._chance = shop, stop, chance
        self.orders = 0

    def run(self) -> None:
        while not self._halt.is_set():
            self.orders += 1
            try:
                self._order(f"{self.name}-{self.orders}")
            except TimeoutError:
                return

    def _post(self, kind: str, path: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        return self._shop.post(kind, path, body, key, again=self._chance.random() < 0.4)

    def _order(self, number: str) -> None:
        amount = self._chance.randrange(200_000, 600_000)
        order = {
            "amount": amount,
            "merchant_reference": number,
            "items": [{"name": "Phone", "quantity": 1, "unit_price": amount}],
            "category": "3c",
            "return_url": "https://shop.example/return",
            "cancel_url": "https://shop.example/cart",
        }
        checkout = self._post("checkout", "/v1/checkouts", order, f"{number}-checkout")
        played = {"term": self._chance.choice((3, 6, 12)), "phone": "13800000001"}
        helper = f"/v1/test_helpers/checkouts/{checkout['id']}/complete"
        done = self._post("complete", helper, played, f"{number}-complete")
        payment = done.get("payment")
        if done.get("status") != "approved" or not payment:
            return
        first = self._chance.randrange(100_000, amount)
        path = f"/v1/payments/{payment}"
        captured = self._post("capture", f"{path}/capture", {"amount": first}, f"{number}-capture")
        rest = self._chance.random()
        if rest < 0.3:
            self._post("capture", f"{path}/capture", {"amount": amount - first}, f"{number}-rest")
        elif rest < 0.6:
            self._post("void", f"{path}/void", {"reason": "sold out"}, f"{number}-void")
        if self._chance.random() < 0.5:
            refund = {
                "payment": payment,
                "amount": first // 3,
                "kind": "price_adjustment",
                "reason": "scratch",
            }
            self._post("refund", "/v1/refunds", refund, f"{number}-refund")
        if self._chance.random() < 0.5 and captured.get("captures"):
            loan = captured["captures"][0]["loan"]
            receipt = {"amount": first // 4, "reference": f"{number}-receipt"}
            self._post("receipt", f"/v1/test_helpers/loans/{loan}/repay", receipt, f"{number}-receipt")


class Reader(threading.Thread):
    """Walks along a shop's events, as a merchant does that keeps its own state."""

    def __init__(self, shop: Shop, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self._shop, self._halt = shop, stop
        self.seen: list[dict[str, Any]] = []

    def run(self) -> None:
        while not self._halt.is_set():
            if not self.step():
                self._halt.wait(0.2)

    def step(self) -> bool:
        """One page; whether there was anything on it."""
        after = f"after={self.seen[-1]['id']}&" if self.seen else ""
        status, content = self._shop.send("GET", f"/v1/events?{after}limit=100")
        page = json.loads(content)["data"] if status == 200 else []
        # Without a place to begin from, the newest comes first.
        self.seen += page if after else reversed(page)
        return bool(page)


class Receiver:
    """The webhook endpoint of a shop: now and then it fails, and its gateway comes again."""

    def __init__(self, chance: random.Random) -> None:
        received: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                fails = chance.random() < 0.02
                if not fails:
                    received.append(str(self.headers["webhook-id"]))
                self.send_response(500 if fails else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.received = received
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
