"""What is done in steps does as much in one as its limit says, and no more; each such function has its line here."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import gateway
from gateway.checkout import service as checkouts
from gateway.core.calendar import shanghai_date
from gateway.db.transactions import Transaction
from gateway.loans import billing, closing
from gateway.payments import deadlines
from gateway.payments.collections import service as collections
from gateway.payments.milestones import jobs as milestones
from gateway.process.worker import drain
from tests.gateway.books import Books
from tests.one_database import database_url  # noqa: F401

ROOT = Path(gateway.__file__).parent
ELSEWHERE = {
    ("webhooks/delivery/queue.py", "claim"),
    ("outbox/service.py", "drain"),
    ("payments/telling/due.py", "plan"),
    ("payments/telling/happened.py", "tell"),
}
"""Runs of deliveries and of messages, which go on where the last one ended, and rows that are taken one by one: their
own tests know how many."""
Step = Callable[[Transaction, Books, int], int]


def _accrued(tx: Transaction, books: Books, most: int) -> int:
    """How many late loans are before the one at which it would go on."""
    today = shanghai_date(tx.now)
    last, _ = billing.accrue_late(tx, books.tenant, today=today, limit=most)
    late = sorted(set(tx.exec(billing._late_loans(books.tenant, today))))
    return late.index(str(last)) + 1


STEPS: dict[tuple[str, str], Step] = {
    ("checkout/service.py", "expire_due"): lambda tx, books, most: checkouts.expire_due(
        tx, books.tenant, limit=most
    ),
    ("payments/deadlines.py", "pass_due"): lambda tx, books, most: deadlines.pass_due(
        tx, books.tenant, limit=most
    ),
    ("loans/billing.py", "fall_due"): lambda tx, books, most: len(
        billing.fall_due(tx, books.tenant, today=shanghai_date(tx.now), limit=most)
    ),
    ("payments/collections/service.py", "bill_and_collect"): lambda tx, books, most: (
        collections.bill_and_collect(tx, books.tenant, today=shanghai_date(tx.now), limit=most)
    ),
    ("payments/collections/service.py", "collect_again"): lambda tx, books, most: collections.collect_again(
        tx, books.tenant, today=shanghai_date(tx.now), limit=most
    ),
    ("payments/milestones/jobs.py", "release_due"): lambda tx, books, most: milestones.release_due(
        tx, books.tenant, limit=most
    ),
    ("loans/billing.py", "accrue_late"): _accrued,
    ("loans/closing.py", "write_off_due"): lambda tx, books, most: closing.write_off_due(
        tx, tenant=books.tenant, days=books.gateway.settings.write_off_days, limit=most
    ),
}


def test_every_function_with_a_limit_is_here() -> None:
    found = {
        (path.relative_to(ROOT).as_posix(), node.name)
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef)
        for argument, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
        if argument.arg == "limit" and default is not None
    }
    assert found == {*STEPS, *ELSEWHERE}


def test_a_step_does_as_much_as_its_limit_and_no_more(books: Books) -> None:
    done: set[tuple[str, str]] = set()

    def steps(*names: str) -> None:
        for key, step in STEPS.items():
            if key[1] in names:
                for most in (1, 2):
                    with books.gateway.db.read() as tx:  # nothing of it is kept
                        tx.now = books.clock.now
                        assert step(tx, books, most) == most, (key, most)
                done.add(key)

    for number in range(3):
        books.api.checkout(merchant_reference=f"open-{number}")
        books.api.approved(3, merchant_reference=f"held-{number}", amount=100_000)
    loans = [
        books.api.captured(3, merchant_reference=f"sold-{number}", amount=100_000) for number in range(3)
    ]
    for number in range(3):
        path = f"/v1/payments/{books.api.approved(3, merchant_reference=f'staged-{number}')['id']}"
        stage = books.post(f"{path}/milestones", {"kind": "lesson", "amount": 20_000}).json["id"]
        books.post(f"{path}/capture")
        books.post(f"{path}/milestones/{stage}/claim")
    drain(books.gateway)  # the shoppers are told of the claims
    books.clock.advance(days=32)  # no job has run
    steps("expire_due", "pass_due", "fall_due", "bill_and_collect", "release_due")
    for payment in loans:
        path = f"/v1/test_helpers/loans/{payment['captures'][0]['loan']}/miss"
        books.post(path, {"instalments": 3})
    books.work()
    books.clock.advance(days=5)
    steps("collect_again", "accrue_late")
    books.work()
    books.clock.advance(days=books.gateway.settings.write_off_days)
    steps("write_off_due")
    assert done == {*STEPS}
