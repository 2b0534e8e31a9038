"""Everything that can happen after approval, in random order, on both databases, beside an independent model.

After every step the books must show what the model's dictionaries say, the limits what is lent, and at the end the
ledger must verify.
"""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from gateway.app import create_app
from gateway.config import Settings
from gateway.core.calendar import shanghai_date
from gateway.core.tenant import Tenant
from gateway.db.transactions import READ_COMMITTED
from gateway.errors import InstitutionUnavailable
from gateway.institution.port import Answer, Instruction
from gateway.ledger.integrity.verify import verify
from gateway.loans import repayment
from gateway.loans.models import Loan
from gateway.payments import service as payments
from gateway.payments.capture import capture
from gateway.payments.collections import service as collections
from gateway.payments.disputes import service as disputes
from gateway.payments.models import Payment
from gateway.payments.refunds import refund
from gateway.process.daily import run_day
from gateway.process.onboarding import onboard
from gateway.process.worker import drain
from gateway.proof.book_agreements import AGREEMENTS
from gateway.settlement import payouts
from tests.depth import examples
from tests.gateway.conftest import START, Api, TestClock
from tests.gateway.loans.oracle import Oracle
from tests.gateway.scorer import loaded_scorer

pytestmark = pytest.mark.long(15)

BOOKS = text(
    "SELECT account.kind, SUM(posting.amount) FROM ledger_posting AS posting"
    " JOIN ledger_account AS account ON account.id = posting.account_id"
    " JOIN ledger_entry AS entry ON entry.id = posting.entry_id"
    " WHERE entry.merchant_id = :merchant GROUP BY account.kind"
)
HELD = text(
    "SELECT COALESCE(SUM(held_fen), 0) FROM credit_limit"
    " WHERE shopper_id IN (SELECT shopper_id FROM payment WHERE merchant_id = :merchant)"
)


KINDS = ("return", "price_adjustment", "unused_lessons", "goodwill")


class ScriptedInstitution:
    """Does what the test wants, remembers every reference, and never lets one be sent twice."""

    def __init__(self) -> None:
        self.works = {"collection": True, "return": True, "payout": True}
        self.lose_an_answer = False
        self.done: dict[str, Answer] = {}

    def carry_out(self, instruction: Instruction) -> Answer:
        assert instruction.reference not in self.done, "an instruction was sent twice"
        works = self.works["return" if instruction.movement == "refund" else instruction.movement]
        answer = Answer("succeeded") if works else Answer("failed", "refused")
        self.done[instruction.reference] = answer
        if self.lose_an_answer:
            self.lose_an_answer = False
            raise InstitutionUnavailable("the answer was lost")
        return answer

    def look_up(self, instruction: Instruction) -> Answer | None:
        return self.done.get(instruction.reference)


class AlwaysOpen:
    """Banks that never rest: the model has no calendar."""

    def is_working_day(self, day: date) -> bool:
        return True

    def is_published(self, year: int) -> bool:
        return True


