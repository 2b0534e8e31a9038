"""A person decides: with a promised time, in both modes, for a reason; and a wrong decline ends in a new offer."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from gateway.checkout.reviewing import OFFER_LIFE
from gateway.cli import main
from gateway.config import WrongSetting, from_environment
from gateway.decision.funder import Ruling
from gateway.identity.invented import invented_id_number
from gateway.process.worker import drain_outbox
from tests.gateway.shopper import enter, go_on_by_code
from tests.one_database import database_url  # noqa: F401

REVIEWED, DECLINED, APPROVED = "13800000003", "13800000002", "13800000001"
ID_NUMBER = invented_id_number("reviewed")
CONSENTS = {"credit_service": "yes", "bureau_query": "yes", "funder_sharing": "yes"}


@pytest.fixture
def gateway(app: Any) -> Any:
    return app.extensions["fenqi"]


@pytest.fixture
def pages(app: Any) -> Any:
    return app.test_client()


@pytest.fixture
def review(gateway: Any, monkeypatch: Any, capsys: Any) -> Any:
    """Run ``fenqi-gateway review …`` on the app's database at the app's time; exit code, output, and errors."""
    monkeypatch.setattr("gateway.app.gateway_of", lambda settings: gateway)
    monkeypatch.setattr("gateway.app.database_of", lambda settings, **parts: gateway.db)
    monkeypatch.setenv("DATABASE_URL", gateway.settings.database_url)

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["review", *words, "--data", str(gateway.settings.data_dir)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def by(reason: str = "salary seen") -> tuple[str, ...]:
    return "--by", "li.lei", "--reason", reason


def played(api: Any, phone: str, **order: Any) -> str:
    checkout = api.checkout(**order)
    body = {"term": 12, "phone": phone, "name": "王小明", "id_number": ID_NUMBER}
    done = api.post(f"/v1/test_helpers/checkouts/{checkout['id']}/complete", body)
    assert done.status_code == 200, done.text
    return str(checkout["id"])


def concluded(pages: Any, clock: Any, checkout: dict[str, Any], phone: str) -> None:
    """The shopper's pages, to the end."""
    path = f"/checkout/{checkout['id']}"
    if checkout["url"]:
        enter(pages, checkout)
    typed = {"term": "12", "name": "王小明", "id_number": ID_NUMBER, "phone": phone, "code": "000000"}
    pages.post(f"{path}/code", data=typed)
    assert pages.post(f"{path}/identity", data=typed).location == f"{path}/review"
    pages.get(f"{path}/review")
    clock.advance(seconds=5)
    plan = next(plan for plan in checkout["plans"] if plan["term"] == 12)
    pages.post(f"{path}/confirm", data={"quote_hash": plan["quote_hash"], **CONSENTS})


def appealed(pages: Any, api: Any, gateway: Any) -> tuple[str, str]:
    """A declined checkout whose shopper asked for a person, and the request."""
    checkout = played(api, DECLINED)
    go_on_by_code(pages, checkout, DECLINED)
    pages.post(f"/checkout/{checkout}/human-review")
    with gateway.db.read() as tx:
        return checkout, tx.execute(text("SELECT id FROM human_review")).scalar_one()


def test_the_promised_time_stands_on_the_page_and_in_the_answer(pages: Any, api: Any) -> None:
    checkout = played(api, REVIEWED)
    assert api.get(f"/v1/checkouts/{checkout}").json["review_due_at"] == "2026-11-24T04:00:00.000Z"
    go_on_by_code(pages, checkout, REVIEWED)
    page = pages.get(f"/checkout/{checkout}/result").text
    assert "我们将在 2026年11月24日 12:00（北京时间）前答复" in page
    assert "data-overdue" not in page


