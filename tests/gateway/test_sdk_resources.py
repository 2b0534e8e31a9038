"""Resources of the SDK that its fake gateway does not play, on the real gateway in process."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

import fenqi
from fenqi.wsgi import wsgi_session
from gateway.merchants import service as merchants
from gateway.oauth import service
from gateway.process.worker import drain
from tests.gateway.plans.agreeing import Desk, card, price
from tests.one_database import database_url  # noqa: F401

Connect = Callable[[dict[str, Any]], fenqi.Fenqi]


@pytest.fixture
def connect(app: Flask) -> Connect:
    def connected(credentials: dict[str, Any]) -> fenqi.Fenqi:
        return fenqi.Fenqi(
            credentials["client_id"],
            credentials["client_secret"],
            base_url="http://gateway.test",
            session=wsgi_session(app, "http://gateway.test"),
            max_retries=0,
        )

    return connected


@pytest.fixture
def client(connect: Connect, api: Any) -> fenqi.Fenqi:
    return connect(api.credentials)


def test_a_partner_asks_for_scores(app: Flask, api: Any, connect: Connect, client: fenqi.Fenqi) -> None:
    gateway, merchant = app.extensions["fenqi"], api.credentials["merchant"]
    gateway.db.write(lambda tx: merchants.agree_scopes(tx, merchant, give=["scores:write"]) and None)
    client_id, secret = gateway.db.write(
        lambda tx: service.create_client(
            tx, gateway.vault, merchant_id=merchant, mode="test", scopes=("scores:write",)
        )
    )
    partner = connect({"client_id": client_id, "client_secret": secret})
    case = {"amount": 599_900, "term": 12, "category": "3c", "bureau_lenders": 2}
    with pytest.raises(fenqi.InvalidRequestError) as refused:
        partner.scores.create(reference="case-1", application=case)
    assert (refused.value.code, refused.value.param) == ("consent_missing", "application.bureau_lenders")
    consent = {"source": "bureau", "reference": "C-17", "given_at": "2026-11-22T10:00:00Z"}
    score = partner.scores.create(
        reference="case-1", application=case, consents=[consent], idempotency_key="case-1"
    )
    assert isinstance(score, fenqi.Score)
    assert (score.reference, 0 <= score.fraud_score <= 100, 300 <= score.credit_score <= 850) == (
        "case-1",
        True,
        True,
    )
    assert {"code", "score", "text_zh", "text_en", "person_may_see"} == set(score.reasons[0].to_dict())
    short = partner.scores.create(
        reference="case-2", application=case, consents=[consent], model=score.model.name, explain=False
    )
    assert (short.reasons, short.quota.remaining) == ([], score.quota.remaining - 1)
    with pytest.raises(fenqi.ConflictError, match="model"):
        partner.scores.create(reference="case-3", application=case, consents=[consent], model="other-1")
    with pytest.raises(fenqi.PermissionDeniedError):
        client.scores.create(reference="case-4", application=case)


def test_a_merchant_answers_a_dispute(api: Any, client: fenqi.Fenqi) -> None:
    payment = api.captured(3)
    made = api.post("/v1/test_helpers/disputes", {"payment": payment["id"]}).json
    (dispute,) = client.disputes.list(payment=payment["id"])
    assert isinstance(dispute, fenqi.Dispute)
    assert (dispute.id, dispute.status, dispute.amount) == (made["id"], "needs_response", payment["amount"])
    answered = client.disputes.respond(dispute.id, evidence="Delivered on 24 November, signed.")
    assert (answered.status, answered.evidence) == ("under_review", "Delivered on 24 November, signed.")
    api.post(f"/v1/test_helpers/disputes/{dispute.id}/resolve", {"outcome": "won"})
    assert client.disputes.retrieve(dispute.id).status == "won"
    with pytest.raises(fenqi.ConflictError):
        client.disputes.accept(dispute.id)


def test_a_merchant_accepts_a_dispute(api: Any, client: fenqi.Fenqi) -> None:
    made = api.post("/v1/test_helpers/disputes", {"payment": api.captured(3)["id"]}).json
    assert client.disputes.accept(made["id"]).status == "accepted"
    assert client.disputes.list().data[0].decided_at is not None


def test_a_clock_moves_and_is_waited_for(
    app: Flask, api: Any, client: fenqi.Fenqi, monkeypatch: pytest.MonkeyPatch
) -> None:
    loan = api.captured(3)["captures"][0]["loan"]
    clock = client.test_clocks.create(name="a season")
    assert isinstance(clock, fenqi.TestClock)
    assert client.test_clocks.advance(clock.id, days=31).status == "advancing"
    monkeypatch.setattr(client._transport, "sleep", lambda seconds: None)
    with pytest.raises(fenqi.APITimeoutError, match=f"test clock {clock.id} is still advancing after 1 s"):
        client.test_clocks.wait(clock.id, timeout=1)

    def worked(seconds: float) -> None:
        while drain(app.extensions["fenqi"]):
            pass

    monkeypatch.setattr(client._transport, "sleep", worked)
    assert client.test_clocks.wait(clock.id).now == "2026-12-24T04:00:00.000Z"
    assert [bill.status for bill in client.loans.retrieve(loan).bills] == ["paid"]
    client.test_clocks.advance(clock.id, to=datetime(2027, 3, 1, tzinfo=UTC))
    assert client.test_clocks.wait(clock.id).now == "2027-03-01T00:00:00.000Z"
    with pytest.raises(TypeError, match="time zone"):
        client.test_clocks.advance(clock.id, to=datetime(2027, 4, 1))
    with pytest.raises(fenqi.ConflictError):
        client.test_clocks.create()


def test_a_merchant_reconciles_a_file_of_its_shop(
    app: Flask, api: Any, client: fenqi.Fenqi, tmp_path: Path
) -> None:
    payment = api.captured(3)
    file = tmp_path / "orders.csv"
    file.write_bytes(
        f"订单号,金额,日期\n{payment['merchant_reference']},5999.00,20261123\nA,1.00,20261123\n".encode()
    )
    made = client.reconciliations.create(file, kind="shop_orders", tolerance=1, idempotency_key="upload-1")
    assert (
        client.reconciliations.create(file, kind="shop_orders", tolerance=1, idempotency_key="upload-1").id
        == made.id
    )
    assert (made.status, made.file.name, made.tolerance) == ("mapping", "orders.csv", 1)
    with pytest.raises(fenqi.ConflictError, match="uploaded before"):
        client.reconciliations.create(file.read_bytes(), name="again.csv", kind="shop_orders")
    client.reconciliations.confirm(made.id, columns=made.columns.to_dict())
    drain(app.extensions["fenqi"])
    told: list[int] = []
    done = client.reconciliations.wait(made.id, progress=told.append)
    assert (done.status, done.counts.matched, done.counts.missing_here, told) == ("completed", 1, 1, [100])
    (item,) = client.reconciliations.items(made.id, status="missing_here", resolved=False)
    assert isinstance(item, fenqi.ReconciliationItem)
    assert (
        client.reconciliations.resolve(made.id, items=[item.id], note="线下").items[0].resolved.note == "线下"
    )
    assert [one.id for one in client.reconciliations.list(status="completed")] == [made.id]
    out = client.reconciliations.download_csv(made.id, tmp_path / "out.csv")
    assert "missing_here" in out.read_text("utf-8-sig").splitlines()[2]


def test_a_merchant_reads_its_rate_cards(app: Flask, api: Any, client: fenqi.Fenqi) -> None:
    desk = Desk(app, api.credentials["merchant"])
    first, later = desk.agreed(card(price(annual_rate="0.12"))), desk.agreed(card(), first=3)
    listed = list(client.rate_cards.list())
    assert isinstance(listed[0], fenqi.RateCard)
    assert [(one.id, one.in_force) for one in listed] == [(later, False), (first, True)]
    assert client.rate_cards.retrieve(first).prices[0].annual_rate == "0.12"
    with pytest.raises(fenqi.NotFoundError):
        client.rate_cards.retrieve("rcd_none")


def test_a_merchant_exports_its_payments_and_names_its_accounts(
    app: Flask, api: Any, client: fenqi.Fenqi, tmp_path: Path
) -> None:
    found = api.captured()
    made = client.exports.create(
        kind="payments",
        format="csv",
        from_="2026-11-01",
        to="2026-12-01",
        filter={"merchant_reference": found["merchant_reference"]},
    )
    assert (made.status, made.to_dict()["from"], made.to) == ("running", "2026-11-01", "2026-12-01")
    with pytest.raises(fenqi.ConflictError, match="running"):
        client.exports.download(made.id, tmp_path / "early.csv")
    drain(app.extensions["fenqi"])
    told: list[int] = []
    done = client.exports.wait(made.id, progress=told.append)
    assert (done.status, told, done.file.bytes > 0) == ("completed", [1], True)
    path = client.exports.download(done.id, tmp_path / done.file.name)
    assert found["id"].encode() in path.read_bytes()
    assert [one.id for one in client.exports.list(kind="payments", status="completed")] == [made.id]
    assert client.exports.delete(made.id).status == "expired"
    changed = client.exports.update_accounts({"bank": {"code": "100201", "name": "银行存款-工行"}})
    assert client.exports.accounts().accounts.bank.code == changed.accounts.bank.code == "100201"
    with pytest.raises(fenqi.ConflictError) as refused:
        client.certificates.retrieve("2026-11")
    assert refused.value.code == "month_open"
