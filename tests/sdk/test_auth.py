"""Access tokens: fetched once, renewed in time, renewed after a refusal, never logged."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import fenqi
from fenqi import Fenqi
from fenqi._auth import ClientCredentials
from fenqi.testing import FakeGateway


class Counter:
    """A token endpoint that counts: token-1, token-2, and so on."""

    def __init__(self, life: float = 100.0) -> None:
        self.calls = 0
        self.life = life
        self.failure: Exception | None = None
        self.now = 0.0

    def __call__(self) -> tuple[str, float]:
        self.calls += 1
        if self.failure:
            raise self.failure
        return f"token-{self.calls}", self.life

    def tokens(self) -> ClientCredentials:
        return ClientCredentials(self, clock=lambda: self.now)


def test_token_is_kept_for_four_fifths_of_its_life() -> None:
    endpoint = Counter(life=100)
    tokens = endpoint.tokens()
    assert tokens.token() == tokens.token() == "token-1"
    endpoint.now = 79.9
    assert tokens.token() == "token-1"
    endpoint.now = 80.0
    assert tokens.token() == "token-2"
    assert endpoint.calls == 2


@pytest.mark.parametrize("failure", [fenqi.APIConnectionError("down"), fenqi.ServerError("down", status=503)])
def test_old_token_is_used_while_it_lives_and_the_endpoint_is_down(failure: Exception) -> None:
    endpoint = Counter(life=100)
    tokens = endpoint.tokens()
    tokens.token()
    endpoint.failure, endpoint.now = failure, 85.0
    assert tokens.token() == tokens.token() == "token-1"
    assert endpoint.calls == 2, "a failed renewal is not repeated at once"
    endpoint.now = 91.0
    tokens.token()
    assert endpoint.calls == 3
    endpoint.now = 100.0
    with pytest.raises(type(failure)):
        tokens.token()


def test_threads_fetch_one_token() -> None:
    endpoint, gate = Counter(), threading.Barrier(8)
    tokens = endpoint.tokens()

    def ask() -> str:
        gate.wait()
        return tokens.token()

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask) for _ in range(8)]
    assert {one.result() for one in asked} == {"token-1"}
    assert endpoint.calls == 1


def test_threads_refused_together_renew_once() -> None:
    endpoint = Counter()
    tokens = endpoint.tokens()
    refused = tokens.token()
    assert tokens.renewed(refused) == tokens.renewed(refused) == "token-2"
    assert endpoint.calls == 2


def test_expired_token_is_renewed_and_the_request_repeated_with_its_key(
    client: Fenqi, gateway: FakeGateway
) -> None:
    client.me.retrieve()
    gateway.advance(minutes=11)
    with pytest.raises(fenqi.NotFoundError):
        client.payments.capture("pay_unknown", idempotency_key="ship-1")
    assert [request.status for request in gateway.requests] == [200, 401, 404]
    assert [request.idempotency_key for request in gateway.requests[1:]] == ["ship-1", "ship-1"]
    assert len(gateway.token_requests) == 2


def test_second_refusal_is_raised(client: Fenqi, gateway: FakeGateway) -> None:
    gateway.fail_next(401, times=2)
    with pytest.raises(fenqi.AuthenticationError):
        client.me.retrieve()
    assert [request.status for request in gateway.requests] == [401, 401]


def test_wrong_secret_is_a_clear_sentence(gateway: FakeGateway) -> None:
    with pytest.raises(fenqi.AuthenticationError, match=r"invalid_client.*client_secret") as refused:
        gateway.client(client_secret="sk_test_wrong").me.retrieve()
    assert (refused.value.code, refused.value.status) == ("invalid_client", 401)
    assert "sk_test_wrong" not in str(refused.value)
    assert gateway.requests == []


def test_token_request_is_client_secret_basic_with_encoded_parts() -> None:
    with FakeGateway(client_id="cli: 1%", client_secret="sk_test_ü+/:") as gateway:
        assert gateway.client().me.retrieve().client_id == "cli: 1%"
        request = gateway.token_requests[0]
        assert request.headers["Authorization"].startswith("Basic ")
        assert request.idempotency_key is None


def test_given_token_is_used_as_it_is(gateway: FakeGateway) -> None:
    gateway.client().me.retrieve()
    token = next(iter(gateway.state.tokens))
    user = Fenqi(access_token=token, base_url=gateway.base_url)
    assert user.me.retrieve().mode == "test"
    assert gateway.requests[-1].headers["Authorization"] == f"Bearer {token}"
    assert len(gateway.token_requests) == 1


def test_given_token_that_is_refused_is_not_sent_again(gateway: FakeGateway) -> None:
    with pytest.raises(fenqi.AuthenticationError):
        Fenqi(access_token="old", base_url=gateway.base_url).me.retrieve()
    assert len(gateway.requests) == 1


def test_function_is_asked_for_another_token_after_a_refusal(gateway: FakeGateway) -> None:
    gateway.client().me.retrieve()
    held = iter(["old", next(iter(gateway.state.tokens))])
    assert Fenqi(access_token=lambda: next(held), base_url=gateway.base_url).me.retrieve().mode == "test"
    assert [request.status for request in gateway.requests[1:]] == [401, 200]


@pytest.mark.parametrize("more", [{"client_id": "cli_1"}, {"client_secret": "sk_test_1"}])
def test_token_and_credentials_together_are_refused(more: dict[str, str]) -> None:
    with pytest.raises(fenqi.ConfigurationError, match="not both"):
        Fenqi(access_token="t", base_url="https://g.example", **more)  # type: ignore[arg-type]


def test_logs_hold_neither_secret_nor_token(
    client: Fenqi, gateway: FakeGateway, caplog: pytest.LogCaptureFixture
) -> None:
    gateway.fail_next(503)
    with caplog.at_level(logging.DEBUG):
        client.me.retrieve()
    assert "GET /v1/me -> 200" in caplog.text
    assert gateway.state.client_secret not in caplog.text
    assert not any(token in caplog.text for token in gateway.state.tokens)
