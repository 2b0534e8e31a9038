"""The client: credentials, options, headers, and the raw request."""

from __future__ import annotations

import re
import sys
import uuid

import pytest
from stories import PRICE, authorized, opened, order

import fenqi
from fenqi import Fenqi
from fenqi.testing import FakeGateway

GOOD = {"client_id": "cli_1", "client_secret": "sk_test_1", "base_url": "https://gateway.example"}


@pytest.mark.parametrize("name", ["client_id", "client_secret", "base_url"])
def test_missing_setting_names_argument_and_variable(name: str) -> None:
    with pytest.raises(fenqi.ConfigurationError, match=rf"{name} is missing.*FENQI_{name.upper()}"):
        Fenqi(**{**GOOD, name: None})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["client_id", "client_secret", "base_url"])
@pytest.mark.parametrize("value", ["", " x", "x\n", "a\x00b"])
def test_malformed_setting_is_refused_without_showing_it(name: str, value: str) -> None:
    with pytest.raises(fenqi.ConfigurationError, match=f"FENQI_{name.upper()}"):
        Fenqi(**{**GOOD, name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "url",
    [
        "gateway.example",
        "ftp://gateway.example",
        "https://",
        "https://user:pw@gateway.example",
        "https://g.example?x=1",
        "https://g.example#x",
        "https://g.example:port",
        "https://[::1",
    ],
)
def test_base_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(fenqi.ConfigurationError, match="base_url"):
        Fenqi(**{**GOOD, "base_url": url})  # type: ignore[arg-type]


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, gateway: FakeGateway) -> None:
    monkeypatch.setenv("FENQI_CLIENT_ID", gateway.state.client_id)
    monkeypatch.setenv("FENQI_CLIENT_SECRET", gateway.state.client_secret)
    monkeypatch.setenv("FENQI_BASE_URL", gateway.base_url + "/")
    monkeypatch.setenv("FENQI_WEBHOOK_SECRET", gateway.webhook_secret)
    client = Fenqi()
    assert client.me.retrieve().mode == "test"
    assert isinstance(client.webhooks, fenqi.Webhook)


def test_client_without_webhook_secret_says_so() -> None:
    with pytest.raises(fenqi.ConfigurationError, match="FENQI_WEBHOOK_SECRET"):
        Fenqi(**GOOD).webhooks  # type: ignore[arg-type]  # noqa: B018


def test_secret_and_token_are_never_shown() -> None:
    shown = repr(Fenqi("cli_1", "sk_test_hidden", base_url="https://g.example"))
    assert "hidden" not in shown
    assert "cli_1" in shown
    assert "hidden" not in repr(Fenqi(access_token="hidden", base_url="https://g.example"))
    assert "hidden" not in repr(fenqi.Webhook("whsec_hidden12"))


def test_client_cannot_be_changed_but_copied() -> None:
    client = Fenqi(**GOOD, timeout=5.0)  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        client.timeout = 7  # type: ignore[attr-defined]
    other = client.with_options(timeout=7.0, max_retries=0)
    assert other is not client
    assert other._settings["timeout"] == 7.0
    assert client._settings["timeout"] == 5.0
    with pytest.raises(TypeError):
        client.with_options(colour="black")


def test_copy_shares_connections_and_token_where_it_can(gateway: FakeGateway, client: Fenqi) -> None:
    client.me.retrieve()
    client.with_options(timeout=7.0).me.retrieve()
    assert len(gateway.token_requests) == 1
    assert client.with_options(access_token="t")._transport is client._transport
    assert client.with_options(base_url="https://other.example")._transport is not client._transport
    assert client.with_options(client_secret="sk_test_other")._tokens is not client._tokens


@pytest.mark.parametrize(("secret", "mode"), [("sk_test_1", "test"), ("sk_live_1", "live")])
def test_mode_is_read_from_the_secret(secret: str, mode: str) -> None:
    assert Fenqi("cli_1", secret, base_url="https://gateway.example").mode == mode


def test_mode_is_asked_once_when_nothing_else_tells(client: Fenqi, gateway: FakeGateway) -> None:
    client.me.retrieve()
    user = client.with_options(access_token=next(iter(gateway.state.tokens)))
    assert [user.mode, user.mode] == ["test", "test"]
    assert [request.path for request in gateway.requests] == ["/v1/me", "/v1/me"]


def test_headers_of_every_request(client: Fenqi, gateway: FakeGateway) -> None:
    opened(client)
    headers = gateway.requests[-1].headers
    python = ".".join(map(str, sys.version_info[:3]))
    assert headers["User-Agent"] == f"fenqi-python/{fenqi.__version__} python/{python}"
    assert headers["Fenqi-Version"] == "2026-11-23"
    assert headers["Content-Type"] == "application/json"
    known = {"user-agent", "accept", "accept-encoding", "connection", "content-type", "content-length"}
    assert {name.lower() for name in headers} - known == {"authorization", "fenqi-version", "idempotency-key"}


