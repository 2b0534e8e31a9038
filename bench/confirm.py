"""The whole confirm: from the shopper's identity to the lender's decision and the commit, scored for real.

Driven through the test helper, which runs identification, disclosure and confirmation in one transaction. The phone is
no sandbox number, so every decision comes from the models. What the shopper's click alone costs is measured apart, in
this process, in creations of a checkout.
"""

from __future__ import annotations

import re
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from flask.testing import FlaskClient

from bench.checkout import order
from bench.load import Request, as_json, run
from bench.merchant import on_board
from bench.report import Row, at_most
from bench.size import Size
from gateway import keyring
from gateway.app import create_app
from gateway.config import from_environment
from gateway.db.migrate import upgrade
from gateway.identity.invented import invented_id_number

CLIENTS = 4
PURCHASES = 10
"""For each hundred of ``Size.calls``: how many purchases the CPU of a click is measured over."""
CONSENTS = dict.fromkeys(("credit_service", "bureau_query", "funder_sharing"), "yes")
READ = timedelta(seconds=4)


def measure(place: dict[str, Any], size: Size) -> list[Row]:
    """The waiting times of confirms, beside the bare INSERT at the same number of clients, and the CPU of one."""
    print(f"confirm: identity -> decision -> commit, {CLIENTS} clients, {size.rounds} x {size.seconds:g} s")
    headers = {"Authorization": f"Bearer {place['token']}", "Content-Type": "application/json"}
    url = f"http://{place['host']}:{place['port']}"
    rounds = []
    for turn in range(size.rounds):
        ready = [_open(url, headers, turn, number) for number in range(int(120 * size.seconds))]

        def confirm(number: int, ready: list[str] = ready, turn: int = turn) -> Request:
            if number >= len(ready):
                return "GET", "/healthz", {}, b""
            phone = f"139{turn:02}{number:06}"
            return (
                "POST",
                f"/v1/test_helpers/checkouts/{ready[number]}/complete",
                headers,
                as_json({"phone": phone}),
            )

        found = run(place["host"], place["port"], confirm, clients=CLIENTS, seconds=size.seconds)
        done = found.milliseconds[: len(ready)]
        waits = type(found)(done, found.seconds, found.errors)
        bare = run(
            place["host"],
            place["port"],
            lambda n: ("POST", "/yardstick/", {}, b"x"),
            clients=CLIENTS,
            seconds=min(size.seconds, 1),
        )
        print(
            f"  round {turn + 1}: p50 {waits.percentile(50):.1f}  p95 {waits.percentile(95):.1f}"
            f"  p99 {waits.percentile(99):.1f} ms ({len(done)} confirms, errors {waits.errors});"
            f" bare INSERT p50 {bare.percentile(50):.1f}  p99 {bare.percentile(99):.1f} ms"
        )
        rounds.append((waits.percentile(95), bare.percentile(95)))
    p95, bare_p95 = (statistics.median(figures) for figures in zip(*rounds, strict=True))
    rows = [Row("confirm: all of the shopper's steps, p95", p95, "ms", at_most(100), bare_p95), _click(size)]
    print()
    return rows


def _click(size: Size) -> Row:
    """CPU of the shopper's click beside that of a creation, purchase by purchase."""
    spent: dict[str, list[float]] = {"creation": [], "click": []}
    with tempfile.TemporaryDirectory(prefix="fenqi-bench-") as folder:
        shop = _Shop.at(Path(folder))
        for number in range(max(2, PURCHASES * size.calls // 100)):
            shop.buy(number, spent)
    creation, click = (statistics.median(times) * 1000 for times in spent.values())
    print(f"  CPU of a creation {creation:.1f} ms, of the shopper's click {click:.1f} ms")
    return Row("confirm: CPU of the shopper's click", click, "ms", at_most(3, of_yardstick=True), creation)


@dataclass
class _Shop:
    """A shop and its shoppers in this process, on SQLite and without a network."""

    api: FlaskClient
    credentials: tuple[str, str]
    new_browser: Callable[[], FlaskClient]
    moment: list[datetime]

    @classmethod
    def at(cls, folder: Path) -> _Shop:
        """A fresh gateway whose clock is ours."""
        moment = [datetime.now(UTC)]
        url = f"sqlite:///{folder / 'confirm.sqlite'}"
        settings = replace(from_environment(data_dir=str(folder), database_url=url), rate_limits="off")
        upgrade(url)
        keyring.create(settings.data_dir)
        app = create_app(settings, clock=lambda: moment[0])
        gateway = app.extensions["fenqi"]
        gateway.ports.scorer.load()
        credentials = on_board(gateway)
        pair = credentials["client_id"], credentials["client_secret"]
        return cls(app.test_client(), pair, app.test_client, moment)

    def buy(self, number: int, spent: dict[str, list[float]]) -> None:
        """One purchase from its creation to its result; adds the CPU seconds of two of its steps."""
        grant = {"grant_type": "client_credentials"}  # a fresh token each time: our clock runs fast
        token: Any = self.api.post("/oauth/token", data=grant, auth=self.credentials).json
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        checkout, took = _timed(lambda: self.api.post("/v1/checkouts", json=order(number), headers=headers))
        spent["creation"].append(took)
        path, browser = f"/checkout/{checkout.json['id']}", self.new_browser()
        typed = {
            "term": "12",
            "name": "张伟",
            "id_number": invented_id_number(f"bench-{number}"),
            "phone": f"139{number:08}",
            "code": "000000",
        }
        browser.get(urlsplit(checkout.json["url"]).path)
        browser.post(f"{path}/code", data=typed)
        browser.post(f"{path}/identity", data=typed)
        page = browser.get(f"{path}/review").text
        quote = re.search(r'name="quote_hash" value="([^"]+)"', page)
        if quote is None:
            raise RuntimeError(f"there is no disclosure: {page}")
        self.moment[0] += READ
        form = {"quote_hash": quote[1], **CONSENTS}
        _, took = _timed(lambda: browser.post(f"{path}/confirm", data=form))
        spent["click"].append(took)
        decided: Any = self.api.get(f"/v1/checkouts/{checkout.json['id']}", headers=headers).json
        if decided["status"] not in ("approved", "declined", "under_review"):
            raise RuntimeError(f"the checkout is {decided['status']}")


def _timed(act: Callable[[], Any]) -> tuple[Any, float]:
    started = time.process_time()
    answer = act()
    took = time.process_time() - started
    if answer.status_code >= 400:
        raise RuntimeError(answer.text)
    return answer, took


def _open(url: str, headers: dict[str, str], turn: int, number: int) -> str:
    body = order(number)
    body["merchant_reference"] = f"confirm-{turn}-{number}"
    answer = requests.post(f"{url}/v1/checkouts", json=body, headers=headers, timeout=10)
    answer.raise_for_status()
    return str(answer.json()["id"])
