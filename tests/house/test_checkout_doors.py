"""Every page of a checkout, asked by everybody: what it may show to whom. The pages come from the URL map."""

from __future__ import annotations

import json
import logging
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gateway.checkout.entry import DOORS, Door
from gateway.db.tables import metadata
from gateway.identity.invented import invented_id_number
from gateway.process.worker import drain
from tests.gateway.shopper import enter, identify
from tests.one_database import database_url  # noqa: F401

CONSENTS = {"credit_service": "yes", "bureau_query": "yes", "funder_sharing": "yes"}
TYPED = {"term": "12", "name": "王小明", "id_number": invented_id_number("shopper"), "phone": "13812345678"}
TELLS = ("商户1", "5,999", "测试手机", "order-", "王", "5678", "12 期")
"""What a page tells of the order: seller, amount, goods, reference, name, phone, plan."""
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def pages_of(app: Flask) -> list[tuple[str, str, str]]:
    """Endpoint, method and path of every page of a checkout."""
    return [
        (rule.endpoint, method, rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/checkout/")
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def bought(
    api: Any, clock: Any, browser: FlaskClient, *, phone: str = TYPED["phone"], last: str = "confirm"
) -> Any:
    """A checkout that its shopper brought as far as ``last``."""
    checkout = api.checkout(items=[{"name": "测试手机", "quantity": 1, "unit_price": 599_900}])
    if last == "open":
        enter(browser, checkout)
        return checkout
    assert identify(browser, checkout, {**TYPED, "phone": phone}).status_code == 303
    browser.get(f"/checkout/{checkout['id']}/review")
    clock.advance(seconds=5)
    if last == "confirm":
        plan = next(plan for plan in checkout["plans"] if plan["term"] == 12)
        data = {"quote_hash": plan["quote_hash"], **CONSENTS}
        assert browser.post(f"/checkout/{checkout['id']}/confirm", data=data).status_code == 303
    return checkout


def visitors(app: Flask, api: Any, clock: Any, checkout: Any, own: FlaskClient) -> dict[str, FlaskClient]:
    """Browsers by what they have to show for the checkout."""
    name = "fenqi_checkout_"
    sent, other, renamed = (app.test_client() for _ in range(3))
    sent.get(urlsplit(checkout["url"]).path)
    foreign = bought(api, clock, other, phone="13800000001")
    renamed.set_cookie(name + checkout["id"], other.get_cookie(name + foreign["id"]).value)
    return {
        "nothing": app.test_client(),
        "the secret": sent,
        "another checkout's cookie": other,
        "another checkout's cookie under this one's name": renamed,
        "the shopper's cookie": own,
    }


def test_every_page_says_what_it_asks_for(app: Flask) -> None:
    assert {endpoint for endpoint, _, _ in pages_of(app)} == set(DOORS)
    assert {rule for _, _, rule in pages_of(app) if not rule.startswith("/checkout/<checkout_id>")} == set()


@ON_SQLITE
@pytest.mark.parametrize("last", ["open", "identify", "confirm"])
def test_every_page_shows_to_each_visitor_what_it_may(app: Flask, api: Any, clock: Any, last: str) -> None:
    own = app.test_client()
    checkout = bought(api, clock, own, last=last)
    opened = {
        Door.OPEN: 0,
        Door.ADDRESS: 2 if last == "confirm" else 1,
        Door.SHOPPER: 1 if last == "open" else 2,
    }
    asked = 0
    for who, browser in visitors(app, api, clock, checkout, own).items():
        shows = {"the secret": 1, "the shopper's cookie": 1 if last == "open" else 2}.get(who, 0)
        # What changes the order comes last, and what ends it after all else.
        order = sorted(pages_of(app), key=lambda page: (page[1], page[0].endswith("cancel")))
        for endpoint, method, rule in order:
            path = rule.replace("<checkout_id>", checkout["id"]).replace("<secret>", "0" * 40)
            answer = browser.open(path, method=method)
            asked += 1
            where = f"{who}: {method} {rule}: {answer.status_code}"
            assert answer.status_code < 500, where
            assert (answer.headers["Cache-Control"], answer.headers["Referrer-Policy"]) == (
                "no-store",
                "no-referrer",
            ), where
            enters = endpoint == "checkout_entry.enter"
            assert (answer.status_code == 403) == (shows < opened[DOORS[endpoint]] or enters), where
            if shows == 0 or (shows == 1 and last == "confirm"):
                assert [word for word in TELLS if word in answer.text] == [], where
            if shows < 2 and last != "open":
                assert [word for word in ("王", "5678") if word in answer.text] == [], where
    assert asked > 120
    status = api.get(f"/v1/checkouts/{checkout['id']}").json["status"]
    assert status == {"open": "canceled", "identify": "canceled"}.get(last, status)


@ON_SQLITE
def test_secret_of_an_address_stands_nowhere_but_in_the_answer(
    app: Flask,
    new_merchant: Any,
    clock: Any,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    merchant = new_merchant(webhook_url="http://127.0.0.1:9/hook")
    told: list[str] = []
    gateway = app.extensions["fenqi"]
    transport = gateway.ports.unguarded("webhook_transport")
    line = transport.line

    def noted(*arguments: Any, **options: Any) -> Any:
        told.append(repr((arguments, options)))
        return line(*arguments, **options)

    monkeypatch.setattr(transport, "line", noted)
    browser = app.test_client()
    checkout = bought(merchant, clock, browser, phone="13800000001")
    secret = urlsplit(checkout["url"]).path.rpartition("/")[2]
    kept = browser.get_cookie(f"fenqi_checkout_{checkout['id']}").value
    done = merchant.get(f"/v1/checkouts/{checkout['id']}")
    captured = merchant.post(f"/v1/payments/{done.json['payment']}/capture")
    told += [done.text, captured.text, merchant.get("/v1/checkouts").text]
    drain(gateway)
    told.append(merchant.get("/v1/events?limit=100").text)
    told += [
        browser.get(f"/checkout/{checkout['id']}/{step}").text for step in ("result", "contract", "consents")
    ]
    rows = []
    with gateway.db.read() as tx:
        for table in metadata().tables.values():
            for row in tx.connection().execute(table.select()):
                rows += [repr(tuple(row)), json.dumps([str(value) for value in row])]
                rows += [bytes(value).hex() for value in row if isinstance(value, bytes | memoryview)]
    dump = "\n".join(rows)
    assert checkout["id"] in dump, "the dump holds the checkout"
    for where in (dump, "\n".join(told), caplog.text):
        for hidden in (secret, kept, secret.encode().hex(), kept.encode().hex()):
            assert hidden not in where
    assert all(event["data"].get("url") is None for event in merchant.get("/v1/events").json["data"])
