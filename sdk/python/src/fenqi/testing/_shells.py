"""The fake gateway for a test: behind ``responses``, with shoppers, a clock, faults, signed deliveries."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import requests
import responses
from urllib3.exceptions import ProtocolError

from .. import _transport
from .._client import Fenqi
from .._models import Checkout, Event
from .._webhook import Webhook
from . import _checkouts, _fake
from ._clock import FakeClock
from ._schedule import Product
from ._state import State
from .wsgi import WsgiAdapter

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")
_SECRET = "whsec_ZmVucWktdGVzdGluZy1mYWtlLWdhdGV3YXktc2VjcmV0"


class FakeRequest:
    """A request the fake received: ``method``, ``path``, ``params``, ``headers``, ``json`` and ``status`` given."""

    __slots__ = ("headers", "json", "method", "params", "path", "status")

    def __init__(self, sent: requests.PreparedRequest) -> None:
        url = urlsplit(sent.url or "")
        self.method = sent.method or "GET"
        self.path = url.path
        self.params = dict(parse_qsl(url.query))
        self.headers = sent.headers
        self.json: Any = _json_or_none(_body(sent))
        self.status: int | None = None

    @property
    def idempotency_key(self) -> str | None:
        """The request's Idempotency-Key."""
        return self.headers.get("Idempotency-Key")

    def __repr__(self) -> str:
        return f"<FakeRequest {self.method} {self.path} -> {self.status}>"


class Delivery:
    """A webhook given to the application: the ``event``, and the ``status`` and ``body`` of its answer."""

    __slots__ = ("body", "event", "status")

    def __init__(self, event: Event, status: int, body: bytes) -> None:
        self.event = event
        self.status = status
        self.body = body

    def __repr__(self) -> str:
        return f"<Delivery {self.event.type} -> {self.status}>"


class Shopper:
    """The person at the checkout page; every step answers the shopper, so that steps can be chained."""

    def __init__(self, gateway: FakeGateway, checkout: str) -> None:
        self._gateway = gateway
        self._id = checkout
        self.reason: str | None = None

    @property
    def checkout(self) -> Checkout:
        """The checkout as it is now."""
        state = self._gateway.state
        return Checkout(json.loads(json.dumps(state.existing("checkout", state.checkouts, self._id))))

    def choose(self, term: int) -> Shopper:
        """Pick the plan over ``term`` months."""
        self._do(_checkouts.choose, term=term)
        return self

    def confirm(self) -> Shopper:
        """Confirm, while the lender does not answer yet; any of the outcomes below may follow."""
        self._do(_checkouts.confirm)
        return self

    def approve(self, *, pays: bool = True) -> Shopper:
        """Confirm, and be approved; with ``pays=False`` the instalments will not be paid."""
        self._do(_checkouts.approve, pays=pays)
        return self

    def decline(self, reason: str = "credit") -> Shopper:
        """Confirm, and be declined; the ``reason`` is the shopper's, the merchant never learns it."""
        self.reason = reason
        self._do(_checkouts.decline)
        return self

    def review(self) -> Shopper:
        """Confirm, and wait for a person; ``approve`` or ``decline`` ends the review."""
        self._do(_checkouts.review)
        return self

    def abandon(self) -> Shopper:
        """Leave for good: the checkout expires at once."""
        self._do(_checkouts.expire)
        return self

    def _do(self, step: Callable[..., dict[str, Any]], **how: Any) -> dict[str, Any]:
        with self._gateway.lock:
            return step(self._gateway.state, self._id, **how)


