"""A shopper pays by hand: what is due, or everything that is left, once however often it is asked, as quoted."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.core.tenant import Tenant
from gateway.errors import InstitutionUnavailable, QuoteChanged, WrongState
from gateway.institution.port import Answer
from gateway.loans import repayment
from gateway.loans import service as loans
from gateway.merchants import business_clock
from gateway.payments.collections import by_hand
from tests.one_database import database_url, on_both  # noqa: F401


def asked(books: Any, verb: Any, loan_id: str, **more: Any) -> Any:
    """Do as the shopper asks, at the merchant's time."""

    def work(tx: Any) -> Any:
        business_clock.enter(tx, books.tenant)
        return verb(tx, books.tenant, loan_id, **more)

    return books.gateway.db.write(work)


def quote(books: Any, loan_id: str) -> Any:
    with books.gateway.db.read() as tx:
        business_clock.enter(tx, books.tenant)
        return repayment.quote_now(tx, loans.get(tx, books.tenant, loan_id))


def loan_of(payment: dict[str, Any]) -> str:
    return payment["captures"][0]["loan"]


@on_both
def test_what_is_overdue_is_paid_once_to_the_fen(api, books):
    payment = api.captured()
    loan = loan_of(payment)
    books.post(f"/v1/test_helpers/loans/{loan}/miss", {"instalments": 1})
    books.pass_days(40)
    due = books.loan(payment)["amount_due"]
    assert due > 54_999, "with late interest"
    assert asked(books, by_hand.pay_due, loan) == due
    with pytest.raises(WrongState):
        asked(books, by_hand.pay_due, loan)
    books.work()
    found = books.loan(payment)
    assert (found["status"], found["amount_due"], found["bills"][0]["status"]) == ("active", 0, "paid")
    with pytest.raises(WrongState, match="Nothing is due"):
        asked(books, by_hand.pay_due, loan)
    books.sound()


@on_both
def test_what_ends_the_loan_is_the_quote_of_the_api_and_of_the_books(api, books):
    payment = api.captured()
    loan = loan_of(payment)
    books.pass_days(40)
    shown = quote(books, loan)
    assert shown == books.loan(payment)["early_settlement"]
    with pytest.raises(QuoteChanged):
        asked(books, by_hand.pay_off, loan, amount_fen=shown["amount"] - 1)
    before = books.of("loan_principal")
    assert asked(books, by_hand.pay_off, loan, amount_fen=shown["amount"]) == shown["amount"]
    with pytest.raises(WrongState):
        asked(books, by_hand.pay_off, loan, amount_fen=shown["amount"])
    books.work()
    found = books.loan(payment)
    assert (found["status"], found["outstanding_principal"], found["shopper_credit"]) == ("settled", 0, 0)
    assert books.of("loan_principal") == before - shown["principal"]
    assert books.figure("SELECT amount_fen FROM loan_repayment ORDER BY id DESC LIMIT 1") == shown["amount"]
    books.sound()


class Slow:
    """An institution that has the money and tells of it late."""

    def __init__(self, real: Any) -> None:
        self.real, self.silent = real, True

    def look_up(self, instruction: Any) -> Any:
        if instruction.movement == "collection" and self.silent:
            raise InstitutionUnavailable("no answer")
        return self.real.look_up(instruction)

    def carry_out(self, instruction: Any) -> Any:
        return self.real.carry_out(instruction)


def test_an_unknown_outcome_holds_back_the_next_instalment_and_costs_nothing(api, books):
    payment = api.captured()
    loan = loan_of(payment)
    books.pass_days(20)
    shown = quote(books, loan)
    slow = Slow(books.gateway.ports.unguarded("institution"))
    books.gateway.ports.institution = slow
    asked(books, by_hand.pay_off, loan, amount_fen=shown["amount"])
    books.pass_days(20)  # beyond the due date
    assert books.loan(payment)["bills"] == [], "it waits for the outcome"
    slow.silent = False
    books.pass_days(2)
    found = books.loan(payment)
    assert (found["status"], found["shopper_credit"], found["total_late_interest"]) == ("settled", 0, 0)
    assert books.figure("SELECT SUM(amount_fen) FROM loan_repayment") == shown["amount"]
    books.sound()


class Poor(Slow):
    """The shopper's account has no money."""

    def look_up(self, instruction: Any) -> Any:
        return None if instruction.movement == "collection" else self.real.look_up(instruction)

    def carry_out(self, instruction: Any) -> Any:
        if instruction.movement == "collection" and self.silent:
            return Answer("failed", failure="insufficient_funds")
        return self.real.carry_out(instruction)


def test_a_failed_payment_changes_nothing_and_the_plan_goes_on(api, books):
    payment = api.captured()
    loan = loan_of(payment)
    books.pass_days(20)
    poor = Poor(books.gateway.ports.unguarded("institution"))
    books.gateway.ports.institution = poor
    asked(books, by_hand.pay_off, loan, amount_fen=quote(books, loan)["amount"])
    books.work()
    assert books.loan(payment)["status"] == "active"
    poor.silent = False
    books.pass_days(20)
    assert books.loan(payment)["bills"][0]["status"] == "paid"
    asked(books, by_hand.pay_off, loan, amount_fen=quote(books, loan)["amount"])
    books.work()
    assert books.loan(payment)["status"] == "settled"
    books.sound()


def test_another_tenant_has_no_such_loan(api, books, new_merchant):
    payment = api.captured()
    other = Tenant(new_merchant().credentials["merchant"], "test")
    with pytest.raises(Exception, match="There is no loan"):
        books.gateway.db.write(lambda tx: by_hand.pay_due(tx, other, loan_of(payment)))
