"""The message provider over HTTP, against a real small server: what it is sent, and what its answers mean."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gateway.app import outside_ports
from gateway.config import WrongSetting, from_environment
from gateway.errors import MessagesUnavailable
from gateway.identity.notifier import MessageRefused, SandboxNotifier
from gateway.identity.notifier_http import HttpNotifier

PHONE, TEXT = "+8613800138000", "【还款成功】¥1.00"


class Provider(ThreadingHTTPServer):
    """Keeps what it got, and sends one reference once."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[tuple[str, str | None, str | None, dict[str, str]]] = []
        self.arrived: dict[str, str] = {}
        self.says: tuple[int, Any, float] | None = None


class Handler(BaseHTTPRequestHandler):
    """Answers as the provider says."""

    server: Provider

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.got.append(
            (self.path, self.headers["Authorization"], self.headers["Idempotency-Key"], body)
        )
        self.server.arrived.setdefault(body["reference"], body["text"])
        usual = (202, {"reference": body["reference"], "status": "accepted"}, 0)
        status, answer, pause = self.server.says or usual
        text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        with suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            for at in range(0, len(text), 1 if pause else 65_536):
                self.wfile.write(text[at : at + (1 if pause else 65_536)])
                time.sleep(pause)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def provider() -> Iterator[Provider]:
    server = Provider()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def notifier(provider: Provider) -> HttpNotifier:
    return HttpNotifier(f"http://127.0.0.1:{provider.server_address[1]}/v1/", "hush", within_seconds=0.6)


def test_what_is_sent_and_that_it_arrives_once(provider: Provider, notifier: HttpNotifier) -> None:
    for _ in range(2):
        notifier.send_message("live", PHONE, TEXT, reference="msg_1")
    message = {"reference": "msg_1", "kind": "message", "channel": "sms", "to": PHONE, "text": TEXT}
    assert provider.got == [("/v1/messages", "Bearer hush", "msg_1", message)] * 2
    assert provider.arrived == {"msg_1": TEXT}
    code = notifier.new_code("live")
    assert len(code) == 6
    notifier.send_code("live", PHONE, code, reference="msg_2")
    assert provider.got[-1][3]["code"] == code
    assert code in provider.got[-1][3]["text"]
    notifier.send_invitation("live", "a@shop.example", "https://pay.example/i", reference="inv_1")
    notifier.send_notice("live", "a@shop.example", "Account", "It changed.", reference="ntc_1")
    assert [(body["channel"], body["to"]) for *_, body in provider.got[-2:]] == [
        ("email", "a@shop.example")
    ] * 2


@pytest.mark.parametrize(
    "says",
    [
        (500, {}, 0),
        (302, {}, 0),
        (202, b"not json", 0),
        (202, {"reference": "msg_2", "status": "accepted"}, 0),
        (202, {"reference": "msg_1", "status": "queued?"}, 0),
        (422, {"reference": "msg_1"}, 0),
        (202, b" " * 5000, 0),
        (202, {"reference": "msg_1", "status": "accepted"}, 0.2),
    ],
)
def test_every_other_answer_leaves_the_outcome_unknown(
    provider: Provider, notifier: HttpNotifier, says: tuple[int, Any, float]
) -> None:
    provider.says = says
    begun = time.monotonic()
    with pytest.raises(MessagesUnavailable) as caught:
        notifier.send_message("live", PHONE, TEXT, reference="msg_1")
    assert time.monotonic() - begun < 5
    assert PHONE not in str(caught.value)
    assert TEXT not in str(caught.value)


def test_a_refusal_is_for_good_and_says_no_more_than_a_word(
    provider: Provider, notifier: HttpNotifier
) -> None:
    for reason, told in (("unknown_number", "unknown_number"), (f"no {PHONE}", "refused")):
        provider.says = (422, {"reference": "msg_1", "status": "refused", "reason": reason}, 0)
        with pytest.raises(MessageRefused, match=told) as caught:
            notifier.send_message("live", PHONE, TEXT, reference="msg_1")
        assert PHONE not in str(caught.value)
    with pytest.raises(MessagesUnavailable):
        notifier.send_code("live", PHONE, "123456", reference="msg_1")


def test_the_settings_connect_it_for_live_mode_alone(provider: Provider, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{provider.server_address[1]}"
    given = {"FENQI_MESSAGES_URL": url, "FENQI_MESSAGES_KEY": "hush"}
    port = outside_ports(from_environment(given, data_dir=tmp_path))["notifier"]
    assert not getattr(port, "simulator", False)
    port.send_message("live", PHONE, TEXT, reference="msg_1")
    port.send_message("test", PHONE, "to the mailbox", reference="msg_2")
    assert list(provider.arrived) == ["msg_1"]
    assert "to the mailbox" in (tmp_path / "test-messages.jsonl").read_text("utf-8")
    assert port.new_code("test") == "000000"
    with pytest.raises(WrongSetting, match="FENQI_MESSAGES_KEY"):
        outside_ports(from_environment({"FENQI_MESSAGES_URL": url}, data_dir=tmp_path))
    with pytest.raises(WrongSetting, match="https"):
        from_environment({**given, "FENQI_MESSAGES_URL": "http://sms.example"}, data_dir=tmp_path)
    assert isinstance(outside_ports(from_environment({}, data_dir=tmp_path))["notifier"], SandboxNotifier)
