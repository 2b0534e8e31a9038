"""A book with everything in it that can happen to a purchase, for proofs and for edits of its rows."""

from __future__ import annotations

from typing import Any

from flask import Flask

from gateway.audit.service import Actor
from gateway.institution.port import Answer, Instruction
from gateway.merchants import commands
from tests.gateway.books import Books
from tests.gateway.conftest import Api, TestClock

PROGRAMME = "trade_in_2026"


class Refuses:
    """An institution that can pay no shopper back."""

    def carry_out(self, instruction: Instruction) -> Answer:
        failed = instruction.movement == "refund" or instruction.test_failure
        return Answer("failed", "account_closed") if failed else Answer("succeeded")

    def look_up(self, instruction: Instruction) -> Answer | None:
        return None


class WholeLife:
    """Merchants whose purchases go every way.

    Shipped in parts, refunded in each kind, late, given up, disputed, settled early, unwound, subsidised, paid out,
    refused and returned; one of them lives by a test clock.
    """

    def __init__(self, app: Flask, clock: TestClock, make: Any) -> None:
        self.gateway, self.make = app.extensions["fenqi"], make
        self.seller, self.school, self.ahead = make(), make("education"), make()
        self.books = Books(app, self.seller, clock)
        self._agree_reserve()
        self._first_day()
        self.books.jump(1)
        self._second_day()
        self.books.jump_to("2026-12-24")
        self._a_month_later()
        self.books.jump_to("2027-01-25")
        self._two_months_later()
        self.books.jump_to("2027-07-20")
        self.books.jump(1)
        self._given_up()
        self._lives_ahead()
        self._last_day()

    def _agree_reserve(self) -> None:
        owner = self.seller.credentials["merchant"]
        commands.reserve(self.gateway.db, Actor("operator", "tests"), owner, rate="0.05", days=10)

    def ask(self, path: str, body: Any = None, by: Api | None = None) -> Any:
        """A POST that must work; returns what it answers."""
        api = by or self.seller
        api.login()
        answer = api.post(path, body)
        assert answer.status_code < 300, answer.text
        return answer.json

    def _bought(self, term: int = 3, by: Api | None = None, **changes: Any) -> Any:
        api = by or self.seller
        api.login()
        return api.captured(term, **changes)

    def _refund(self, payment: Any, **asked: Any) -> Any:
        return self.ask("/v1/refunds", {"payment": payment["id"], "reason": "asked for", **asked})

    def _loan(self, payment: Any, verb: str, body: Any) -> Any:
        return self.ask(f"/v1/test_helpers/loans/{payment['captures'][0]['loan']}/{verb}", body)

    def _dispute(self, payment: Any, outcome: str | None, **asked: Any) -> None:
        dispute = self.ask("/v1/test_helpers/disputes", {"payment": payment["id"], **asked})
        if outcome:
            path = f"/v1/test_helpers/disputes/{dispute['id']}/resolve"
            self.ask(path, {"outcome": outcome})

    def _first_day(self) -> None:
        """Shipped in parts; late from the first instalment; returned within the week; subsidised; left to lapse."""
        two = [{"name": "Phone", "quantity": 2, "unit_price": 250_000}]
        self.parts = self.seller.approved(6, amount=500_000, items=two)
        path = f"/v1/payments/{self.parts['id']}/capture"
        self.parts = self.ask(path, {"items": [{"line": 1, "quantity": 1}]})
        self.parts = self.ask(path, {"amount": 120_000})
        self.ask(f"/v1/payments/{self.parts['id']}/void", {"amount": 30_000, "reason": "a part is not sold"})
        self.late, self.lost, self.early = self._bought(), self._bought(), self._bought(6)
        self._loan(self.late, "miss", {"instalments": 3})
        self.unwound = self._bought(3, amount=180_000)
        self.behind = self._bought(3, amount=180_000)
        self._loan(self.behind, "miss", {"instalments": 2})
        item = {"name": "Phone", "quantity": 1, "unit_price": 300_000, "subsidy_category": "phone"}
        self.subsidised = self._bought(
            3, amount=255_000, items=[item], government_subsidy={"programme": PROGRAMME, "amount": 45_000}
        )
        self.lesson = self._bought(3, by=self.school, category="education", amount=300_000)
        self.seller.approved(3, amount=150_000)
        self.seller.checkout(amount=110_000)

    def _second_day(self) -> None:
        """Money comes back within the week, and the institution refuses a payout."""
        self._refund(self.unwound)
        self._refund(self.lost, kind="goodwill", amount=10_000)
        self._refund(self.parts, kind="price_adjustment", amount=5_000)
        claim = self.subsidised["captures"][0]["government_subsidy"]["id"]
        self.ask(f"/v1/test_helpers/subsidy_claims/{claim}/pay")
        self._dispute(self.late, "won", amount=50_000)
        self.books.jump(1)
        self.seller.login()
        paid = [row for row in self.seller.get("/v1/payouts").json["data"] if row["status"] == "paid"]
        self.ask(f"/v1/test_helpers/payouts/{paid[0]['id']}/return", {"reason": "account_closed"})

    def _a_month_later(self) -> None:
        """An instalment has fallen due: refunds lower what is to come, and one is settled early."""
        self._refund(self.lost, kind="return", amount=100_000)
        self._refund(self.lost, kind="price_adjustment", amount=20_000)
        self._refund(self.late, kind="return", amount=30_000)
        self._loan(self.early, "repay", {"early_settlement": True})
        self._refund(self.subsidised, kind="return")

    def _two_months_later(self) -> None:
        """A bill is late and paid in part; a dispute is lost; a shopper cannot be paid back at once."""
        self._loan(self.late, "repay", {"amount": 60_000})
        self._dispute(self.lost, "lost", amount=200_000)
        self._dispute(self.early, None, amount=40_000)
        self._refund(self.behind, kind="return", amount=170_000)
        works, self.gateway.ports.institution = self.gateway.ports.institution, Refuses()
        self._refund(self.parts, kind="return", amount=250_000)
        self.books.work()
        self.gateway.ports.institution = works

    def _given_up(self) -> None:
        """The late loan was written off: a part comes after all."""
        self._loan(self.late, "repay", {"amount": 70_000})
        self._refund(self.late, kind="goodwill", amount=15_000)

    def _lives_ahead(self) -> None:
        """A merchant whose clock is ahead of everybody's: an instalment is late there."""
        made = self.ask("/v1/test_clocks", {"name": "ahead"}, by=self.ahead)
        bought = self._bought(3, by=self.ahead, amount=210_000)
        self.ask(
            f"/v1/test_helpers/loans/{bought['captures'][0]['loan']}/miss", {"instalments": 3}, by=self.ahead
        )
        self.ask(f"/v1/test_clocks/{made['id']}/advance", {"days": 45}, by=self.ahead)
        self.books.work()

    def _last_day(self) -> None:
        """What is under way: authorised, just captured, contested, on its way back."""
        self.seller.login()
        self.seller.approved(3, amount=160_000)
        self.running = self._bought(6, amount=220_000)
        self._refund(self.running, kind="goodwill", amount=20_000)
