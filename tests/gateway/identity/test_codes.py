"""A one-time code leaves by the outbox: once, sealed until then, and never when it has expired."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from sqlalchemy import text

from gateway.errors import MessagesUnavailable
from gateway.process import worker
from gateway.process.worker import drain_outbox
from tests.gateway.shopper import enter, send
from tests.one_database import database_url  # noqa: F401

PHONE = "13912345678"


class Provider:
    """A message provider whose codes count up, and whose next answers may be lost."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str]] = []
        self.codes, self.lost, self.mute = 271_828, 0, False

    def new_code(self, mode: str) -> str:
        if self.mute:
            raise MessagesUnavailable("no contract")
        self.codes += 1
        return str(self.codes)

    def send_code(self, mode: str, phone: str, code: str, *, reference: str) -> None:
        self.sent.append((phone, code, reference))
        if self.lost:
            self.lost -= 1
            raise MessagesUnavailable("the answer was lost")


@pytest.fixture
def gateway(app: Any) -> Any:
    return app.extensions["fenqi"]


@pytest.fixture
def provider(gateway: Any) -> Provider:
    gateway.ports.notifier = provider = Provider()
    return provider


@pytest.fixture
def pages(app: Any) -> Any:
    return app.test_client()


def ask(pages: Any, api: Any, checkout: str = "") -> tuple[str, Any]:
    if not checkout:
        opened = api.checkout()
        enter(pages, opened)
        checkout = opened["id"]
    return checkout, send(pages, f"/checkout/{checkout}/code", {"phone": PHONE})


def rows(gateway: Any) -> str:
    with gateway.db.read() as tx:
        tables = ("outbox", "one_time_code")
        found = [row for table in tables for row in tx.execute(text(f"SELECT * FROM {table}")).mappings()]
    return "\n".join(str(dict(row)) for row in found)


def test_a_code_is_sent_once_and_lies_nowhere_readable(
    gateway: Any, provider: Provider, pages: Any, api: Any
) -> None:
    _, page = ask(pages, api)
    assert page.status_code == 200
    assert "正在发送" in page.text
    assert provider.sent == [], "not while the shopper waits"
    assert gateway.woken.is_set(), "the worker is told"
    assert "271829" not in rows(gateway)
    assert PHONE not in rows(gateway)
    assert "'message_sealed': None" not in rows(gateway)
    for _ in range(2):
        drain_outbox(gateway)
    ((phone, code, reference),) = provider.sent
    assert (phone, code) == (f"+86{PHONE}", "271829")
    assert reference.startswith("msg_")
    assert "'message_sealed': None" in rows(gateway)


def test_an_unknown_outcome_is_repeated_under_the_same_reference(
    gateway: Any, provider: Provider, pages: Any, api: Any, clock: Any
) -> None:
    provider.lost = 1
    ask(pages, api)
    drain_outbox(gateway)
    clock.advance(seconds=5)
    drain_outbox(gateway)
    assert len(provider.sent) == 2
    assert len(set(provider.sent)) == 1


def test_an_expired_code_is_not_sent_and_not_kept(
    gateway: Any, provider: Provider, pages: Any, api: Any, clock: Any
) -> None:
    ask(pages, api)
    clock.advance(minutes=10)
    drain_outbox(gateway)
    assert provider.sent == []
    assert "'message_sealed': None" in rows(gateway)


def test_a_newer_code_replaces_one_that_was_not_sent_yet(
    gateway: Any, provider: Provider, pages: Any, api: Any
) -> None:
    checkout, _ = ask(pages, api)
    ask(pages, api, checkout)
    drain_outbox(gateway)
    assert [code for _, code, _ in provider.sent] == ["271830"]


def test_where_nothing_can_be_sent_the_page_says_so_and_nothing_is_kept(
    gateway: Any, provider: Provider, pages: Any, api: Any
) -> None:
    provider.mute = True
    _, page = ask(pages, api)
    assert page.status_code == 503
    assert "暂时无法发送短信" in page.text
    assert "正在发送" not in page.text
    assert rows(gateway) == ""


def test_in_live_mode_without_a_provider_no_code_is_promised(
    new_merchant: Any, pages: Any, gateway: Any
) -> None:
    _, page = ask(pages, new_merchant(mode="live"))
    assert page.status_code == 503
    assert "暂时无法发送短信" in page.text
    assert rows(gateway) == ""


def test_a_worker_in_this_process_sends_a_code_at_once(
    gateway: Any, provider: Provider, pages: Any, api: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(worker, "IDLE_SECONDS", 5)  # without being told it would sleep for so long
    stop = threading.Event()
    messages = next(lane for lane in worker.LANES if lane.name == "test messages")
    lane = threading.Thread(target=worker.work_lane, args=(gateway, messages, stop))
    lane.start()
    try:
        time.sleep(0.2)
        ask(pages, api)
        ends = time.monotonic() + 4
        while not provider.sent and time.monotonic() < ends:
            time.sleep(0.01)
    finally:
        stop.set()
        gateway.woken.set()
        lane.join()
    assert len(provider.sent) == 1
