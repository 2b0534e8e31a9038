"""Consents, the copy of one's data and its deletion: the last two after a second proof only."""

from __future__ import annotations

import json

from tests.gateway.my.visitors import ID_NUMBER, NAME, bought, log_in
from tests.one_database import database_url  # noqa: F401


def prove(pages, id_number: str = ID_NUMBER, code: str = "000000"):
    assert pages.post("/my/test/again/code", data={"next": "data"}).status_code == 303
    return pages.post("/my/test/again", data={"code": code, "id_number": id_number, "next": "data"})


def test_a_consent_is_taken_back_once(app, api, books):
    bought(api)
    pages = log_in(app.test_client())
    assert 'data-kind="credit_service"' in pages.get("/my/test/data").text
    for _ in range(2):
        assert pages.post("/my/test/data/withdraw", data={"kind": "credit_service"}).status_code == 303
    assert books.figure("SELECT COUNT(*) FROM consent_withdrawal") == 1
    assert "已于" in pages.get("/my/test/data").text
    assert pages.post("/my/test/data/withdraw", data={"kind": "disclosure"}).status_code == 404


def test_everything_is_copied_after_a_second_proof(app, api, clock):
    bought(api)
    pages = log_in(app.test_client())
    assert pages.get("/my/test/data/export").location == "/my/test/again?next=data"
    assert prove(pages, id_number="110105199003071239").status_code == 422
    assert prove(pages, code="111111").status_code == 422
    assert pages.get("/my/test/data/export").status_code == 303
    assert prove(pages).location == "/my/test/data?done=proved"
    copy = json.loads(pages.get("/my/test/data/export").text)
    assert copy["data"]["shopper"]["rows"][0]["name"] == NAME
    assert copy["data"]["shopper_session"]["rows"][0]["device"]
    assert "secret_lookup" in copy["data"]["shopper_session"]["left_out"]
    clock.advance(minutes=6)
    assert pages.get("/my/test/data/export").status_code == 303, "the proof is for five minutes"


def test_deletion_waits_for_the_loan_and_says_so(app, api, books):
    bought(api)
    pages = log_in(app.test_client())
    assert pages.post("/my/test/data/erasure", data={"sure": "yes"}).location == "/my/test/again?next=data"
    prove(pages)
    assert pages.post("/my/test/data/erasure").status_code == 422
    assert pages.post("/my/test/data/erasure", data={"sure": "yes"}).location == "/my/test/data"
    page = pages.get("/my/test/data?lang=en").text
    assert "data-frozen" in page
    assert "A loan is running" in page
    assert books.figure("SELECT status FROM erasure_request") == "frozen"


def test_who_never_borrowed_is_deleted_at_once_and_logged_out(app, api, books):
    checkout = api.checkout()
    body = {"term": 12, "phone": "13800000002", "name": NAME, "id_number": ID_NUMBER}
    api.post(f"/v1/test_helpers/checkouts/{checkout['id']}/complete", body)
    pages = log_in(app.test_client(), phone="13800000002")
    prove(pages)
    answer = pages.post("/my/test/data/erasure", data={"sure": "yes"})
    assert answer.location == "/my/test/login?erased=1"
    assert "已删除" in pages.get(answer.location).text
    assert pages.get("/my/test").location == "/my/test/login"
    assert books.figure("SELECT COUNT(*) FROM shopper_session") == 0
