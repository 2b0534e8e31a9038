"""The certificate of settlement: refused with the reason until nothing is owed and nothing is to come."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.core.tenant import Tenant
from gateway.documents import settled
from gateway.errors import NotFound, WrongState
from tests.gateway.contracts.test_contracts import confirm, ready, shopper_of
from tests.gateway.shopper import go_on_by_code
from tests.one_database import database_url, on_both  # noqa: F401

PHONE = "13800000001"


def made(app: Any, merchant: str, loan: str, language: str = "zh-CN") -> str:
    """What the certificate of a loan says."""
    gateway, tenant = app.extensions["fenqi"], Tenant(merchant, "test")
    with gateway.db.read() as tx:
        gateway.at_time_of(tx, tenant)
        found = settled.settled(tx, gateway.vault, tenant, loan, language=language)
    return json.dumps(found.values, ensure_ascii=False)


@on_both
def test_a_certificate_is_given_once_all_is_paid_and_not_before(app, api, new_merchant, clock) -> None:
    checkout = ready(app, api, clock)
    confirm(app, checkout)
    pages, path = shopper_of(app, checkout), f"/checkout/{checkout['id']}"
    payment = api.get(f"/v1/checkouts/{checkout['id']}").json["payment"]
    loan = api.post(f"/v1/payments/{payment}/capture").json["captures"][0]["loan"]
    address = f"{path}/settled/{loan}.pdf"
    refused = pages.get(address)
    assert refused.status_code == 409
    assert "payments are still to come" in refused.text
    assert "data-settled" not in pages.get(f"{path}/result").text
    clock.advance(days=20)
    api.login()
    paid = api.post(f"/v1/test_helpers/loans/{loan}/repay", {"early_settlement": True})
    assert paid.json["status"] == "settled"
    assert pages.get(address).status_code == 403  # the pass of a day is over
    go_on_by_code(pages, checkout["id"], PHONE)
    answer = pages.get(f"{address}?lang=en")
    assert (answer.status_code, answer.data[:5]) == (200, b"%PDF-")
    assert address in pages.get(f"{path}/result").text
    merchant = api.credentials["merchant"]
    said, english = made(app, merchant, loan), made(app, merchant, loan, "en")
    total = 599_900 + paid.json["total_interest"]
    for expected in (
        "王小明",
        "示范银行（模拟）",
        "¥5,999.00",
        f"{total / 100:,.2f}",
        "2026年12月13日",
        "JQ-",
    ):
        assert expected in said
    assert "was settled in full on 13 Dec 2026" in english
    other = new_merchant()
    with pytest.raises(NotFound):
        made(app, other.credentials["merchant"], loan)
    foreign = ready(app, api, clock, phone="13800000002")
    confirm(app, foreign)
    assert shopper_of(app, foreign).get(f"/checkout/{foreign['id']}/settled/{loan}.pdf").status_code == 404


def test_a_loan_that_never_was_has_none_and_one_that_was_returned_has(app, api, clock) -> None:
    merchant, loans = api.credentials["merchant"], []
    for kind, days in (("unwind", 0), ("return", 8)):
        payment = api.captured()
        clock.advance(days=days)
        api.login()
        body = {"payment": payment["id"], "reason": "back", "kind": kind}
        assert api.post("/v1/refunds", body).status_code == 201
        loans.append(payment["captures"][0]["loan"])
    with pytest.raises(WrongState, match="never existed"):
        made(app, merchant, loans[0])
    assert "退货冲减的本金" in made(app, merchant, loans[1])
