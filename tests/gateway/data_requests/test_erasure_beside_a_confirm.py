"""A person is erased while the person applies: before, after, in the middle or at once, one of both happens, wholly."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from gateway.data_requests import erasure
from gateway.identity.invented import invented_id_number
from tests.gateway.checkout.test_deciding import CONSENTS, Lender
from tests.gateway.shopper import identify
from tests.one_database import database_url, on_both  # noqa: F401

ROUNDS = 4


class Person:
    """Somebody with orders, each in a browser of its own."""

    def __init__(self, app: Any, api: Any, clock: Any, number: int = 0) -> None:
        self.app, self.gateway, self.api, self.clock = app, app.extensions["fenqi"], api, clock
        self.typed = {"term": "12", "name": "王小明", "id_number": invented_id_number(f"shopper {number}")}
        self.typed["phone"] = f"1391234567{number}"

    def order(self) -> Any:
        self.checkout, self.pages = self.api.checkout(), self.app.test_client()
        return self

    def identify(self) -> int:
        return identify(self.pages, self.checkout, self.typed).status_code

    def post(self, step: str, data: Any = None) -> int:
        return self.pages.post(f"/checkout/{self.checkout['id']}/{step}", data=data).status_code

    def confirm(self) -> int:
        self.pages.get(f"/checkout/{self.checkout['id']}/review")
        self.clock.advance(seconds=5)
        plan = next(plan for plan in self.checkout["plans"] if plan["term"] == 12)
        return self.post("confirm", {"quote_hash": plan["quote_hash"], **CONSENTS})

    def id(self) -> str:
        """As whom the newest order knows the person."""
        return str(self.figure("SELECT shopper_id FROM checkout WHERE id = :id", id=self.checkout["id"]))

    def forget(self, shopper: str) -> str:
        """Ask to be forgotten; what became of it."""
        asked = self.gateway.db.write(lambda tx: erasure.ask(tx, self.gateway.settings, shopper))
        return str(asked["status"])

    def figure(self, sql: str, **given: Any) -> Any:
        with self.gateway.db.read() as tx:
            return tx.execute(text(sql), given).scalar_one()

    def check(self, shopper: str) -> tuple[str, int]:
        """Whether a person is there with all that names it or erased with all, and its scores, none without consent."""
        row = {"id": shopper}
        erased = self.figure("SELECT count(*) FROM shopper WHERE id = :id AND erased_at IS NOT NULL", **row)
        key = self.figure("SELECT count(*) FROM subject_key WHERE subject_id = :id", **row)
        assert key == 1 - erased, "the key goes with the person"
        scores = self.figure("SELECT count(*) FROM credit_decision WHERE shopper_id = :id", **row)
        given = (
            "SELECT count(DISTINCT checkout_id) FROM consent WHERE shopper_id = :id AND kind = 'bureau_query'"
        )
        assert self.figure(given, **row) == scores, "no score without consent"
        return "erased" if erased else "there", scores


@pytest.fixture
def person(app: Any, api: Any, clock: Any) -> Person:
    return Person(app, api, clock)


def test_who_has_said_who_it_is_and_has_not_confirmed_waits_to_be_erased(person: Person) -> None:
    person.order().identify()
    assert person.forget(person.id()) == "frozen"
    assert person.confirm() == 303
    assert person.check(person.id()) == ("there", 1)


def test_who_is_erased_before_the_confirmation_is_not_scored(person: Person) -> None:
    person.order().identify()
    shopper = person.id()
    assert person.post("cancel") in (302, 303)
    assert person.forget(shopper) == "erased"
    person.confirm()
    assert person.check(shopper) == ("erased", 0)


def test_a_wish_in_the_middle_of_a_confirmation_waits(person: Person) -> None:
    wishes: list[str] = []

    class Asked(Lender):
        def decide(self, submission: Any) -> Any:
            wishes.append(person.forget(person.id()))
            return super().decide(submission)

    person.gateway.ports.funder = Asked()
    person.order().identify()
    assert person.confirm() == 303
    assert wishes == ["frozen"]
    assert person.check(person.id()) == ("there", 1)


@on_both
def test_who_comes_back_while_being_erased_is_there_or_somebody_new(app: Any, api: Any, clock: Any) -> None:
    for number in range(ROUNDS):
        person = Person(app, api, clock, number)
        person.order().identify()
        before = person.id()
        person.post("cancel")
        person.order()
        start = threading.Barrier(2)

        def forget(person: Person = person, before: str = before, start: Any = start) -> str:
            start.wait()
            return person.forget(before)

        def come_back(person: Person = person, start: Any = start) -> int:
            start.wait()
            return person.identify()

        with ThreadPoolExecutor(2) as pool:
            wish, answer = pool.submit(forget), pool.submit(come_back)
        assert answer.result() == 303
        assert person.confirm() == 303
        if wish.result() == "erased":
            assert person.id() != before
            assert person.check(before) == ("erased", 0)
        assert person.check(person.id()) == ("there", 1)