def test_a_late_review_is_overdue_in_honest_words_and_never_expires(
    pages: Any, api: Any, gateway: Any, clock: Any, review: Any
) -> None:
    from gateway.checkout import service  # noqa: PLC0415
    from gateway.checkout.models import Checkout  # noqa: PLC0415

    checkout = played(api, REVIEWED)
    clock.advance(days=30)
    api.login()
    with gateway.db.read() as tx:
        tenant = service.tenant_of(tx.get_one(Checkout, checkout))
    assert gateway.db.write(lambda tx: service.expire_due(tx, tenant)) == 0
    assert api.get(f"/v1/checkouts/{checkout}").json["status"] == "under_review"
    go_on_by_code(pages, checkout, REVIEWED)
    page = pages.get(f"/checkout/{checkout}/result?lang=en").text
    assert "data-overdue" in page
    assert "we are late" in page
    assert review("list")[1].splitlines()[1].split()[-1] == "yes", "the column overdue"
    assert json.loads(review("list", "--json")[1])[0]["overdue"] is True
    code, told, _ = review("approve", checkout, *by())
    assert (code, json.loads(told)["status"]) == (0, "approved")


def test_the_shopper_may_leave_a_review(pages: Any, api: Any) -> None:
    checkout = played(api, REVIEWED)
    go_on_by_code(pages, checkout, REVIEWED)
    assert "取消申请" in pages.get(f"/checkout/{checkout}/result").text
    assert pages.post(f"/checkout/{checkout}/cancel").status_code == 303
    assert api.get(f"/v1/checkouts/{checkout}").json["status"] == "canceled"


@pytest.mark.parametrize(("verb", "status"), [("approve", "approved"), ("decline", "declined")])
def test_a_live_review_is_ended_by_a_person_with_a_reason(
    gateway: Any, new_merchant: Any, pages: Any, clock: Any, review: Any, verb: str, status: str
) -> None:
    class Lender:
        def check(self, mode: str) -> None:
            pass

        def decide(self, submission: Any) -> Ruling:
            return Ruling("review", 0, "a lender")

    class Messenger:
        def new_code(self, mode: str) -> str:
            return "000000"

        def send_code(self, mode: str, phone: str, code: str, *, reference: str) -> None:
            pass

    gateway.ports.funder, gateway.ports.notifier = Lender(), Messenger()
    live = new_merchant(mode="live")
    checkout = live.checkout()
    concluded(pages, clock, checkout, "13912345678")
    assert live.get(f"/v1/checkouts/{checkout['id']}").json["status"] == "under_review"
    assert checkout["id"] in review("list", "--mode", "live")[1]
    assert checkout["id"] not in review("list", "--mode", "test")[1]
    assert review(verb, checkout["id"], *by("seen: two payslips"))[0] == 0
    assert live.get(f"/v1/checkouts/{checkout['id']}").json["status"] == status
    with gateway.db.read() as tx:
        decided = tx.execute(text("SELECT decided_by, note FROM credit_decision ORDER BY id DESC")).first()
        entry = tx.execute(text("SELECT facts FROM audit_entry WHERE action = 'review.resolve'")).scalar_one()
    assert decided == ("li.lei", "seen: two payslips")
    assert "li.lei" in str(entry)
    assert "two payslips" in str(entry)
    assert "payslips" not in live.get("/v1/audit_entries").text
    assert "payslips" not in pages.get(f"/checkout/{checkout['id']}/result").text
    assert f"checkout.{status}" in live.get("/v1/events").text
    again = review(verb, checkout["id"], *by())
    assert again[0] == 1
    assert status in again[2]


def test_show_gives_the_reviewer_the_case_and_masks_the_person(api: Any, review: Any, gateway: Any) -> None:
    checkout = played(api, "13912345678", amount=1_000_000)
    told = review("show", checkout, "--json")[1]
    case = json.loads(told)
    assert case["person"]["id_number"] != ID_NUMBER
    assert ID_NUMBER not in told
    assert "13912345678" not in told
    assert case["features"]["amount_fen"] == 1_000_000
    assert case["plan"]["term"] == 12
    assert case["lender_reference"].startswith("drq_")
    assert isinstance(case["credit_score"], int)
    assert [one["outcome"] for one in case["decisions"]]
    with gateway.db.read() as tx:
        actions = tx.execute(text("SELECT action FROM audit_entry")).scalars().all()
    assert "review.show" in actions, "who looks at a case is on record"
    assert review("show", "chk_none")[0] == 1
    assert review("show", "hrv_none")[0] == 1


