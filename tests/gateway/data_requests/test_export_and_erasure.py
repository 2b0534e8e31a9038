"""A person sees all that is stored, is erased where nothing forbids it, and waits, told until when, where it does."""

from __future__ import annotations

import json
from datetime import date

import pytest
from sqlalchemy import text
from sqlmodel import select

from gateway.audit.models import AuditEntry
from gateway.cli import main
from gateway.data_requests import erasure, export
from gateway.data_requests.retention_holds import obstacles, years_after
from gateway.errors import NotFound
from gateway.identity.invented import invented_id_number
from gateway.privacy.vault import VaultError
from gateway.process.daily import sweep
from tests.one_database import database_url, on_both  # noqa: F401

ID_NUMBER = invented_id_number("somebody")
APPROVED, DECLINED, REVIEWED = "13800000001", "13800000002", "13800000003"


@pytest.fixture
def gateway(app):
    return app.extensions["fenqi"]


def apply(api, phone: str, **changes) -> dict:
    checkout = api.checkout(**changes)
    body = {"term": 3, "phone": phone, "id_number": ID_NUMBER, "name": "王小明"}
    answer = api.post(f"/v1/test_helpers/checkouts/{checkout['id']}/complete", body)
    assert answer.status_code == 200, answer.text
    return answer.json


def only_shopper(gateway) -> str:
    with gateway.db.read() as tx:
        return tx.execute(text("SELECT id FROM shopper WHERE erased_at IS NULL")).scalar_one()


def ask(gateway, shopper: str) -> dict:
    return gateway.db.write(lambda tx: erasure.ask(tx, gateway.settings, shopper))


def exported(gateway, shopper: str) -> dict:
    with gateway.db.read() as tx:
        return json.loads(json.dumps(export.export(tx, gateway.vault, shopper)))


def request_of(gateway, shopper: str):
    with gateway.db.read() as tx:
        return tx.execute(
            text("SELECT status, reason FROM erasure_request WHERE shopper_id = :s ORDER BY id DESC"),
            {"s": shopper},
        ).first()


def test_an_export_holds_everything_about_the_person_and_nobody_else(gateway, api):
    done = apply(api, APPROVED)
    api.post(f"/v1/payments/{done['payment']}/capture")
    api.post(
        f"/v1/test_helpers/checkouts/{api.checkout()['id']}/complete",
        {"term": 3, "phone": APPROVED, "name": "另一人"},
    )
    with gateway.db.read() as tx:
        shopper = tx.execute(
            text("SELECT shopper_id FROM payment WHERE id = :p"), {"p": done["payment"]}
        ).scalar()
    found = exported(gateway, shopper)
    person = found["data"]["shopper"]["rows"][0]
    assert (person["name"], person["id_number"], person["phone"]) == ("王小明", ID_NUMBER, "+8613800000001")
    counts = {table: len(entry["rows"]) for table, entry in found["data"].items()}
    assert counts["consent"] == 4
    assert counts["loan_instalment"] == 3
    assert counts["checkout"] == counts["payment"] == counts["contract"] == counts["loan"] == 1
    assert counts["credit_decision"] == counts["credit_limit"] == 1
    assert all(entry["purpose"] for entry in found["data"].values())
    assert "另一人" not in json.dumps(found, ensure_ascii=False)
    assert "signals" in found["data"]["credit_decision"]["left_out"]
    assert "signals" not in found["data"]["credit_decision"]["rows"][0]


@on_both
def test_who_was_declined_is_erased_at_once(gateway, api):
    apply(api, DECLINED)
    shopper = only_shopper(gateway)
    assert ask(gateway, shopper)["status"] == "erased"
    with gateway.db.read() as tx:
        row = tx.execute(text("SELECT * FROM shopper")).mappings().one()
        assert tx.execute(text("SELECT count(*) FROM subject_key")).scalar_one() == 0
    assert {bytes(row[f"{name}_sealed"]) for name in ("name", "id_number", "phone")} == {b""}
    assert row["id_number_lookup"] == row["phone_lookup"] == f"erased:{shopper}"
    assert request_of(gateway, shopper).status == "erased"
    with pytest.raises(NotFound):
        exported(gateway, shopper)
    with pytest.raises(NotFound):
        ask(gateway, shopper)


def test_a_copy_of_the_sealed_values_is_worthless_after_the_erasure(gateway, api):
    from gateway.privacy import subjects  # noqa: PLC0415

    apply(api, DECLINED)
    shopper = only_shopper(gateway)
    with gateway.db.read() as tx:
        backup = bytes(tx.execute(text("SELECT name_sealed FROM shopper")).scalar_one())
    ask(gateway, shopper)
    with gateway.db.read() as tx, pytest.raises(VaultError):
        subjects.known(tx, gateway.vault, shopper).open(
            backup, table="shopper", row=shopper, column="name_sealed"
        )


