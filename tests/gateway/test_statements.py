"""What a purchase costs in SQL: each step sends at most so many statements, on either database."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from flask import Flask
from sqlalchemy import event

from gateway.identity.invented import invented_id_number
from tests.gateway.shopper import enter

MOST = {
    "create": 5,
    "enter": 7,
    "code": 7,
    "identity": 11,
    "review": 5,
    "confirm": 28,
    "result": 9,
    "retrieve": 3,
    "capture": 18,
    "preview": 16,
    "refund": 30,
    "list of one": 3,
    "list": 3,
}
"""By step. The confirmation is all of the shopper's click: two transactions, and what was read between them."""
ON_POSTGRESQL = {"create": 6, "confirm": 27, "capture": 16, "refund": 29}
"""Where the books take an entry in one call."""
CONSENTS = dict.fromkeys(("credit_service", "bureau_query", "funder_sharing"), "yes")


def test_each_step_of_a_purchase_sends_few_statements(app: Flask, api: Any, clock: Any) -> None:
    sent: Counter[str] = Counter()
    step = ""
    gateway = app.extensions["fenqi"]

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent[step] += not statement.startswith("BEGIN")

    def does(name: str, act: Callable[[], Any]) -> Any:
        nonlocal step
        step = name
        sent[name] = 0
        answer = act()
        step = "between"
        return answer

    engines = {gateway.db.engine, gateway.ports.links._db.engine}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", count)
    for number in range(2):  # the first purchase opens accounts in the books
        pages = app.test_client()
        checkout = does("create", api.checkout)
        path = f"/checkout/{checkout['id']}"
        typed = {
            "term": "12",
            "name": "张伟",
            "id_number": invented_id_number(str(number)),
            "phone": f"1391234567{number}",
        }
        does("enter", lambda pages=pages, checkout=checkout: enter(pages, checkout))
        does("code", lambda pages=pages, path=path, typed=typed: pages.post(f"{path}/code", data=typed))
        typed["code"] = "000000"
        does(
            "identity", lambda pages=pages, path=path, typed=typed: pages.post(f"{path}/identity", data=typed)
        )
        page = does("review", lambda pages=pages, path=path: pages.get(f"{path}/review"))
        clock.advance(seconds=4)
        quote = re.search(r'name="quote_hash" value="([^"]+)"', page.text)
        form = {"quote_hash": quote[1], **CONSENTS}
        does("confirm", lambda pages=pages, path=path, form=form: pages.post(f"{path}/confirm", data=form))
        does("result", lambda pages=pages, path=path: pages.get(f"{path}/result"))
        payment = api.get(f"/v1/checkouts/{checkout['id']}").json["payment"]
        does("retrieve", lambda payment=payment: api.get(f"/v1/payments/{payment}"))
        captured = does("capture", lambda payment=payment: api.post(f"/v1/payments/{payment}/capture"))
        assert captured.json["status"] == "captured"
        asked = {"payment": payment, "amount": 10_000, "reason": "scratch"}
        does("preview", lambda asked=asked: api.post("/v1/refunds/preview", asked))
        refund = does("refund", lambda asked=asked: api.post("/v1/refunds", asked))
        assert refund.json["status"] == "succeeded"
    for name, limit in (("list of one", 1), ("list", 2)):
        listing = does(name, lambda limit=limit: api.get(f"/v1/payments?limit={limit}"))
        assert len(listing.json["data"]) == limit
    most = MOST if gateway.db.engine.name == "sqlite" else MOST | ON_POSTGRESQL
    above = {name: (sent[name], most[name]) for name in most if sent[name] > most[name]}
    assert not above, f"more statements than allowed, by step: {above}"
    below = {name: (sent[name], most[name]) for name in most if sent[name] < most[name]}
    assert not below, f"fewer statements than allowed, so allow fewer: {below}"