class BooksMachine(RuleBasedStateMachine):
    """Drives one merchant's gateway and its model side by side."""

    gateway: Any
    client: Any
    clock: TestClock
    institution: ScriptedInstitution
    number = 0

    @initialize(
        category=st.sampled_from(["3c", "furnishing", "education"]),
        term=st.sampled_from([3, 6, 12]),
        amount=st.integers(100_000, 3_000_000),
        data=st.data(),
    )
    def open_shop(self, category: str, term: int, amount: int, data: st.DataObject) -> None:
        BooksMachine.number += 1
        # Every run begins on the same day, and its identifiers sort as they were made: the same draws, the same run.
        self.clock.now = START
        credentials = onboard(
            self.gateway,
            name="商户",
            name_en="Shop",
            category=category,
            mode="test",
            email=f"owner{self.number}@shop.example",
            webhook_url=None,
        )
        self.api, self.category = Api(self.client, credentials), category
        self.tenant = Tenant(credentials["merchant"], "test")
        self.model = Oracle()
        self.captures: dict[str, str] = {}
        self.approve(term, amount)
        self.capture(data, whole=True)

    # -- what merchants do

    @precondition(lambda self: len(self.model.payments) < 3)
    @rule(term=st.sampled_from([3, 6, 12]), amount=st.integers(100_000, 3_000_000))
    def approve(self, term: int, amount: int) -> None:
        self.api.login()
        payment = self.api.approved(term, amount=amount, category=self.category)
        with self.gateway.db.read() as tx:
            price = tx.get_one(Payment, payment["id"]).price
        self.model.authorise(payment["id"], amount, price)

    @precondition(lambda self: self.capturable())
    @rule(data=st.data(), whole=st.booleans())
    def capture(self, data: st.DataObject, whole: bool) -> None:
        payment_id, left = data.draw(st.sampled_from(self.capturable()))
        part = left if whole or left < 300_000 else data.draw(st.integers(100_000, left - 100_000))
        payment = self.write(
            lambda tx: payments.view(
                tx,
                *capture(
                    tx, self.gateway, self.tenant, payment_id=payment_id, amount_fen=part, items=None, delivery=None,
                    final=False,
                ),
            )
        )  # fmt: skip
        new = payment["captures"][-1]
        self.captures[new["loan"]] = new["id"]
        settles = date.fromisoformat(new["settlement_date"])
        self.model.capture(payment_id, new["loan"], part, self.today, settles)

    @precondition(lambda self: self.capturable())
    @rule(data=st.data())
    def void(self, data: st.DataObject) -> None:
        payment_id, left = data.draw(st.sampled_from(self.capturable()))
        amount = data.draw(st.integers(1, left))
        self.write(
            lambda tx: (
                payments.void(tx, self.tenant, payment_id=payment_id, amount_fen=amount, reason="x") and None
            )
        )
        self.model.void(payment_id, amount)

    @precondition(lambda self: self.refundable())
    @rule(data=st.data(), whole=st.booleans(), kind=st.sampled_from(KINDS))
    def refund(self, data: st.DataObject, whole: bool, kind: str) -> None:
        name, left = data.draw(st.sampled_from(self.refundable()))
        amount = left if whole else data.draw(st.integers(1, left))
        self.give_back(name, amount, kind)
        self.model.refund(name, amount, kind, self.today)

    @precondition(lambda self: len(self.model.loans) > 1 and self.unwindable())
    @rule(data=st.data())
    def unwind(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self.unwindable()))
        self.give_back(name, None, "unwind")
        self.model.unwind(name, self.today)

    # -- what shoppers do

    @precondition(lambda self: self.model.loans)
    @rule(data=st.data(), amount=st.integers(1, 400_000), days_ago=st.integers(0, 12) | st.integers(13, 120))
    def repay(self, data: st.DataObject, amount: int, days_ago: int) -> None:
        """Money is received; it may be reported long after, and after money that was received later."""
        name = data.draw(st.sampled_from(sorted(self.model.loans)))
        on = max(self.today - timedelta(days=days_ago), self.model.loans[name]["start"])
        reference = f"{name}:{len(self.institution.done)}:{self.step()}"
        self.write(
            lambda tx: (
                collections.receive(
                    tx, self.tenant, loan_id=name, amount_fen=amount, reference=reference, received_on=on
                )
                and None
            )
        )
        self.model.receive(name, amount, on, self.today)

    @precondition(lambda self: self.with_rows())
    @rule(data=st.data())
    def settle_early(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self.with_rows()))
        reference = f"{name}:early:{self.step()}"

        def settle(tx: Any) -> None:
            done = repayment.settle_early(tx, self.tenant, loan_id=name, reference=reference)
            collections.free_limit(tx, done)

        self.write(settle)
        self.model.settle_early(name, self.today)

    @precondition(lambda self: len(self.model.disputes) < 2 and self.refundable())
    @rule(data=st.data(), whole=st.booleans())
    def dispute(self, data: st.DataObject, whole: bool) -> None:
        name, left = data.draw(st.sampled_from(self.refundable()))
        amount = left if whole else data.draw(st.integers(1, left))
        payment = self.model.loans[name]["payment"]
        found = self.write(
            lambda tx: disputes.view(
                disputes.open_dispute(
                    tx,
                    self.tenant,
                    payment_id=payment,
                    capture_id=self.captures[name],
                    amount_fen=amount,
                    reason="x",
                )
            )
        )
        self.model.dispute(found["id"], name, amount, self.today + timedelta(days=7), self.today)

    @precondition(lambda self: self.undecided())
    @rule(data=st.data(), outcome=st.sampled_from(["won", "lost", "canceled"]))
    def decide(self, data: st.DataObject, outcome: str) -> None:
        name = data.draw(st.sampled_from(self.undecided()))
        self.write(lambda tx: disputes.resolve(tx, self.tenant, name, outcome=outcome) and None)
        (self.model.lose if outcome == "lost" else self.model.win)(name, self.today)

    # -- what the institution and time do

    @rule(
        collection=st.booleans() | st.just(True),
        back=st.booleans() | st.just(True),
        payout=st.booleans() | st.just(True),
        lose=st.booleans(),
    )
    def answer(self, collection: bool, back: bool, payout: bool, lose: bool) -> None:
        """The institution carries out what waits; one answer may be lost on the way."""
        works = {"collection": collection, "return": back, "payout": payout}
        self.institution.works = works
        # Where several instalments are collected, a lost answer would change their order, which the model keeps.
        alone = sum(item["what"] == "collection" for item in self.model.instructions) <= 1
        self.institution.lose_an_answer = lose and alone
        self.drain()
        self.model.answer(works, self.today)

    @rule(days=st.sampled_from([1, 1, 2, 5, 8, 16, 31, 31, 45]))
    def pass_days(self, days: int) -> None:
        """Time passes; the jobs of the day run once, however many days late."""
        self.clock.advance(days=days)
        run_day(self.gateway, self.tenant)
        run_day(self.gateway, self.tenant)
        self.expire()
        self.model.run_day(self.today)

    @rule(months=st.integers(1, 5), collection=st.booleans() | st.just(True))
    def live_on(self, months: int, collection: bool) -> None:
        """Months pass and the institution answers; nothing else happens."""
        for _ in range(months):
            self.pass_days(31)
            self.answer(collection=collection, back=True, payout=True, lose=False)

    @precondition(lambda self: any(loan["status"] == "overdue" for loan in self.model.loans.values()))
    @rule()
    def give_up(self) -> None:
        """So long passes that what is overdue is written off."""
        self.pass_days(200)

    @precondition(lambda self: self.paid_payouts())
    @rule()
    def return_payout(self) -> None:
        payout = self.paid_payouts()[-1]
        self.write(lambda tx: payouts.give_back(tx, payout, failure="account_closed") and None)
        with self.gateway.db.read() as tx:
            query = text("SELECT amount_fen FROM payout WHERE id = :id")
            amount = tx.connection().execute(query, {"id": payout}).scalar_one()
        self.model.post(funder_clearing=amount, merchant_available=-amount)
        self.model.lines.append({"net": amount, "pending": 0, "on": self.today})

    # -- what must always hold

    @invariant()
    def the_books_are_the_models(self) -> None:
        if not hasattr(self, "model"):
            return
        with self.gateway.db.read() as tx:
            merchant = {"merchant": self.tenant.merchant_id}
            found = {kind: int(total) for kind, total in tx.connection().execute(BOOKS, merchant)}
            held = tx.connection().execute(HELD, merchant).scalar_one()
            states = {name: tx.get_one(Loan, name).status for name in self.model.loans}
        wanted = {kind: total for kind, total in self.model.accounts.items() if total}
        assert {kind: total for kind, total in found.items() if total} == wanted
        assert held == self.model.held()
        assert states == {name: loan["status"] for name, loan in self.model.loans.items()}

    def teardown(self) -> None:
        if not hasattr(self, "model"):
            return
        self.institution.works = {"collection": True, "return": True, "payout": True}
        self.clock.advance(days=31)  # by then all that failed is instructed again
        self.drain()
        self.model.answer(self.institution.works, self.today)
        self.the_books_are_the_models()
        assert self.model.accounts["payout_in_transit"] == self.model.accounts["refund_in_transit"] == 0
        with self.gateway.db.read() as tx:
            report = verify(tx, AGREEMENTS)
        assert report.ok, [check for check in report.checks if not check.ok]

    # -- helpers

    @property
    def today(self) -> date:
        return shanghai_date(self.clock.now)

    def step(self) -> int:
        self.steps = getattr(self, "steps", 0) + 1
        return self.steps

    def write(self, work: Any) -> Any:
        return self.gateway.db.write(work, READ_COMMITTED)

    def drain(self) -> None:
        while drain(self.gateway):
            pass
        self.clock.advance(seconds=6)  # what got no answer is asked about after five
        while drain(self.gateway):
            pass

    def give_back(self, name: str, amount: int | None, kind: str) -> None:
        self.write(
            lambda tx: (
                refund.refund(
                    tx,
                    self.tenant,
                    payment_id=self.model.loans[name]["payment"],
                    capture_id=self.captures[name],
                    amount_fen=amount,
                    refund_reference=None,
                    kind=kind,
                    reason="x",
                    initiated_by="api",
                )
                and None
            )
        )

    def expire(self) -> None:
        """Authorisations lapse after 28 days, or 7 if nothing is captured.

        The gateway says which have, for the model does not know the hour.
        """
        for name, payment in self.model.payments.items():
            with self.gateway.db.read() as tx:
                row = tx.get_one(Payment, name)
            lapsed = row.expired_fen + row.voided_fen - payment["gone"]
            if lapsed:
                assert (row.expires_at if row.captured_fen else row.acknowledge_by) <= self.clock.now
                self.model.void(name, lapsed)

    def capturable(self) -> list[tuple[str, int]]:
        found = []
        for name, payment in self.model.payments.items():
            left = payment["amount"] - payment["captured"] - payment["gone"]
            if left > 0 and len(payment["loans"]) < 3:
                found.append((name, left))
        return found

    def undecided(self) -> list[str]:
        return [
            name for name, dispute in self.model.disputes.items() if dispute["status"] == "needs_response"
        ]

    def undisputed(self) -> list[str]:
        disputed = {
            self.model.loans[self.model.disputes[name]["loan"]]["payment"] for name in self.undecided()
        }
        return [name for name, loan in sorted(self.model.loans.items()) if loan["payment"] not in disputed]

    def refundable(self) -> list[tuple[str, int]]:
        return [
            (name, loan["amount"] - loan["refund_total"])
            for name in self.undisputed()
            if (loan := self.model.loans[name])["amount"] > loan["refund_total"]
        ]

    def unwindable(self) -> list[str]:
        return [
            name for name, _ in self.refundable() if self.model.may_unwind(self.model.loans[name], self.today)
        ]

    def with_rows(self) -> list[str]:
        """Loans that can be settled early; a young one only among others, or none would grow old."""
        return [
            name
            for name, loan in sorted(self.model.loans.items())
            if loan["status"] in ("active", "overdue")
            and self.model.to_fall_due(loan)
            and (loan["bills"] or len(self.model.loans) > 2)
        ]

    def paid_payouts(self) -> list[str]:
        query = text("SELECT id FROM payout WHERE merchant_id = :merchant AND status = 'paid' ORDER BY id")
        with self.gateway.db.read() as tx:
            return list(tx.connection().execute(query, {"merchant": self.tenant.merchant_id}).scalars())


@pytest.mark.slow
def test_the_books_agree_with_an_independent_model(database_url: str, tmp_path: Any) -> None:
    clock, institution, numbers = TestClock(), ScriptedInstitution(), itertools.count(1)
    options = Settings(
        database_url=database_url,
        data_dir=tmp_path / "data",
        public_url="http://gateway.test",
        worker_in_process=False,
        rate_limits="off",  # The clock goes back for every run.
    )
    app = create_app(
        options,
        clock=clock,
        random_bits=lambda bits: next(numbers),
        ports={"scorer": loaded_scorer(), "institution": institution, "working_days": AlwaysOpen()},
    )

    class Machine(BooksMachine):
        pass

    Machine.gateway, Machine.client = app.extensions["fenqi"], app.test_client()
    Machine.clock, Machine.institution = clock, institution
    run_state_machine_as_test(
        Machine,
        settings=settings(
            # A step costs twice as much on PostgreSQL, where what matters is that its guards and locks agree.
            max_examples=examples(6, deep=100) if database_url.startswith("sqlite") else examples(2, deep=20),
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            # A failing run is told as it was: finding its shortest form would take many minutes.
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
