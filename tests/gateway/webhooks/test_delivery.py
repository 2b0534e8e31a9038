"""Webhooks: signed as the standard says, tried again when refused, and events catch up without gaps."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from standardwebhooks.webhooks import Webhook

from gateway.process.worker import drain
from tests.one_database import database_url, on_both  # noqa: F401


@pytest.fixture
def shop():
    """A shop's endpoint on the loopback: it keeps what it gets and answers as told."""
    got: list[tuple[dict[str, str], bytes]] = []
    answers = {"status": 204}

    class Hooks(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(answers["status"])
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Hooks)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hooks", got, answers
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_delivery_is_verified_by_the_standards_own_library(new_merchant, app, shop, monkeypatch, clock):
    url, got, _ = shop
    api = new_merchant(webhook_url=url)
    api.approved()
    assert drain(app.extensions["fenqi"]) == 2
    events = []
    for headers, body in got:
        lower = {name.lower(): value for name, value in headers.items()}
        assert int(lower["webhook-timestamp"]) == int(clock.now.timestamp())
        webhook = Webhook(api.credentials["webhook_secret"])
        monkeypatch.setattr(webhook, "_Webhook__verify_timestamp", lambda header: clock.now)
        events.append(webhook.verify(body, lower)["type"])
    assert sorted(events) == ["checkout.approved", "payment.authorized"]
    assert drain(app.extensions["fenqi"]) == 0


def test_a_refused_delivery_is_tried_again_later(new_merchant, app, shop, clock):
    url, got, answers = shop
    api = new_merchant(webhook_url=url)
    api.approved()
    answers["status"] = 500
    assert drain(app.extensions["fenqi"]) == 2
    assert drain(app.extensions["fenqi"]) == 0
    answers["status"] = 200
    clock.advance(seconds=6)
    assert drain(app.extensions["fenqi"]) == 2
    assert len(got) == 4


@on_both
def test_events_catch_up_in_order_without_gaps(api):
    api.captured()
    everything = api.get("/v1/events").json["data"][::-1]
    after = api.get(f"/v1/events?after={everything[0]['id']}").json["data"]
    assert [row["id"] for row in after] == [row["id"] for row in everything[1:]]
    payment = [row for row in everything if row["type"].startswith("payment.")]
    assert [row["sequence"] for row in payment] == [1, 2]
    assert "13800000001" not in str(everything)
