"""Races of a purchase: each scene lets two meet and says what is wrong afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask
from sqlalchemy import text
from sqlmodel import col, select
from werkzeug.test import TestResponse

from gateway.decision.models import DecisionRequest
from gateway.identity.invented import invented_id_number
from tests.gateway.books import Books
from tests.gateway.conftest import Api
from tests.gateway.meeting import meet
from tests.gateway.shopper import enter

APPROVED, DECLINED = "13800000001", "13800000002"
Wrong = list[str]


class Scenes:
    """A shop, and shoppers of whom each comes for one scene."""

    def __init__(self, app: Flask, books: Books) -> None:
        self.app, self.books, self.gateway = app, books, app.extensions["fenqi"]
        self.db, self.api = self.gateway.db, books.api
        self.turns = self.weeks = 0

    def again(self) -> Api:
        """The same shop's server on another connection."""
        return Api(self.app.test_client(), self.api.credentials, self.api.token)

    def sent(self, path: str, body: Any, key: str | None = None) -> Callable[[], TestResponse]:
        """A POST by a client of its own, when it is called; never a 5xx."""
        self.turns += 1
        name = key or f"meeting-{self.turns}"
        return lambda: sound(self.again().post(path, body, key=name))

    def bought(self, *, capture: bool = False, **order: Any) -> dict[str, Any]:
        """A payment of 5,999.00 by a person of its own."""
        self.turns += 1
        id_number = order.pop("id_number", None) or invented_id_number(f"meeting {self.turns}")
        checkout = self.api.checkout(**order)
        done = self.complete(checkout["id"], id_number)()
        assert done.json["status"] == "approved", done.text
        if capture:
            assert self.api.post(f"/v1/payments/{done.json['payment']}/capture").status_code == 200
        payment: dict[str, Any] = self.api.get(f"/v1/payments/{done.json['payment']}").json
        return payment

    def complete(self, checkout: str, id_number: str, phone: str = APPROVED) -> Callable[[], TestResponse]:
        body = {"term": 12, "phone": phone, "id_number": id_number}
        return self.sent(f"/v1/test_helpers/checkouts/{checkout}/complete", body)

    def payment(self, payment_id: str) -> dict[str, Any]:
        shown: dict[str, Any] = self.api.get(f"/v1/payments/{payment_id}").json
        return shown

    def rows(self, sql: str, **values: Any) -> list[Any]:
        with self.db.engine.connect() as connection:
            return list(connection.execute(text(sql), values).all())

    # -- scenarios

    def two_captures_of_one_payment(self) -> Wrong:
        payment = self.bought()
        path = f"/v1/payments/{payment['id']}/capture"
        answers = meet(self.db, self.sent(path, {"amount": 400_000}), self.sent(path, {"amount": 400_000}))
        return unless(codes(answers) == [200, 422], answers)

    def a_capture_and_a_void(self) -> Wrong:
        payment = self.bought()
        path = f"/v1/payments/{payment['id']}"
        answers = meet(
            self.db,
            self.sent(f"{path}/void", {"amount": 400_000, "reason": "out of stock"}),
            self.sent(f"{path}/capture", {"amount": 400_000}),
        )
        return unless(codes(answers) == [200, 422], answers)

    def two_refunds_of_one_payment(self) -> Wrong:
        payment = self.bought(capture=True)
        body = {"payment": payment["id"], "amount": 400_000, "kind": "return", "reason": "sent back"}
        answers = meet(self.db, self.sent("/v1/refunds", body), self.sent("/v1/refunds", body))
        after = self.payment(payment["id"])["refunded_amount"]
        return unless(codes(answers) == [201, 422] and after == 400_000, answers)

    def a_refund_and_a_repayment(self) -> Wrong:
        payment = self.bought(capture=True)
        loan = payment["captures"][0]["loan"]
        body = {"payment": payment["id"], "amount": 100_000, "kind": "return", "reason": "sent back"}
        repaid = f"/v1/test_helpers/loans/{loan}/repay"
        answers = meet(self.db, self.sent("/v1/refunds", body), self.sent(repaid, {"early_settlement": True}))
        [(principal, repaid_fen, refunded)] = self.rows(
            "SELECT principal_fen, repaid_fen, refunded_fen FROM loan WHERE id = :loan", loan=loan
        )
        return unless(codes(answers) == [200, 201] and principal == repaid_fen + refunded, answers)

    def a_dispute_and_a_refund(self) -> Wrong:
        payment = self.bought(capture=True)
        body = {"payment": payment["id"], "amount": 400_000, "kind": "return", "reason": "sent back"}
        dispute = {"payment": payment["id"], "reason": "never came"}
        answers = meet(
            self.db, self.sent("/v1/test_helpers/disputes", dispute), self.sent("/v1/refunds", body)
        )
        return unless(codes(answers) == [200, 409] or codes(answers) == [201, 409], answers)

    def a_void_and_an_authorisation_of_one_person(self) -> Wrong:
        person = invented_id_number(f"limit {self.turns}")
        payment, checkout = self.bought(id_number=person), self.api.checkout(amount=500_000)
        void = self.sent(f"/v1/payments/{payment['id']}/void", {"reason": "out of stock"})
        # The lender's ruling is the third commit of the one who completes.
        meet(self.db, self.complete(checkout["id"], person), void, at=3)
        [(held,)] = self.rows(
            "SELECT held_fen FROM credit_limit WHERE shopper_id = (SELECT shopper_id FROM checkout WHERE id = :id)",
            id=checkout["id"],
        )
        return unless(held == 500_000, held)

    def two_authorisations_of_one_person(self) -> Wrong:
        person = invented_id_number(f"twice {self.turns}")
        self.bought(id_number=person)  # a limit is there before they meet
        one, two = (self.api.checkout(amount=3_000_000)["id"] for _ in "ab")
        meet(self.db, self.complete(one, person), self.complete(two, person), at=3)
        [(held, limit)] = self.rows(
            "SELECT held_fen, limit_fen FROM credit_limit"
            " WHERE shopper_id = (SELECT shopper_id FROM checkout WHERE id = :id)",
            id=one,
        )
        [(authorised,)] = self.rows(
            "SELECT coalesce(sum(amount_fen), 0) FROM payment WHERE shopper_id ="
            " (SELECT shopper_id FROM checkout WHERE id = :id)",
            id=one,
        )
        return unless(held == authorised <= limit, (held, authorised, limit))

    def two_applications_from_one_phone(self) -> Wrong:
        phone = f"1391234{self.turns:04}"
        one, two = (self.api.checkout()["id"] for _ in "ab")
        who = [invented_id_number(f"{phone} {name}") for name in "ab"]
        meet(self.db, self.complete(one, who[0], phone), self.complete(two, who[1], phone))
        asked = select(col(DecisionRequest.features)).where(col(DecisionRequest.checkout_id).in_((one, two)))
        with self.db.read() as tx:
            counted = sorted(features["applications_on_phone_24h"] for features in tx.exec(asked))
        return unless(counted == [1, 2], counted)

    def one_key_and_two_full_captures(self) -> Wrong:
        payment = self.bought()
        path, key = f"/v1/payments/{payment['id']}/capture", f"once-{self.turns}"
        first, second = meet(self.db, self.sent(path, {}, key), self.sent(path, {}, key))
        return unless(first.status_code == 200 and second.data == first.data, (first, second))

    def one_order_and_two_checkouts(self) -> Wrong:
        body = self.api.order()
        answers = meet(self.db, self.sent("/v1/checkouts", body), self.sent("/v1/checkouts", body))
        return unless(codes(answers) == [200, 201], answers)

    def a_new_checkout_and_a_payment_that_takes_its_reference(self) -> Wrong:
        payment, order = self.bought(), self.api.order()
        name = {"merchant_reference": order["merchant_reference"]}
        answers = meet(
            self.db,
            lambda: sound(self.again().call("PATCH", f"/v1/payments/{payment['id']}", name)),
            self.sent("/v1/checkouts", order),
        )
        return unless(codes(answers) == [200, 409], answers)

    def a_confirmation_and_a_cancellation(self) -> Wrong:
        checkout = self.api.checkout()["id"]
        person = invented_id_number(f"cancel {self.turns}")
        answers = meet(
            self.db, self.sent(f"/v1/checkouts/{checkout}/cancel", {}), self.complete(checkout, person)
        )
        return unless(codes(answers) == [200, 409], answers)

    def two_guesses_of_one_code(self) -> Wrong:
        checkout = self.api.checkout()
        browsers = [self.app.test_client() for _ in "ab"]
        for pages in browsers:
            enter(pages, checkout)
        phone = f"1391235{self.turns:04}"
        self.turns += 1
        typed = {
            "term": "12", "name": "张伟", "id_number": invented_id_number(phone), "phone": phone, "code": "123456",
        }  # fmt: skip
        path = f"/checkout/{checkout['id']}"
        browsers[0].post(f"{path}/code", data=typed)
        browsers[0].post(f"{path}/identity", data=typed)  # the counts are there before they meet
        meet(self.db, *(lambda p=p: sound(p.post(f"{path}/identity", data=typed)) for p in browsers))
        [(tries,)] = self.rows("SELECT attempts FROM one_time_code WHERE subject_id = :id", id=checkout["id"])
        return unless(tries == 3, tries)

    def guesses_for_one_phone_in_two_checkouts(self) -> Wrong:
        phone, guesses = f"1391236{self.turns:04}", []
        self.turns += 1
        for name in ("one", "two"):
            checkout, pages = self.api.checkout(), self.app.test_client()
            enter(pages, checkout)
            typed = {
                "term": "12", "name": "张伟", "id_number": invented_id_number(phone + name), "phone": phone,
                "code": "123456",
            }  # fmt: skip
            path = f"/checkout/{checkout['id']}"
            pages.post(f"{path}/code", data=typed)
            guesses.append(
                lambda pages=pages, path=path, typed=typed: pages.post(f"{path}/identity", data=typed)
            )
        guesses[0]()  # the count of the phone is there before they meet
        [(before,)] = self.rows("SELECT sum(times) FROM code_count")
        meet(self.db, *guesses)
        [(after,)] = self.rows("SELECT sum(times) FROM code_count")
        return unless(after - before == 4, (before, after))  # for the phone, and for each ID number


def sound(answer: TestResponse) -> TestResponse:
    """The answer, which is no error of the server."""
    assert answer.status_code < 500, answer.text
    return answer


def codes(answers: tuple[TestResponse, TestResponse]) -> list[int]:
    """How both were answered, whoever came first."""
    return sorted(answer.status_code for answer in answers)


def unless(right: bool, said: Any) -> Wrong:
    """What is wrong, if something is."""
    if right:
        return []
    shown = (
        [one.text[:150] if isinstance(one, TestResponse) else str(one) for one in said]
        if isinstance(said, tuple)
        else [str(said)]
    )
    return shown
