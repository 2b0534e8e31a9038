"""A preview is the refund then made: for seeded histories of captures, receipts, late days, refunds and disputes.

``FENQI_PREVIEW_SEEDS=10000 pytest tests/gateway/payments/test_refund_preview.py`` runs so many on each database.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import col, select

from gateway.db.transactions import Transaction
from gateway.ledger import service as ledger
from gateway.loans import service as loans
from gateway.payments.models import Capture, ShopperReturn, SubsidyClaim
from gateway.payments.refunds.kinds import REFUND_KINDS
from gateway.settlement import service as settlement
from gateway.settlement.models import SettlementLine
from tests.gateway.books import Books
from tests.gateway.conftest import problem
from tests.one_database import database_url, on_both  # noqa: F401

SEEDS = int(os.environ.get("FENQI_PREVIEW_SEEDS", "8"))
AT_ONCE = 8
"""Histories in one database: the day of each has the jobs of all."""
CLAIMS = ("merchant_pending", "merchant_available", "merchant_receivable")
MADE = ("id", "object", "created_at", "refund_reference")
"""What only a refund that was made has."""
PLAIN = ("return", "price_adjustment", "goodwill")
TAKEN = ("from_pending", "from_available", "owed_by_merchant")


class History:
    """A payment to which random things happen, and each refund of which is previewed first."""

    def __init__(self, books: Books, seed: int) -> None:
        self.books, self.chance = books, random.Random(seed)
        self.clock = books.clock
        self.previews = 0
        self.refused = 0
        self.number = 0

    def run(self) -> None:
        """Buy something, and let a few things happen."""
        self.books.api.login()
        self.payment = self._bought()
        acts = [
            self.capture,
            self.wait,
            self.receive,
            self.repay,
            self.refund,
            self.refund,
            self.refund,
            self.dispute,
            self.pay_subsidy,
            self.claim,
            self.claim,
        ]
        self.stage()
        self.capture()
        for _ in range(self.chance.randint(3, 7)):
            self.chance.choice(acts)()
        self.refund()
        self.refund()

    def _bought(self) -> dict[str, Any]:
        chance = self.chance
        items: list[dict[str, Any]] = [
            {
                "name": f"Part {number}",
                "quantity": chance.randint(1, 3),
                "unit_price": chance.randint(100_000, 250_000),
            }
            for number in range(chance.randint(1, 3))
        ]
        order: dict[str, Any] = {}
        if chance.random() < 0.5 and self.clock.now.year == 2026:
            items[0] = {"name": "Phone", "quantity": 1, "unit_price": 400_000, "subsidy_category": "phone"}
            order["government_subsidy"] = {"programme": "trade_in_2026", "amount": 50_000}
        whole = sum(item["quantity"] * item["unit_price"] for item in items)
        amount = whole - (50_000 if order else 0)
        self.items = items
        return self.books.api.approved(chance.choice((3, 6, 12)), amount=amount, items=items, **order)

    def stage(self) -> None:
        """Plan some milestones of it, for one payment in two."""
        if self.chance.random() < 0.5:
            for _ in range(self.chance.randint(1, 4)):
                amount = self.chance.randint(100, self.payment["amount"] // 2)
                body = {"kind": self.chance.choice(("delivery", "lesson", "other")), "amount": amount}
                self.books.post(f"/v1/payments/{self.payment['id']}/milestones", body)

    def claim(self) -> None:
        """Claim a stage that was captured; the shopper contests some."""
        path = f"/v1/payments/{self.payment['id']}/milestones"
        stages = [one for one in self._get(path)["data"] if one["capture"] and one["status"] == "planned"]
        if stages:
            stage = self.chance.choice(stages)["id"]
            self.books.post(f"{path}/{stage}/claim", {"text": "done"})
            if self.chance.random() < 0.3:
                self.books.post(f"/v1/test_helpers{path.removeprefix('/v1')}/{stage}/contest")

    def now(self) -> dict[str, Any]:
        return self._get(f"/v1/payments/{self.payment['id']}")

    def _get(self, path: str) -> dict[str, Any]:
        self.books._log_in()
        return self.books.api.get(path).json

    def capture(self) -> None:
        chance, lines = self.chance, self.now()["lines"]
        left = [line for line in lines if line["captured"] < line["ordered"]]
        body: dict[str, Any] = {}
        if left and chance.random() < 0.5:
            line = chance.choice(left)
            body["items"] = [
                {"line": line["line"], "quantity": chance.randint(1, line["ordered"] - line["captured"])}
            ]
        elif chance.random() < 0.3:
            body["amount"] = chance.randint(100_000, 300_000)
        if chance.random() < 0.3:
            body["final"] = True
        self.books.post(f"/v1/payments/{self.payment['id']}/capture", body)

    def wait(self) -> None:
        self.books.jump(self.chance.choice((1, 1, 2, 5, 20, 35, 64)))

    def receive(self) -> None:
        body = {"shipping": {"delivered_at": self.clock.now.isoformat()}}
        self.books._log_in()
        self.books.api.call("PATCH", f"/v1/payments/{self.payment['id']}", body)

    def repay(self) -> None:
        capture = self.chance.choice(self.now()["captures"] or [None])
        if capture is not None:
            act, body = self.chance.choice(
                (
                    ("repay", {"amount": self.chance.randint(1_000, 400_000)}),
                    ("miss", {"instalments": 2}),
                )
            )
            self.books.post(f"/v1/test_helpers/loans/{capture['loan']}/{act}", body)

    def pay_subsidy(self) -> None:
        claims = [one["government_subsidy"] for one in self.now()["captures"] if one["government_subsidy"]]
        if claims:
            self.books.post(f"/v1/test_helpers/subsidy_claims/{claims[0]['id']}/pay")

    def dispute(self) -> None:
        found = self.books.post("/v1/test_helpers/disputes", {"payment": self.payment["id"], "reason": "x"})
        if found.status_code == 201 and self.chance.random() < 0.9:
            outcome = {"outcome": self.chance.choice(("won", "lost", "canceled"))}
            self.books.post(f"/v1/test_helpers/disputes/{found.json['id']}/resolve", outcome)

    def refund(self) -> None:
        """Preview a refund and make it: both answer the same, and what was foretold is what has happened."""
        body = self._asked()
        before = Facts(self.books, self.payment["id"])
        with only_looks(self.books):
            foretold = self.books.post("/v1/refunds/preview", body)
        assert vars(Facts(self.books, self.payment["id"])) == vars(before)
        made = self.books.post("/v1/refunds", body)
        if made.status_code != 201:
            self.refused += 1
            said, told = problem(foretold), problem(made)
            assert {**said, "request_id": "", "instance": ""} == {**told, "request_id": "", "instance": ""}, (
                body
            )
            return
        self.previews += 1
        after = Facts(self.books, self.payment["id"])
        agrees(foretold.json, made.json, before, after)

    def _asked(self) -> dict[str, Any]:
        chance, payment = self.chance, self.now()
        body: dict[str, Any] = {
            "payment": payment["id"],
            "reason": "x",
            "kind": chance.choice((*PLAIN, *REFUND_KINDS)),
        }
        if chance.random() < 0.4 and payment["captures"]:
            body["capture"] = chance.choice(payment["captures"])["id"]
        left = [line for line in payment["lines"] if line["returned"] < line["captured"]]
        what = chance.random()
        if what < 0.35 and left:
            body["kind"] = chance.choice(("return", "unused_lessons", body["kind"]))
            line = chance.choice(left)
            body["items"] = [
                {"line": line["line"], "quantity": chance.randint(1, line["captured"] - line["returned"])}
            ]
        elif what < 0.8:
            most = payment["refundable_amount"] * chance.choice((3, 3, 10, 11)) // 10
            body["amount"] = chance.randint(1, max(2, most))
        if chance.random() < 0.3:
            self.number += 1
            body["refund_reference"] = f"return-{chance.randint(1, self.number)}"
        return body


class Facts:
    """Everything a refund may change, as it stands."""

    def __init__(self, books: Books, payment_id: str) -> None:
        with books.gateway.db.read() as tx:
            captures = list(
                tx.exec(select(Capture).where(Capture.payment_id == payment_id).order_by(Capture.id))
            )
            self.loans = {c.loan_id: loans.view(tx, loans.get(tx, books.tenant, c.loan_id)) for c in captures}
            self.claims = ledger.balances(tx, books.tenant, CLAIMS)
            self.lines = _of(tx, SettlementLine, SettlementLine.payment_id == payment_id)
            self.returns = _of(tx, ShopperReturn, col(ShopperReturn.loan_id).in_(self.loans))
            self.subsidies = sum(
                row.returned_fen
                for row in tx.exec(select(SubsidyClaim).where(SubsidyClaim.payment_id == payment_id))
            )


def _of(tx: Transaction, kind: Any, condition: Any) -> dict[str, Any]:
    return {row.id: row.model_dump() for row in tx.exec(select(kind).where(condition).order_by(kind.id))}


def _new(before: dict[str, Any], after: dict[str, Any]) -> list[Any]:
    return [after[id] for id in sorted(after.keys() - before.keys())]


@contextmanager
def only_looks(books: Books) -> Iterator[None]:
    """Fail for a statement that writes or locks."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    engine = books.gateway.db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", note)
    books_only = [one for one in sent if "spent_proof" not in one]
    assert not [
        one
        for one in books_only
        if not one.startswith(("SELECT", "BEGIN", "SET", "SHOW")) or "FOR UPDATE" in one
    ], books_only
    assert not [one for one in books_only if "advisory" in one]