def test_an_erased_person_who_applies_again_is_somebody_new(gateway, api):
    apply(api, DECLINED)
    first = only_shopper(gateway)
    ask(gateway, first)
    apply(api, DECLINED)
    assert only_shopper(gateway) != first


@pytest.mark.parametrize(("phone", "reason"), [(REVIEWED, "open_application"), (APPROVED, "open_payment")])
def test_what_is_still_open_freezes_the_wish(gateway, api, phone, reason):
    apply(api, phone)
    answer = ask(gateway, only_shopper(gateway))
    assert (answer["status"], answer["reason"]) == ("frozen", reason)
    assert date.fromisoformat(answer["until"]) >= date(2026, 11, 23)


def test_a_live_loan_freezes_the_wish_until_the_law_lets_go(gateway, api, clock):
    done = apply(api, APPROVED)
    payment = api.post(f"/v1/payments/{done['payment']}/capture").json
    shopper = only_shopper(gateway)
    answer = ask(gateway, shopper)
    assert (answer["status"], answer["reason"], answer["until"]) == ("frozen", "live_loan", "2037-02-23")
    assert ask(gateway, shopper)["request"] == answer["request"]
    assert exported(gateway, shopper)["data"]["shopper"]["rows"][0]["name"] == "王小明"
    # Taken back whole inside seven days: the loan ends, the records of it are kept.
    refund = api.post("/v1/refunds", {"payment": payment["id"], "reason": "returned"})
    assert refund.status_code in (200, 201), refund.text
    with gateway.db.read() as tx:
        (found,) = obstacles(tx, shopper, retention_years=10)
    assert (found.reason, found.until) == ("retention_law", date(2036, 11, 23))
    clock.now = clock.now.replace(year=2036, day=22)
    sweep(gateway)
    assert request_of(gateway, shopper) == ("frozen", "retention_law")
    clock.advance(days=2)
    sweep(gateway)
    assert request_of(gateway, shopper).status == "erased"
    with gateway.db.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM subject_key")).scalar_one() == 0


def test_a_dispute_freezes_the_wish(gateway, api):
    done = apply(api, APPROVED)
    api.post(f"/v1/payments/{done['payment']}/capture")
    answer = api.post("/v1/test_helpers/disputes", {"payment": done["payment"]})
    assert answer.status_code in (200, 201), answer.text
    reasons = {row["reason"] for row in ask(gateway, only_shopper(gateway))["obstacles"]}
    assert reasons == {"live_loan", "open_dispute"}


def test_applying_again_ends_a_frozen_wish(gateway, api):
    apply(api, APPROVED)
    shopper = only_shopper(gateway)
    ask(gateway, shopper)
    apply(api, DECLINED)
    assert request_of(gateway, shopper).status == "withdrawn"
    assert only_shopper(gateway) == shopper


@on_both
def test_applicants_without_a_loan_are_forgotten_after_their_days(gateway, api, clock):
    apply(api, DECLINED)
    clock.advance(days=364)
    sweep(gateway)
    only_shopper(gateway)
    clock.advance(days=1)
    sweep(gateway)
    with gateway.db.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM shopper WHERE erased_at IS NULL")).scalar_one() == 0
        assert tx.execute(text("SELECT count(*) FROM one_time_code")).scalar_one() == 0
        assert tx.execute(text("SELECT count(*) FROM idempotent_answer")).scalar_one() == 0


def test_years_after_a_leap_day():
    assert years_after(date(2028, 2, 29), 10) == date(2038, 3, 1)


def test_the_commands_find_export_and_erase(
    gateway,
    api,
    capsys,
    monkeypatch,
    tmp_path,
    database_url,  # noqa: F811
):
    apply(api, DECLINED)
    shopper = only_shopper(gateway)
    monkeypatch.setenv("DATABASE_URL", database_url)
    data = str(gateway.settings.data_dir)
    monkeypatch.setattr("sys.stdin", __import__("io").StringIO(ID_NUMBER + "\n"))
    assert main(["privacy", "find", "--mode", "test", "--json", "--data", data]) == 0
    assert json.loads(capsys.readouterr().out) == {"shopper": shopper}
    out = tmp_path / "person.json"
    assert main(["privacy", "export", "--shopper", shopper, "--out", str(out), "--data", data]) == 0
    assert json.loads(out.read_text("utf-8"))["data"]["shopper"]["rows"][0]["name"] == "王小明"
    assert out.stat().st_mode & 0o777 == 0o600
    assert main(["privacy", "rotate-keys", "--data", data]) == 0
    assert json.loads(capsys.readouterr().out)["data_keys"] == 1
    assert main(["privacy", "erase", "--shopper", shopper, "--data", data]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "erased"
    assert main(["privacy", "erase", "--shopper", shopper, "--data", data]) == 1
    assert "was erased at" in capsys.readouterr().err
    with gateway.db.read() as tx:
        actions = list(tx.exec(select(AuditEntry.action).order_by(AuditEntry.number)))
    assert actions[-4:] == ["privacy.find", "privacy.export", "privacy.rotate_keys", "privacy.erase"]