def test_the_list_is_due_first_and_goes_on_where_it_ended(
    pages: Any, api: Any, gateway: Any, clock: Any, review: Any
) -> None:
    wanted = []
    for number in range(4):
        clock.advance(hours=1)
        api.login()
        wanted.append(appealed(pages, api, gateway)[1] if number == 2 else played(api, REVIEWED))
    everything = json.loads(review("list", "--json")[1])
    assert [row["review"] for row in everything] == wanted
    assert [row["kind"] for row in everything].count("appeal") == 1
    seen: list[str] = []
    after: tuple[str, ...] = ()
    for _ in wanted:
        _, page, more = review("list", "--json", "--limit", "1", *after)
        seen += [row["review"] for row in json.loads(page)]
        if not more:
            break
        assert more == f"To see more: --after {seen[-1]}\n"
        after = ("--after", seen[-1])
    assert seen == wanted
    assert review("list", "--after", "chk_none")[0] == 1


@pytest.mark.parametrize("words", [("--by", " ", "--reason", "x"), ("--by", "li", "--reason", "")])
def test_nobody_decides_without_a_name_and_a_reason(api: Any, review: Any, words: tuple[str, ...]) -> None:
    checkout = played(api, REVIEWED)
    code, _, error = review("approve", checkout, *words)
    assert code == 1
    assert "--" in error
    assert api.get(f"/v1/checkouts/{checkout}").json["status"] == "under_review"
    with pytest.raises(SystemExit):
        review("approve", checkout)


def test_an_upheld_decline_stays_and_says_so(pages: Any, api: Any, gateway: Any, review: Any) -> None:
    checkout, appeal = appealed(pages, api, gateway)
    assert review("decline", appeal, *by("debts elsewhere"))[0] == 0
    page = pages.get(f"/checkout/{checkout}/result").text
    assert "维持原结果" in page
    assert "debts elsewhere" not in page
    assert "reopen" not in page
    refused = pages.post(f"/checkout/{checkout}/reopen")
    assert refused.status_code == 409
    assert review("approve", appeal, *by())[0] == 1, "answered otherwise before"


def test_a_late_answer_to_an_appeal_is_admitted(pages: Any, api: Any, gateway: Any, clock: Any) -> None:
    checkout, _ = appealed(pages, api, gateway)
    assert "我们将在" in pages.get(f"/checkout/{checkout}/result").text
    clock.advance(hours=25)
    go_on_by_code(pages, checkout, DECLINED)
    assert "现已超时" in pages.get(f"/checkout/{checkout}/result").text


def test_a_wrong_decline_leads_to_a_new_offer_that_the_shopper_accepts(
    pages: Any, api: Any, gateway: Any, clock: Any, review: Any
) -> None:
    declined, appeal = appealed(pages, api, gateway)
    told = json.loads(review("approve", appeal, *by("the list was wrong"))[1])
    assert told["status"] == "reconsider"
    clock.advance(days=2)
    api.login()
    go_on_by_code(pages, declined, DECLINED)
    page = pages.get(f"/checkout/{declined}/result").text
    assert "查看新方案" in page
    way = pages.post(f"/checkout/{declined}/reopen")
    assert way.status_code == 303
    assert pages.post(f"/checkout/{declined}/reopen").location == way.location, "the same one again"
    assert pages.get(way.location, follow_redirects=True).status_code == 200
    fresh = api.get(f"/v1/checkouts/{way.location.split('/')[2]}").json
    old = api.get(f"/v1/checkouts/{declined}").json
    assert fresh["reopens"] == declined
    assert fresh["merchant_reference"] == old["merchant_reference"]
    assert fresh["plans"][0]["schedule"][0]["due_date"] > old["plans"][0]["schedule"][0]["due_date"]
    assert (old["status"], fresh["status"]) == ("declined", "open")
    concluded(pages, clock, fresh, DECLINED)
    done = api.get(f"/v1/checkouts/{fresh['id']}").json
    assert done["status"] == "approved"
    assert api.get(f"/v1/payments/{done['payment']}").json["amount"] == old["amount"]
    with gateway.db.read() as tx:
        who = tx.execute(text("SELECT decided_by FROM credit_decision ORDER BY id DESC")).scalars().first()
    assert who == "li.lei", "no second look, and not the scorer"
    assert pages.post(f"/checkout/{declined}/reopen").location == f"/checkout/{fresh['id']}"


