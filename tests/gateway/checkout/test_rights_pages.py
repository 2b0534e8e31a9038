"""A declined shopper reads why and asks for a person, once; consents are seen, taken back, and never changed."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gateway.checkout import consents
from gateway.cli import main
from gateway.config import WrongSetting
from gateway.identity.invented import invented_id_number
from gateway.process.server import check_guards
from tests.gateway.shopper import go_on_by_code
from tests.one_database import database_url  # noqa: F401

APPROVED, DECLINED = "13800000001", "13800000002"
ID_NUMBER = invented_id_number("declined")


@pytest.fixture
def pages(app):
    """A browser without JavaScript."""
    return app.test_client()


@pytest.fixture
def gateway(app):
    return app.extensions["fenqi"]


def concluded(pages, api, phone: str = DECLINED) -> str:
    """The path of a checkout that was played to its end."""
    checkout = api.checkout()
    body = {"term": 12, "phone": phone, "id_number": ID_NUMBER}
    assert api.post(f"/v1/test_helpers/checkouts/{checkout['id']}/complete", body).status_code == 200
    go_on_by_code(pages, checkout["id"], phone)
    return f"/checkout/{checkout['id']}"


def one(gateway, query: str):
    with gateway.db.read() as tx:
        return tx.execute(text(query)).one()


def test_a_decline_names_its_reasons_and_offers_a_person(pages, api):
    path = concluded(pages, api)
    page = pages.get(f"{path}/result").text
    assert "主要原因" in page
    assert "沙盒号码：模拟信用评估未通过" in page
    assert f'action="{path}/human-review"' in page
    english = pages.get(f"{path}/result?lang=en").text
    assert "Main reasons" in english
    assert "Request a review by a person" in english


def test_a_person_is_asked_once_and_the_page_says_so(pages, api, gateway):
    path = concluded(pages, api)
    for _ in range(2):
        answer = pages.post(f"{path}/human-review?lang=en")
        assert (answer.status_code, answer.location) == (303, f"{path}/result?lang=en")
    page = pages.get(f"{path}/result?lang=en").text
    assert 'data-review="requested"' in page
    assert "Request a review" not in page
    assert one(gateway, "SELECT count(*) FROM human_review") == (1,)


def test_the_merchant_sees_the_status_only(pages, api):
    path = concluded(pages, api)
    pages.post(f"{path}/human-review")
    found = api.get(f"/v1/checkouts/{path.rpartition('/')[2]}").json
    assert (found["status"], found["decline"]) == ("declined", {"code": "declined"})
    assert found["review_due_at"] is None
    for answer in (json.dumps(found), api.get("/v1/events").text):
        assert "review" not in answer.replace("review_due_at", "")


@pytest.mark.parametrize("phone", [APPROVED, "13800000003"])
def test_only_a_decline_is_looked_at(pages, api, phone):
    answer = pages.post(f"{concluded(pages, api, phone)}/human-review")
    assert (answer.status_code, answer.json["code"]) == (409, "wrong_state")


@pytest.mark.parametrize("step", ["human-review", "consents/withdraw"])
def test_a_form_of_another_site_is_refused(pages, api, step):
    answer = pages.post(f"{concluded(pages, api)}/{step}", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403


def test_consents_are_shown_and_withdrawn_one_by_one(pages, api, gateway):
    path = concluded(pages, api, APPROVED)
    page = pages.get(f"{path}/consents?lang=en")
    assert page.text.count("Withdraw</button>") == 3
    answer = pages.post(f"{path}/consents/withdraw?lang=en", data={"kind": "bureau_query"})
    assert (answer.status_code, answer.location) == (303, f"{path}/consents?lang=en")
    pages.post(f"{path}/consents/withdraw", data={"kind": "bureau_query"})
    page = pages.get(f"{path}/consents?lang=en").text
    assert page.count("Withdraw</button>") == 2
    assert "Withdrawn on 23 Nov 2026" in page
    (shopper,) = one(gateway, "SELECT id FROM shopper")
    assert one(gateway, "SELECT count(*) FROM consent_withdrawal") == (1,)
    with gateway.db.read() as tx:
        assert not consents.stands(tx, shopper, "bureau_query")
        assert consents.stands(tx, shopper, "funder_sharing")


@pytest.mark.parametrize("kind", ["marketing", "disclosure", "nonsense", ""])
def test_what_was_not_consented_to_cannot_be_withdrawn(pages, api, gateway, kind):
    path = concluded(pages, api, APPROVED)
    assert pages.post(f"{path}/consents/withdraw", data={"kind": kind}).status_code == 404
    assert one(gateway, "SELECT count(*) FROM consent_withdrawal") == (0,)


def test_staff_withdraws_for_a_shopper_who_asks(pages, api, gateway, capsys, monkeypatch, database_url):  # noqa: F811
    monkeypatch.setenv("DATABASE_URL", database_url)
    concluded(pages, api, APPROVED)
    concluded(pages, api, APPROVED)
    (shopper,) = one(gateway, "SELECT id FROM shopper")
    command = ["privacy", "withdraw", "--shopper", shopper, "--data", str(gateway.settings.data_dir)]
    assert main([*command, "--kind", "funder_sharing"]) == 0
    assert json.loads(capsys.readouterr().out)["withdrawn"] == 2
    assert main([*command, "--kind", "marketing"]) == 1
    assert one(gateway, "SELECT min(channel), count(*) FROM consent_withdrawal") == ("staff", 2)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE consent SET version = 'x'",
        "DELETE FROM consent WHERE kind = 'marketing'",
        "UPDATE consent_withdrawal SET channel = 'x'",
        "DELETE FROM consent_withdrawal",
    ],
)
def test_the_log_of_consents_is_only_ever_added_to(pages, api, gateway, change):
    checkout = api.checkout()
    api.post(f"/v1/test_helpers/checkouts/{checkout['id']}/complete", {"term": 12, "phone": APPROVED})
    go_on_by_code(pages, checkout["id"], APPROVED)
    pages.post(f"/checkout/{checkout['id']}/consents/withdraw", data={"kind": "credit_service"})
    wanted = change.replace("kind = 'marketing'", "kind = 'bureau_query'")
    with pytest.raises(DBAPIError, match="the log is only ever added to"):
        gateway.db.write(lambda tx: tx.execute(text(wanted)) and None)


def test_a_server_does_not_start_without_the_guards_of_the_log(app, gateway):
    drop = "DROP TRIGGER consent_withdrawal_no_delete"
    if gateway.db.engine.dialect.name == "postgresql":
        drop = "DROP TRIGGER consent_withdrawal_no_change ON consent_withdrawal"
    check_guards(app)
    gateway.db.write(lambda tx: tx.execute(text(drop)) and None)
    with pytest.raises(WrongSetting, match="consent_withdrawal_no_"):
        check_guards(app)


def test_the_pages_are_complete_in_english(pages, api):
    path = concluded(pages, api)
    for step in ("result", "consents"):
        page = pages.get(f"{path}/{step}?lang=en", headers={"Accept": "text/html"}).text
        assert not [char for char in page.replace("中文", "") if "一" <= char <= "鿿"]
