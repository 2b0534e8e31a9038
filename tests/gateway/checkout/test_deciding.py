"""A confirmed application is decided once, under one reference, however often somebody asks or falls over."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from gateway.checkout import deciding
from gateway.decision import requests
from gateway.decision.bureau import BureauReport, BureauUnavailable
from gateway.decision.funder import Ruling
from gateway.errors import DatabaseUnavailable, FunderUnavailable
from gateway.identity.invented import invented_id_number
from gateway.process.worker import drain_outbox
from tests.gateway.shopper import identify
from tests.one_database import database_url, on_both  # noqa: F401

CONSENTS = {"credit_service": "yes", "bureau_query": "yes", "funder_sharing": "yes"}
PHONE = "13912345678"
LEASE = deciding.LEASE.total_seconds()


class Lender:
    """A lender that remembers what it decided by reference, and whose next answers may be lost or fail."""

    def __init__(self) -> None:
        self.decided: dict[str, Ruling] = {}
        self.submissions: list[Any] = []
        self.looked_up: list[str] = []
        self.lost, self.down = 0, False

    def check(self, mode: str) -> None:
        pass

    def decide(self, submission: Any) -> Ruling:
        self.submissions.append(submission)
        if self.down:
            raise FunderUnavailable("no connection")
        ruling = self.decided.setdefault(submission.reference, Ruling("approve", 2_000_000, "a lender"))
        if self.lost:
            self.lost -= 1
            raise FunderUnavailable("the answer did not come")
        return ruling

    def look_up(self, submission: Any) -> Ruling | None:
        self.looked_up.append(submission.reference)
        if self.down:
            raise FunderUnavailable("no connection")
        return self.decided.get(submission.reference)


class Bureau:
    """A bureau that remembers by reference; its next answers may be lost."""

    def __init__(self, lost: int = 0) -> None:
        self.asked: list[str] = []
        self.reports: dict[str, BureauReport] = {}
        self.lost = lost

    def report(self, inquiry: Any) -> BureauReport:
        self.asked.append(inquiry.reference)
        report = self.reports.setdefault(inquiry.reference, BureauReport(1, 2, 0.25, 45_678))
        if self.lost:
            self.lost -= 1
            raise BureauUnavailable("the answer did not come")
        return report

    def look_up(self, inquiry: Any) -> BureauReport | None:
        return self.reports.get(inquiry.reference)


@pytest.fixture
def gateway(app: Any) -> Any:
    return app.extensions["fenqi"]


@pytest.fixture
def lender(gateway: Any) -> Lender:
    gateway.ports.funder = lender = Lender()
    return lender


@pytest.fixture
def pages(app: Any) -> Any:
    return app.test_client()


def confirmed(pages: Any, api: Any, clock: Any, phone: str = PHONE) -> tuple[str, Any]:
    """A checkout that was confirmed on its pages, and the answer to the confirmation."""
    checkout = api.checkout()
    path = f"/checkout/{checkout['id']}"
    typed = {
        "term": "12",
        "name": "王小明",
        "id_number": invented_id_number("shopper"),
        "phone": phone,
        "code": "000000",
    }
    assert identify(pages, checkout, typed).status_code == 303
    pages.get(f"{path}/review")
    clock.advance(seconds=5)
    plan = next(plan for plan in checkout["plans"] if plan["term"] == 12)
    answer = pages.post(f"{path}/confirm", data={"quote_hash": plan["quote_hash"], **CONSENTS})
    return checkout["id"], answer


def status(api: Any, checkout: str) -> str:
    api.login()
    return str(api.get(f"/v1/checkouts/{checkout}").json["status"])


def count(gateway: Any, table: str) -> int:
    with gateway.db.read() as tx:
        return int(tx.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def requests_of(gateway: Any, checkout: str) -> Any:
    with gateway.db.read() as tx:
        return requests.of_checkout(tx, checkout)


def pass_seconds(gateway: Any, clock: Any, seconds: float) -> None:
    clock.advance(seconds=seconds)
    drain_outbox(gateway)


def test_an_answer_that_is_lost_is_looked_up_and_never_asked_again(
    gateway: Any, lender: Lender, pages: Any, api: Any, clock: Any
) -> None:
    lender.lost = 1
    checkout, answer = confirmed(pages, api, clock)
    assert (answer.status_code, answer.location) == (303, f"/checkout/{checkout}/result")
    assert status(api, checkout) == "deciding"
    pass_seconds(gateway, clock, LEASE)
    assert status(api, checkout) == "approved"
    assert len(lender.submissions) == 1
    assert lender.looked_up == [lender.submissions[0].reference]
    assert [count(gateway, table) for table in ("credit_decision", "payment", "contract")] == [1, 1, 1]
    pass_seconds(gateway, clock, LEASE)
    assert len(lender.submissions) == 1, "the row of the outbox is done"


@pytest.mark.parametrize("step", ["before the calls", "before the lender", "before the ruling"])
def test_a_crash_in_between_is_finished_by_the_worker_under_the_same_reference(
    gateway: Any, lender: Lender, pages: Any, api: Any, clock: Any, monkeypatch: Any, step: str
) -> None:
    gateway.ports.bureau = bureau = Bureau()
    broken = {
        "before the calls": (deciding, "_advised"),
        "before the lender": (requests, "ruling_of"),
        "before the ruling": (deciding, "_rule"),
    }[step]
    with monkeypatch.context() as patch:
        patch.setattr(*broken, lambda *_, **__: (_ for _ in ()).throw(SystemError("killed")))
        checkout, answer = confirmed(pages, api, clock)
    assert answer.status_code == 303
    assert status(api, checkout) == "deciding"
    assert count(gateway, "credit_decision") == 0
    pass_seconds(gateway, clock, LEASE)
    assert status(api, checkout) == "approved"
    assert len({*bureau.asked, *(one.reference for one in lender.submissions)}) == 1
    assert (len(bureau.asked), len(lender.submissions)) == (1, 1)


def test_the_lender_is_asked_the_same_again_whatever_the_scorer_says_by_then(
    gateway: Any, lender: Lender, pages: Any, api: Any, clock: Any, tmp_path: Any
) -> None:
    from gateway.decision.scorer import EmbeddedScorer  # noqa: PLC0415

    lender.down = True
    checkout, _ = confirmed(pages, api, clock)
    gateway.ports.scorer = EmbeddedScorer(str(tmp_path))  # from here there is none
    lender.down = False
    pass_seconds(gateway, clock, LEASE)
    assert status(api, checkout) == "approved"
    first, second = lender.submissions
    assert first.recommended == second.recommended == "approve"
    assert (first.reference, first.limit_fen) == (second.reference, second.limit_fen)


def test_the_page_says_that_it_is_being_decided_and_looks_again_by_itself(
    gateway: Any, lender: Lender, pages: Any, api: Any, clock: Any
) -> None:
    lender.down = True
    checkout, answer = confirmed(pages, api, clock)
    page = pages.get(answer.location)
    assert 'data-status="deciding"' in page.text
    assert '<meta http-equiv="refresh" content="2">' in page.text
    assert "正在审批" in page.text
    assert "没有发生任何扣款" in page.text
    for step in ("", "/review"):
        assert pages.get(f"/checkout/{checkout}{step}").location == f"/checkout/{checkout}/result"
    clock.advance(seconds=70)
    slow = pages.get(f"{answer.location}?lang=en").text
    assert 'content="10"' in slow
    assert "longer than usual" in slow
    assert count(gateway, "payment") == 0, "looking changes nothing"
    lender.down = False
    drain_outbox(gateway)
    page = pages.get(answer.location).text
    assert 'data-status="approved"' in page
    assert "http-equiv" not in page


def test_what_is_being_decided_is_neither_canceled_nor_expired(
    gateway: Any, lender: Lender, pages: Any, api: Any, clock: Any
) -> None:
    from gateway.checkout import service  # noqa: PLC0415
    from gateway.checkout.models import Checkout  # noqa: PLC0415

    lender.down = True
    checkout, _ = confirmed(pages, api, clock)
    refused = api.post(f"/v1/checkouts/{checkout}/cancel")
    assert (refused.status_code, refused.json["code"]) == (409, "wrong_state")
    assert pages.post(f"/checkout/{checkout}/cancel").location == f"/checkout/{checkout}/result"
    clock.advance(days=8)
    with gateway.db.read() as tx:
        tenant = service.tenant_of(tx.get_one(Checkout, checkout))
    assert gateway.db.write(lambda tx: service.expire_due(tx, tenant)) == 0
    assert status(api, checkout) == "deciding"
    assert api.get("/v1/checkouts?status=deciding").json["data"][0]["id"] == checkout
    listed = [event["type"] for event in api.get("/v1/events").json["data"]]
    assert [kind for kind in listed if kind.startswith("checkout.")] == []


def test_a_lender_that_stays_silent_leaves_it_to_a_person_after_a_quarter_of_an_hour(
    gateway: Any, lender: Lender, pages: Any, api: Any, clock: Any
) -> None:
    lender.down = True
    checkout, answer = confirmed(pages, api, clock)
    waited = timedelta()
    while status(api, checkout) == "deciding":
        assert waited <= deciding.LONGEST_WAIT + deciding.LONGEST_PAUSE
        pass_seconds(gateway, clock, 15)
        waited += timedelta(seconds=15)
    assert waited >= deciding.LONGEST_WAIT
    assert status(api, checkout) == "under_review"
    assert len({one.reference for one in lender.submissions}) == 1
    assert len(lender.looked_up) < 30, "not in a rush"
    with gateway.db.read() as tx:
        found = tx.execute(text("SELECT outcome, decided_by, reasons FROM credit_decision")).one()
    assert found[:2] == ("review", "gateway")
    assert "lender_unreachable" in str(found[2])
    assert "北京时间" in pages.get(answer.location).text


@pytest.mark.parametrize("step", ["_advised", "_rule"])
def test_a_mistake_of_ours_ends_with_a_person_and_not_in_waiting(
    gateway: Any, lender: Lender, pages: Any, api: Any, clock: Any, monkeypatch: Any, step: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(deciding, step, lambda *_, **__: 1 / 0)
        checkout, _ = confirmed(pages, api, clock)
        pass_seconds(gateway, clock, LEASE)
        assert status(api, checkout) == "deciding"
    if step == "_advised":
        monkeypatch.setattr(deciding, step, lambda *_, **__: 1 / 0)
        pass_seconds(gateway, clock, deciding.LONGEST_WAIT.total_seconds())
        assert status(api, checkout) == "under_review"
        assert lender.submissions == []
    else:
        pass_seconds(gateway, clock, deciding.LONGEST_WAIT.total_seconds())
        assert status(api, checkout) == "approved", "a late ruling is still the lender's"
        assert len(lender.submissions) == 1


@on_both
def test_two_who_go_on_at_once_make_one_ruling(
    gateway: Any, lender: Lender, pages: Any, api: Any, clock: Any
) -> None:
    lender.down = True
    checkout, _ = confirmed(pages, api, clock)
    lender.down = False
    with gateway.db.read() as tx:
        request = tx.execute(text("SELECT id FROM decision_request")).scalar_one()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: deciding.answer(gateway, request), range(4)))
    assert status(api, checkout) == "approved"
    for table in ("credit_decision", "payment", "contract", "credit_limit"):
        assert count(gateway, table) == 1


def test_a_bureau_whose_answer_was_lost_is_looked_up(gateway: Any, pages: Any, api: Any, clock: Any) -> None:
    gateway.ports.bureau = bureau = Bureau(lost=1)
    checkout, _ = confirmed(pages, api, clock)
    assert status(api, checkout) == "approved"
    assert len(bureau.asked) == 1


def test_a_live_confirmation_without_a_lender_changes_nothing(
    gateway: Any, new_merchant: Any, pages: Any, clock: Any
) -> None:
    class Messenger:
        def new_code(self, mode: str) -> str:
            return "000000"

    gateway.ports.notifier = Messenger()
    live = new_merchant(mode="live")
    checkout, answer = confirmed(pages, live, clock)
    assert answer.status_code == 503
    assert status(live, checkout) == "identified"
    assert count(gateway, "consent") == 0


def test_the_test_helper_answers_again_what_became_of_it(gateway: Any, api: Any) -> None:
    path = f"/v1/test_helpers/checkouts/{api.checkout()['id']}/complete"
    first = api.post(path, {"phone": PHONE}, key="once")
    again = api.post(path, {"phone": PHONE}, key="once")
    assert first.json["status"] == "approved"
    assert again.data == first.data
    assert again.headers["Idempotent-Replayed"] == "true"


def test_a_repeat_of_the_test_helper_goes_on_with_what_was_interrupted(lender: Lender, api: Any) -> None:
    path = f"/v1/test_helpers/checkouts/{api.checkout()['id']}/complete"
    lender.down = True
    waiting = api.post(path, {"phone": PHONE}, key="once")
    assert (waiting.status_code, waiting.json["status"]) == (202, "deciding")
    lender.down = False
    finished = api.post(path, {"phone": PHONE}, key="once")
    assert (finished.status_code, finished.json["status"]) == (200, "approved")
    assert api.post(path, {"phone": PHONE}, key="once").data == finished.data


def test_a_database_that_is_away_is_a_line_of_the_log_and_no_traceback(
    gateway: Any, monkeypatch: Any, caplog: Any
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise DatabaseUnavailable

    monkeypatch.setattr(deciding, "_decide", away)
    deciding.answer(gateway, "drq_1")
    assert [(line.levelname, line.exc_info) for line in caplog.records] == [("WARNING", None)]


def test_an_application_that_is_being_decided_counts_on_its_phone(
    gateway: Any, lender: Lender, pages: Any, api: Any, clock: Any
) -> None:
    lender.down = True
    one, two = (confirmed(pages, api, clock)[0] for _ in range(2))
    first, second = (requests_of(gateway, checkout) for checkout in (one, two))
    assert first.features["applications_on_phone_24h"] == 1
    assert second.features["applications_on_phone_24h"] == 2