def agrees(foretold: dict[str, Any], made: dict[str, Any], before: Facts, after: Facts) -> None:
    """What a preview has said is what a refund has answered and done."""
    same = made.keys() - {*MADE}
    assert {name: foretold[name] for name in same} == {name: made[name] for name in same}
    touched = {row["loan"] for row in foretold["schedule_before"]}
    for which, facts in (("schedule_before", before), ("schedule_after", after)):
        for loan in touched:
            told = [
                {name: value for name, value in row.items() if name != "loan"}
                for row in foretold[which]
                if row["loan"] == loan
            ]
            assert told == facts.loans[loan]["schedule"], (which, loan)
    changed = {
        loan for loan in before.loans if before.loans[loan]["schedule"] != after.loans[loan]["schedule"]
    }
    assert changed <= touched
    late = sum(
        before.loans[loan]["total_late_interest"] - after.loans[loan]["total_late_interest"]
        for loan in touched
    )
    assert foretold["late_interest_waived"] == late
    assert foretold["subsidy_returned"] == after.subsidies - before.subsidies
    sent = [
        {
            "loan": row["loan_id"],
            "amount": row["amount_fen"],
            "of": "refund" if row["refund_id"] else "credit",
        }
        for row in _new(before.returns, after.returns)
    ]
    assert foretold["shopper_returns"] == sent
    _agrees_with_settlement(foretold, before, after)


