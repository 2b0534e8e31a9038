"""SIGTERM in the middle of a flood: the server ends within ten seconds, and what it has acknowledged is there, once."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import pytest

from tests.crash.place import START_SECONDS, Place, running, waited
from tests.crash.traffic import Journal, Shop

pytestmark = pytest.mark.long(15)

WRITERS, STRANGERS, SLOW = 16, 8, 8
FLOOD_SECONDS, DRAIN_SECONDS = 1.5, 10
HALF_A_BODY = b"POST /oauth/token HTTP/1.1\r\nHost: %b\r\nContent-Length: 900\r\n\r\na"


@dataclass
class Flood:
    """Everybody at once, each on a connection of its own, until nobody listens any more."""

    place: Place
    token: str
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    """By key what was answered."""
    unanswered: set[str] = field(default_factory=set)
    """Keys of what the connection ended on."""
    others: Counter[int] = field(default_factory=Counter)

    def order(self, key: str) -> bytes:
        order = {
            "amount": 599_900,
            "merchant_reference": key,
            "items": [{"name": "Phone", "quantity": 1, "unit_price": 599_900}],
            "category": "3c",
            "return_url": "https://shop.example/return",
            "cancel_url": "https://shop.example/cart",
        }
        return json.dumps(order).encode()

    def headers(self, key: str) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "Idempotency-Key": key,
        }

    def write(self, number: int) -> None:
        turn, connection = 0, self.connected()
        while True:
            turn += 1
            key = f"flood-{number}-{turn}"
            try:
                connection.request("POST", "/v1/checkouts", self.order(key), self.headers(key))
                answer = connection.getresponse()
                self.answers[key] = answer.status, answer.read()
            except ConnectionRefusedError:
                return
            except (OSError, http.client.HTTPException):
                self.unanswered.add(key)
                connection.close()

    def look(self, _number: int) -> None:
        connection = self.connected()
        while True:
            try:
                connection.request("GET", "/v1/payments")
                answer = connection.getresponse()
                answer.read()
                self.others[answer.status] += 1
            except ConnectionRefusedError:
                return
            except (OSError, http.client.HTTPException):
                connection.close()

    def dawdle(self, _number: int) -> None:
        """Half a body, again and again."""
        while True:
            connection = self.connected()
            try:
                connection.connect()
                connection.sock.sendall(HALF_A_BODY % connection.host.encode())
                connection.sock.recv(4096)
            except ConnectionRefusedError:
                return
            except OSError:
                pass
            finally:
                connection.close()

    def connected(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.place.url.removeprefix("http://"), timeout=30)


def test_nothing_acknowledged_is_lost_when_the_server_is_told_to_end(database_url: str) -> None:
    with running(database_url) as place:
        shop = Shop(place.url, place.merchant(1), Journal())
        shop.login()
        flood = Flood(place, shop.headers()["Authorization"].removeprefix("Bearer "))
        crowd = [
            threading.Thread(target=act, args=(number,), daemon=True)
            for act, count in ((flood.write, WRITERS), (flood.look, STRANGERS), (flood.dawdle, SLOW))
            for number in range(count)
        ]
        for one in crowd:
            one.start()
        time.sleep(FLOOD_SECONDS)
        took = place.server.stop()
        for one in crowd:
            one.join(60)
        assert not any(one.is_alive() for one in crowd)

        place.server.start()
        waited(place.in_service, START_SECONDS)
        statuses = Counter(status for status, _ in flood.answers.values())
        told_of = {key: said for key, said in flood.answers.items() if said[0] != 503}
        assert set(statuses) <= {201, 503}, statuses
        assert statuses[201] > WRITERS, "it was in the middle of work"
        lost = [key for key, said in told_of.items() if replayed(flood, key) != said]
        assert lost == []
        for key in flood.unanswered:
            assert replayed(flood, key)[0] == 201
        made = place.rows(
            "SELECT merchant_reference, count(*) AS n FROM checkout GROUP BY merchant_reference"
        )

    assert {row["merchant_reference"] for row in made} == {*told_of, *flood.unanswered}
    assert {row["n"] for row in made} == {1}
    assert took < max(DRAIN_SECONDS, 2 * place.first_start)


def replayed(flood: Flood, key: str) -> tuple[int, bytes]:
    """What the same request is answered now."""
    connection = flood.connected()
    for _ in range(600):
        connection.request("POST", "/v1/checkouts", flood.order(key), flood.headers(key))
        answer = connection.getresponse()
        said = answer.status, answer.read()
        if said[0] != 503:
            break
        time.sleep(0.1)
    connection.close()
    return said
