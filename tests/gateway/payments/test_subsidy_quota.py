"""One person gets one trade-in subsidy of each category; a used quota stays used."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from gateway.checkout import deciding, shopper
from gateway.checkout.states import REQUIRED_CONSENTS
from gateway.data_requests import erasure
from gateway.db.transactions import READ_COMMITTED
from tests.gateway.books import Books
from tests.gateway.shopper import enter, send
from tests.one_database import database_url, on_both  # noqa: F401

ANNA, BO = "110101199003070011", "110101199003071014"
PROGRAMME = "trade_in_2026"


def checkout(api: Any, category: str = "phone", **changes: Any) -> dict[str, Any]:
    """An order of 3,000.00 yuan with the subsidy of 450.00."""
    item = {"name": "Phone", "quantity": 1, "unit_price": 300_000, "subsidy_category": category}
    claim = {"programme": PROGRAMME, "amount": 45_000}
    return api.checkout(amount=255_000, items=[item], government_subsidy=claim, **changes)


def complete(api: Any, opened: dict[str, Any], person: str = ANNA, phone: str = "13800000001") -> Any:
    body = {"term": 12, "phone": phone, "id_number": person}
    return api.post(f"/v1/test_helpers/checkouts/{opened['id']}/complete", body)


def bought(api: Any, person: str = ANNA, category: str = "phone") -> dict[str, Any]:
    done = complete(api, checkout(api, category), person)
    assert done.status_code == 200, done.text
    return api.get(f"/v1/payments/{done.json['payment']}").json


def refused(answer: Any) -> None:
    assert (answer.status_code, answer.json["code"]) == (422, "subsidy_quota_used"), answer.text
    assert (answer.json["programme"], answer.json["category"]) == (PROGRAMME, "phone")


def quotas(books: Books) -> list[tuple[str, bool]]:
    with books.gateway.db.read() as tx:
        query = text("SELECT category, used_at IS NOT NULL FROM subsidy_quota ORDER BY category")
        return [(category, bool(used)) for category, used in tx.connection().execute(query)]


def test_the_same_person_and_category_is_refused_and_pays_nothing(books: Books) -> None:
    bought(books.api)
    second = checkout(books.api)
    refused(complete(books.api, second))
    assert books.api.get(f"/v1/checkouts/{second['id']}").json["status"] == "open"
    assert len(books.api.get("/v1/payments").json["data"]) == 1


def test_another_person_or_category_and_an_order_without_subsidy_are_not(books: Books) -> None:
    bought(books.api)
    bought(books.api, BO)
    bought(books.api, ANNA, "tablet")
    assert complete(books.api, books.api.checkout()).json["status"] == "approved"


def test_it_is_one_quota_in_all_shops(books: Books, new_merchant: Any) -> None:
    bought(books.api)
    other = new_merchant()
    refused(complete(other, checkout(other)))


@pytest.mark.parametrize("kind", ["return", "unwind"])
def test_a_used_quota_stays_used_after_a_return(books: Books, kind: str) -> None:
    payment = bought(books.api)
    books.post(f"/v1/payments/{payment['id']}/capture")
    books.post("/v1/refunds", {"payment": payment["id"], "kind": kind, "reason": "sent back"})
    assert quotas(books) == [("phone", True)]
    refused(complete(books.api, checkout(books.api)))


@pytest.mark.parametrize("how", ["void", "expire"])
def test_a_reserved_quota_is_free_again_when_nothing_was_captured(books: Books, how: str) -> None:
    payment = bought(books.api)
    assert quotas(books) == [("phone", False)]
    if how == "void":
        books.post(f"/v1/payments/{payment['id']}/void", {"reason": "out of stock"})
    else:
        books.post(f"/v1/test_helpers/payments/{payment['id']}/expire")
    assert quotas(books) == []
    bought(books.api)


@on_both
def test_the_quota_of_a_line_that_did_not_leave_is_free_again(books: Books) -> None:
    items = [
        {"name": name, "quantity": 1, "unit_price": 300_000, "subsidy_category": name}
        for name in ("phone", "tablet")
    ]
    claim = {"programme": PROGRAMME, "amount": 90_000}
    opened = books.api.checkout(amount=510_000, items=items, government_subsidy=claim)
    payment = complete(books.api, opened).json["payment"]
    body = {"items": [{"line": 2, "quantity": 1}], "final": True}
    books.post(f"/v1/payments/{payment}/capture", body)
    assert quotas(books) == [("tablet", True)]


def test_an_erasure_does_not_give_the_quota_back(books: Books) -> None:
    payment = bought(books.api)
    books.post(f"/v1/payments/{payment['id']}/capture")
    books.post("/v1/refunds", {"payment": payment["id"], "kind": "unwind", "reason": "sent back"})
    books.clock.advance(days=20)
    with books.gateway.db.read() as tx:
        person = tx.connection().execute(text("SELECT shopper_id FROM payment")).scalar_one()
    settings = replace(books.gateway.settings, retention_years=0)
    told = books.gateway.db.write(lambda tx: erasure.ask(tx, settings, person))
    assert told["status"] == "erased", told
    books.api.login()
    refused(complete(books.api, checkout(books.api)))
    assert quotas(books) == [("phone", True)]


def prepared(books: Books, opened: dict[str, Any], person: str = ANNA) -> dict[str, str]:
    """A checkout that waits for its confirmation; returns the hash of its plan, and its shopper."""

    def identify(tx: Any) -> dict[str, str]:
        here, phone = books.gateway, "13800000001"
        shopper.queue_code(tx, here, opened["id"], phone=phone, code="000000")
        found = shopper.identify(
            tx, here, opened["id"], term=12, name="王", id_number=person, phone=phone, code="000000"
        )
        shopper.disclose(tx, opened["id"])
        return {"quote_hash": shopper.chosen_plan(found)["quote_hash"], "shopper_id": found.shopper_id}

    return books.gateway.db.write(identify)


@on_both
def test_two_checkouts_of_one_person_at_once_get_one_subsidy(books: Books, new_merchant: Any) -> None:
    shops = [books.api, new_merchant()]
    waiting = [(opened := checkout(api), prepared(books, opened)) for api in shops]
    books.clock.advance(seconds=60)
    start, failed = threading.Barrier(2), []

    def confirm(opened: dict[str, Any], of_shopper: dict[str, str]) -> None:
        here, consents = books.gateway, set(REQUIRED_CONSENTS)
        start.wait()
        try:
            begun = here.db.write(
                lambda tx: shopper.confirm(tx, here, opened["id"], consents=consents, **of_shopper),
                READ_COMMITTED,
            )
            deciding.answer(here, begun.request.id, begun=begun)
        except Exception as error:
            failed.append(getattr(error, "code", repr(error)))

    threads = [threading.Thread(target=confirm, args=one) for one in waiting]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ends = [
        api.get(f"/v1/checkouts/{opened['id']}").json for api, (opened, _) in zip(shops, waiting, strict=True)
    ]
    lost = [end["decline"]["code"] for end in ends if end["status"] == "declined"]
    assert [end["status"] for end in ends].count("approved") == 1
    assert failed + lost == ["subsidy_quota_used"], (
        "at the confirmation, or when both were confirmed, at the ruling"
    )
    assert quotas(books) == [("phone", False)]
    assert sum(len(api.get("/v1/payments").json["data"]) for api in shops) == 1


def test_an_order_that_was_reviewed_while_another_took_the_quota_is_declined(books: Books) -> None:
    first = checkout(books.api)
    assert complete(books.api, first, phone="13800000003").json["status"] == "under_review"
    bought(books.api)
    path = f"/v1/test_helpers/checkouts/{first['id']}/resolve"
    ended = books.api.post(path, {"outcome": "approve"}).json
    assert (ended["status"], ended["decline"]) == ("declined", {"code": "subsidy_quota_used"})
    assert len(books.api.get("/v1/payments").json["data"]) == 1


@pytest.mark.parametrize(
    ("language", "words"), [("zh-CN", "每人每品类限一次"), ("en", "Nothing was charged")]
)
def test_the_shopper_reads_why_in_both_languages(books: Books, app: Any, language: str, words: str) -> None:
    bought(books.api)
    opened = checkout(books.api)
    pages, path = app.test_client(), f"/checkout/{opened['id']}"
    typed = {"term": "12", "name": "王小明", "id_number": ANNA, "phone": "13800000001", "code": "000000"}
    enter(pages, opened)
    pages.post(f"{path}/code", data=typed)
    page = send(pages, f"{path}/identity?lang={language}", typed)
    assert page.status_code == 422
    assert words in page.text