def _agrees_with_settlement(foretold: dict[str, Any], before: Facts, after: Facts) -> None:
    lines = foretold["settlement_effect"]["lines"]
    written = [SettlementLine(**row) for row in _new(before.lines, after.lines)]
    shown = [
        {
            **{name: settlement.line_view(line)[name] for name in ("kind", "capture", "amount", "net")},
            "fees": (
                settlement.line_view(line)["merchant_fee"],
                settlement.line_view(line)["merchant_subsidy"],
            ),
            "settlement_date": line.settlement_date.isoformat(),
        }
        for line in written
    ]
    told = [
        {
            **{name: line[name] for name in ("kind", "capture", "amount", "net", "settlement_date")},
            "fees": (line["merchant_fee"], line["merchant_subsidy"]),
        }
        for line in lines
    ]
    assert sorted(map(repr, (sorted(one.items()) for one in told))) == sorted(
        map(repr, (sorted(one.items()) for one in shown))
    )
    assert foretold["settlement_effect"]["net"] == sum(line["net"] for line in lines)
    assert all(-line["net"] == sum(line[name] for name in TAKEN) for line in lines)
    taken = {claim: sum(line[name] for line in lines) for claim, name in zip(CLAIMS, TAKEN, strict=True)}
    # Of a subsidy that its programme has not paid only the claim goes.
    taken["merchant_pending"] += foretold["subsidy_returned"] + sum(
        line["amount"] for line in lines if line["kind"] == "subsidy_return"
    )
    signs = {"merchant_pending": -1, "merchant_available": -1, "merchant_receivable": 1}
    assert {claim: signs[claim] * (after.claims[claim] - before.claims[claim]) for claim in CLAIMS} == taken


@on_both
@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_a_preview_is_the_refund_that_is_then_made(books: Books, first: int) -> None:
    histories = [History(books, seed) for seed in range(first, min(first + AT_ONCE, SEEDS))]
    for seed, history in enumerate(histories, start=first):
        try:
            history.run()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}") from error
    assert any(history.previews for history in histories)
    books.sound()