class FakeGateway:
    """A gateway in this process that keeps its state: a context manager, also the fixture ``fenqi_gateway``.

    Inside it every ``requests`` call to ``base_url`` is answered here, other addresses are left alone.
    ``clock`` is the business time it begins at and stands still at. ``category`` is the merchant's (3c,
    furnishing, education, appliance, general) and decides what it offers, unless ``products`` maps terms to
    what they cost.
    """

    def __init__(
        self,
        *,
        clock: str = "2026-11-23T20:00+08:00",
        base_url: str = "https://fake.fenqi.test",
        client_id: str = "fake_client",
        client_secret: str = "sk_test_fake",
        webhook_secret: str = _SECRET,
        category: str = "3c",
        products: dict[int, Product] | None = None,
    ) -> None:
        self.base_url = base_url
        self.webhook_secret = webhook_secret
        self.lock = threading.RLock()
        self.state = State(
            clock=FakeClock(clock),
            base_url=base_url,
            client_id=client_id,
            client_secret=client_secret,
            category=category,
            products=products,
        )
        self.requests: list[FakeRequest] = []
        """Calls of the API in order, without those for tokens."""
        self.token_requests: list[FakeRequest] = []
        self._failures: list[tuple[int, dict[str, str]]] = []
        self._answers_to_lose = 0
        self._delivered: set[str] = set()
        self._mock = responses.RequestsMock(assert_all_requests_are_fired=False)
        self._mock.add_passthru(re.compile(rf"(?!{re.escape(base_url)}/)"))
        for method in _METHODS:
            self._mock.add_callback(method, re.compile(rf"{re.escape(base_url)}/"), self._receive)

    def __enter__(self) -> FakeGateway:
        self._mock.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._mock.stop(allow_assert=False)

    def client(self, **options: Any) -> Fenqi:
        """A client with good credentials; ``options`` are those of Fenqi. Its waiting moves the fake clock instead."""
        settings = {
            "client_id": self.state.client_id,
            "client_secret": self.state.client_secret,
            "base_url": self.base_url,
            "webhook_secret": self.webhook_secret,
            **options,
        }
        client = Fenqi(**settings)
        client._transport = _transport.Transport(
            client._base_url, settings.get("session"), sleep=self._pass_seconds, jitter=lambda: 1.0
        )
        return client

    def shopper(self, checkout: str) -> Shopper:
        """The person at this checkout's page."""
        return Shopper(self, checkout)

    def advance(self, *, days: int = 0, hours: int = 0, minutes: int = 0, seconds: float = 0) -> None:
        """Move the business time: due dates, expiry and settlement happen. Signatures keep the real time."""
        with self.lock:
            _fake.pass_time(self.state, timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds))

    def fail_next(self, status: int = 503, times: int = 1, *, retry_after: int | None = None) -> None:
        """Answer the next ``times`` calls with an error, before anything is done. Tokens are never affected."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        self._failures += [(status, headers)] * times

    def lose_answer(self, times: int = 1) -> None:
        """Do what the next ``times`` calls ask, but let the connection break before the answer arrives."""
        self._answers_to_lose += times

    def deliver(self, app: WSGIApplication, path: str, *, repeat: bool = False) -> list[Delivery]:
        """POST every event not yet accepted to ``path`` of ``app``, signed and in order.

        What the application does not answer with 2xx stays for the next call; with ``repeat`` every event
        is sent again, as the gateway may.
        """
        deliveries = []
        for fields in list(self.state.events.values()):
            if repeat or fields["id"] not in self._delivered:
                event = Event(json.loads(json.dumps(fields)))
                answer = self._post(app, path, fields)
                deliveries.append(Delivery(event, answer.status_code, answer.content))
                if 200 <= answer.status_code < 300:
                    self._delivered.add(event.id)
        return deliveries

    @property
    def events(self) -> list[Event]:
        """Everything that happened, oldest first."""
        return [Event(json.loads(json.dumps(fields))) for fields in self.state.events.values()]

    def ledger_balanced(self) -> bool:
        """Whether payments, loans and settlements account for every fen."""
        return _fake.ledger_balanced(self.state)

    def _post(self, app: WSGIApplication, path: str, fields: dict[str, Any]) -> requests.Response:
        body, now = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode(), int(time.time())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": fields["id"],
            "webhook-timestamp": str(now),
            "webhook-signature": Webhook(self.webhook_secret).sign(fields["id"], now, body),
        }
        request = requests.Request("POST", f"http://shop.test/{path.lstrip('/')}", data=body, headers=headers)
        return WsgiAdapter(app).send(request.prepare())

    def _pass_seconds(self, seconds: float) -> None:
        self.advance(seconds=seconds)

    def _receive(self, sent: requests.PreparedRequest) -> tuple[int, dict[str, str], bytes] | Exception:
        received = FakeRequest(sent)
        with self.lock:
            if received.path == "/oauth/token":
                self.token_requests.append(received)
                return self._answer(sent, received)
            self.requests.append(received)
            if self._failures:
                return self._failed(received)
            answer = self._answer(sent, received)
            if not self._answers_to_lose:
                return answer
            self._answers_to_lose -= 1
        broken = ProtocolError(
            "Connection aborted.", ConnectionResetError(104, "the fake drops this response")
        )
        return requests.ConnectionError(broken, request=sent)

    def _answer(
        self, sent: requests.PreparedRequest, received: FakeRequest
    ) -> tuple[int, dict[str, str], bytes]:
        answer = _fake.answer(self.state, received.method, sent.path_url, sent.headers, _body(sent))
        received.status = answer[0]
        return answer

    def _failed(self, received: FakeRequest) -> tuple[int, dict[str, str], bytes]:
        status, more = self._failures.pop(0)
        received.status = status
        code = {429: "rate_limited", 503: "unavailable"}.get(status, "internal_error")
        problem = {
            "type": f"/docs/api#problem-{code}",
            "title": code.replace("_", " ").capitalize(),
            "status": status,
            "detail": "The test asked for this failure.",
            "code": code,
        }
        headers = {
            "Content-Type": "application/problem+json",
            "X-Request-Id": self.state.new_id("req"),
            **more,
        }
        return status, headers, json.dumps(problem).encode()


def _body(sent: requests.PreparedRequest) -> bytes:
    body = sent.body or b""
    return body.encode() if isinstance(body, str) else bytes(body)


def _json_or_none(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return None