def test_every_post_has_a_key_and_no_get_has_one(client: Fenqi, gateway: FakeGateway) -> None:
    payment = authorized(client, lambda checkout, **_: gateway.shopper(checkout).approve())
    client.payments.acknowledge(payment.id, merchant_order_id="1")
    client.payments.void(payment.id, amount=100)
    client.payments.capture(payment.id)
    client.refunds.create(payment=payment.id, reason="x")
    client.request("post", "/v1/checkouts", json=order())
    client.checkouts.cancel(opened(client).id)
    keys = [request.idempotency_key for request in gateway.requests if request.method == "POST"]
    assert len(set(keys)) == len(keys) == 8
    assert all(uuid.UUID(key) for key in keys)
    assert {request.idempotency_key for request in gateway.requests if request.method == "GET"} == {None}


def test_callers_key_always_wins(client: Fenqi, gateway: FakeGateway) -> None:
    client.checkouts.create(**order(), idempotency_key="order-1001")
    assert gateway.requests[-1].idempotency_key == "order-1001"


@pytest.mark.parametrize("key", ["", " x", "x\r\nX-Evil: 1", "订单", "x" * 256])
def test_key_that_is_no_header_never_leaves(client: Fenqi, gateway: FakeGateway, key: str) -> None:
    with pytest.raises(ValueError, match="idempotency_key"):
        client.checkouts.create(**order(), idempotency_key=key)
    assert not any(request.method == "POST" for request in gateway.requests)


@pytest.mark.parametrize("id", ["", ".", ".."])
def test_text_that_is_no_id_never_leaves(client: Fenqi, gateway: FakeGateway, id: str) -> None:
    with pytest.raises(ValueError, match="not an id"):
        client.payments.retrieve(id)
    assert gateway.requests == []


def test_id_cannot_reach_another_path(client: Fenqi, gateway: FakeGateway) -> None:
    with pytest.raises(fenqi.NotFoundError):
        client.payments.retrieve("../refunds?x=1#y")
    assert gateway.requests[-1].path == "/v1/payments/..%2Frefunds%3Fx%3D1%23y"


def test_object_instead_of_its_id_says_pass_its_id(client: Fenqi) -> None:
    with pytest.raises(TypeError, match=r"pass its \.id"):
        client.checkouts.retrieve(opened(client))  # type: ignore[arg-type]


def test_terms_are_written_with_commas(client: Fenqi, gateway: FakeGateway) -> None:
    client.plans.list(amount=PRICE, terms=[3, 6], category="3c")
    assert gateway.requests[-1].params == {"amount": str(PRICE), "terms": "3,6", "category": "3c"}


def test_extra_fields_are_sent_along(client: Fenqi, gateway: FakeGateway) -> None:
    with pytest.raises(fenqi.InvalidRequestError):
        client.refunds.create(payment="pay_1", reason="x", extra={"items": []})
    assert gateway.requests[-1].json["items"] == []
    assert "amount" not in gateway.requests[-1].json


def test_raw_request_answers_typed_objects(client: Fenqi) -> None:
    checkout = opened(client)
    raw = client.request("GET", f"/v1/checkouts/{checkout.id}")
    assert isinstance(raw, fenqi.Checkout)
    assert (raw.id, raw.amount, raw.plans) == (checkout.id, checkout.amount, checkout.plans)
    assert raw.url is None, "only the creating call tells the address"
    assert re.fullmatch(r"req_\w+", raw.request_id or "")


@pytest.mark.parametrize("path", ["v1/me", "https://evil.example/v1/me", "//evil.example/v1/me", ""])
def test_raw_request_stays_at_the_gateway(client: Fenqi, gateway: FakeGateway, path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        client.request("GET", path)
    assert gateway.requests == gateway.token_requests == []


def test_wait_polls_until_the_checkout_is_decided(client: Fenqi, gateway: FakeGateway) -> None:
    checkout = opened(client, expires_in=300)
    assert client.checkouts.wait(checkout.id, timeout=600, interval=2).status == "expired"
    other = opened(client, expires_in=3600)
    with pytest.raises(fenqi.APITimeoutError, match="still open"):
        client.checkouts.wait(other.id, timeout=10)


def test_sandbox_number_plays_the_shopper(client: Fenqi) -> None:
    approved = client.test_helpers.complete_checkout(opened(client).id, phone="13800000001", term=12)
    assert approved.status == "approved"
    assert client.payments.retrieve(approved.payment).term == 12
    declined = client.test_helpers.complete_checkout(opened(client).id, phone="13800000002")
    assert (declined.status, declined.payment) == ("declined", None)


def test_closed_client_opens_new_connections(gateway: FakeGateway) -> None:
    with gateway.client() as client:
        client.me.retrieve()
    assert client.me.retrieve().mode == "test"