def test_somebody_else_on_a_new_offer_is_decided_like_anybody(
    pages: Any, api: Any, gateway: Any, clock: Any, review: Any
) -> None:
    declined, appeal = appealed(pages, api, gateway)
    review("approve", appeal, *by())
    fresh = api.get(f"/v1/checkouts/{pages.post(f'/checkout/{declined}/reopen').location.split('/')[2]}").json
    body = {"term": 12, "phone": DECLINED, "id_number": invented_id_number("another")}
    done = api.post(f"/v1/test_helpers/checkouts/{fresh['id']}/complete", body)
    assert done.json["status"] == "declined"


def test_a_new_offer_ends_and_gives_way_to_the_shop(
    pages: Any, api: Any, gateway: Any, clock: Any, review: Any
) -> None:
    declined, appeal = appealed(pages, api, gateway)
    review("approve", appeal, *by())
    reference = api.get(f"/v1/checkouts/{declined}").json["merchant_reference"]
    other = api.checkout(merchant_reference=reference)
    refused = pages.post(f"/checkout/{declined}/reopen")
    assert refused.status_code == 409
    assert "请返回商家继续" in refused.text
    api.post(f"/v1/checkouts/{other['id']}/cancel")
    paid = api.approved()["id"]  # another order, to which the shop gives this one's reference
    given = api.call("PATCH", f"/v1/payments/{paid}", {"merchant_reference": reference})
    assert given.json["merchant_reference"] == reference
    assert pages.post(f"/checkout/{declined}/reopen").status_code == 409
    clock.advance(seconds=OFFER_LIFE / timedelta(seconds=1))
    go_on_by_code(pages, declined, DECLINED)
    refused = pages.post(f"/checkout/{declined}/reopen")
    assert refused.status_code == 409
    assert "有效期已过" in refused.text
    assert "查看新方案" not in refused.text


def test_after_a_review_in_the_shoppers_favour_a_person_decides_other_orders(
    pages: Any, api: Any, gateway: Any, clock: Any, review: Any
) -> None:
    _, appeal = appealed(pages, api, gateway)
    review("approve", appeal, *by())
    assert api.get(f"/v1/checkouts/{played(api, DECLINED)}").json["status"] == "under_review"
    clock.advance(days=91)
    api.login()
    assert api.get(f"/v1/checkouts/{played(api, DECLINED)}").json["status"] == "declined"


def test_the_promise_is_a_setting() -> None:
    assert from_environment({"FENQI_REVIEW_HOURS": "48"}).review_hours == 48
    with pytest.raises(WrongSetting, match="FENQI_REVIEW_HOURS"):
        from_environment({"FENQI_REVIEW_HOURS": "0"})


def test_a_person_in_review_is_not_erased(api: Any, gateway: Any, clock: Any) -> None:
    from gateway.data_requests import erasure  # noqa: PLC0415

    played(api, REVIEWED)
    clock.advance(days=400)
    with gateway.db.read() as tx:
        shopper = tx.execute(text("SELECT id FROM shopper")).scalar_one()
    answer = gateway.db.write(lambda tx: erasure.ask(tx, gateway.settings, shopper))
    assert (answer["status"], answer["reason"]) == ("frozen", "open_application")
    drain_outbox(gateway)
