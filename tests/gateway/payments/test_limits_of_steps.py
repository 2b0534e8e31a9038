"""What is done in steps does as much in one as its limit says, and no more; each such function has its line here."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from sqlmodel import select

import gateway
from gateway.checkout import service as checkouts
from gateway.core.calendar import shanghai_date
from gateway.db.transactions import Transaction
from gateway.loans import billing, closing, coming
from gateway.messages.models import Message
from gateway.payments import deadlines
from gateway.payments.collections import service as collections
from gateway.payments.milestones import jobs as milestones
from gateway.payments.telling import due, happened
from gateway.process.worker import drain
from tests.gateway.books import Books
from tests.one_database import database_url  # noqa: F401

ROOT = Path(gateway.__file__).parent
ELSEWHERE = {
    ("webhooks/delivery/queue.py", "claim"),
    ("outbox/service.py", "drain"),
}
"""Runs of deliveries, which go on where the last one ended, and rows that are taken one by one: their
own tests know how many."""
NEVER = date(1970, 1, 1)
Step = Callable[[Transaction, Books, int], int]


def _accrued(tx: Transaction, books: Books, most: int) -> int:
    """How many late loans are before the one at which it would go on."""
    today = shanghai_date(tx.now)
    last, _ = billing.accrue_late(tx, books.tenant, today=today, limit=most)
    late = sorted(set(tx.exec(billing._late_loans(books.tenant, today))))
    return late.index(str(last)) + 1


def _announced(tx: Transaction, books: Books, most: int) -> int:
    """How many loans are before the one at which it would go on."""
    last = due.plan(tx, books.tenant, after="", limit=most)
    until = shanghai_date(tx.now) + due.AHEAD
    near = coming.coming(tx, books.tenant, after=NEVER, until=until, after_id="", limit=100)
    return [one.loan_id for one in near].index(str(last)) + 1


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
    ("payments/telling/due.py", "plan"): _announced,
    ("payments/telling/happened.py", "tell"): lambda tx, books, most: happened.tell(
        tx, books.tenant, limit=most
    ),
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
    steps("tell")
    drain(books.gateway)  # the shoppers are told of the claims
    books.clock.advance(days=32)  # no job has run
    steps("plan")
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


def _planned(books: Books) -> Counter[str]:
    with books.gateway.db.read() as tx:
        return Counter(tx.exec(select(Message.kind)))


def test_steps_of_telling_go_on_where_the_last_one_ended_and_starve_nobody(
    books: Books, new_merchant: Callable[[], Any]
) -> None:
    other = new_merchant()
    for number in range(5):
        books.api.captured(3, merchant_reference=f"own-{number}", amount=10_000)
    other.captured(3, merchant_reference="other", amount=10_000)
    db, tenant = books.gateway.db, books.tenant
    books.clock.advance(days=28)

    def at(work: Callable[[Transaction], Any]) -> Any:
        def now(tx: Transaction) -> Any:
            tx.now = books.clock.now
            return work(tx)

        return db.write(now)

    told = [at(lambda tx: happened.tell(tx, tenant, limit=2)) for _ in range(4)]
    assert told == [2, 2, 1, 0]
    assert _planned(books) == {}, "what is of no use any more is not planned"
    after: str | None = ""
    for most in (2, 4, 5):  # each step is repeated, as after a race that it lost
        for _ in range(2):
            after_now = at(lambda tx, after=after: due.plan(tx, tenant, after=after, limit=2))
        after = after_now
        assert _planned(books)["due_soon"] == most
    assert after is None
    with db.read() as tx:
        tx.now = books.clock.now
        assert not due.has_coming(tx, tenant)
        left = due.tenants_with_work(tx, today=shanghai_date(tx.now))
    assert [one.merchant_id == tenant.merchant_id for one in left] == [False], "the other has its turn"
