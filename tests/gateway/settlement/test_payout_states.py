"""What becomes of a payout, whatever the institution says of it, in whichever order, and how often."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from sqlalchemy import text

from gateway import cli
from gateway.errors import InstitutionUnavailable
from gateway.institution.port import Answer, Instruction
from gateway.ledger.integrity.verify import verify
from gateway.outbox.models import OutboxItem
from gateway.proof.book_agreements import AGREEMENTS
from gateway.settlement import payouts
from tests.gateway.books import Books
from tests.one_database import database_url  # noqa: F401

AMOUNT = 583_103


class Teller:
    """An institution that says what it is told to, one word after the other, and the last again and again."""

    simulator = True
    tells_returns = True

    def __init__(self) -> None:
        self.says: list[Answer | None] = [None]
        self.sent: list[Instruction] = []

    def look_up(self, instruction: Instruction) -> Answer | None:
        if instruction.movement != "payout":
            return Answer("succeeded")
        if not self.sent:
            return None
        return self._next()

    def carry_out(self, instruction: Instruction) -> Answer:
        if instruction.movement != "payout":
            return Answer("succeeded")
        self.sent.append(instruction)
        return self._next()

    def _next(self) -> Answer:
        answer = self.says.pop(0) if len(self.says) > 1 else self.says[0]
        if answer is None:
            raise InstitutionUnavailable("no answer")
        return answer


@pytest.fixture
def teller(books: Books) -> Teller:
    books.gateway.ports.institution = found = Teller()
    return found


def paid_out(books: Books, teller: Teller, *says: Answer | None, days: int = 1) -> dict[str, Any]:
    """A captured payment whose batch closes and whose payout is instructed; then some days pass."""
    teller.says = list(says)
    books.api.captured(3)
    books.pass_days(1)
    for _ in range(days - 1):
        books.clock.advance(days=1)
        books.work()
    return newest(books)


def newest(books: Books) -> dict[str, Any]:
    books.api.login()
    return dict(books.api.get("/v1/payouts").json["data"][0])


def events(books: Books, payout: str) -> list[str]:
    with books.gateway.db.read() as tx:
        query = text("SELECT type FROM event WHERE object_id = :id ORDER BY sequence")
        return list(tx.connection().execute(query, {"id": payout}).scalars())


def broken(books: Books) -> list[str]:
    with books.gateway.db.read() as tx:
        return [check.name for check in verify(tx, AGREEMENTS).checks if not check.ok]


PENDING, PAID = Answer("pending", None, 0), Answer("succeeded")
FAILED, BACK = Answer("failed", "account_closed", 0), Answer("returned", "account_closed", 0)


def test_a_payout_that_is_accepted_is_in_transit_until_it_is_confirmed(books: Books, teller: Teller) -> None:
    payout = paid_out(books, teller, PENDING, PENDING, Answer("succeeded"), days=1)
    assert payout["status"] == "in_transit"
    assert payout["in_transit_at"] is not None
    assert (payout["institution_says"], payout["paid_at"], payout["problem"]) == ("accepted", None, None)
    assert events(books, payout["id"]) == []
    assert books.of("payout_in_transit") == payout["amount"]
    books.sound()
    books.clock.advance(days=1)
    books.work()
    books.clock.advance(days=1)
    books.work()
    payout = newest(books)
    assert (payout["status"], payout["institution_says"]) == ("paid", "paid")
    assert payout["in_transit_at"] < payout["paid_at"]
    assert events(books, payout["id"]) == ["payout.paid"]
    assert len(teller.sent) == 1
    books.sound()


def test_no_answer_is_never_a_failure_and_nothing_is_sent_twice(books: Books, teller: Teller) -> None:
    payout = paid_out(books, teller, None, None, None, PAID, days=1)
    assert (payout["status"], payout["institution_says"]) == ("pending", "unknown")
    for _ in range(3):
        books.clock.advance(days=1)
        books.work()
    payout = newest(books)
    assert payout["status"] == "paid"
    assert len(teller.sent) == 1
    books.sound()


@pytest.mark.parametrize("moved", [1, AMOUNT - 1, AMOUNT + 1, 2 * AMOUNT])
def test_another_amount_is_named_and_never_booked_as_paid(
    books: Books, teller: Teller, moved: int, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    payout = paid_out(books, teller, Answer("succeeded", None, moved), days=2)
    assert payout["amount"] == AMOUNT
    assert (payout["status"], payout["problem"], payout["moved_amount"]) == (
        "in_transit",
        "amount_differs",
        moved,
    )
    assert events(books, payout["id"]) == []
    assert broken(books) == ["payout_moved_as_booked"]
    data = ["--data", str(books.gateway.settings.data_dir)]
    monkeypatch.setenv("DATABASE_URL", books.gateway.settings.database_url)
    assert cli.main(["ledger", "verify", *data]) == 1
    said = capsys.readouterr().out
    assert payout["id"] in said
    assert f"the institution has moved {moved}" in said
    assert cli.main(["payout", "list", "--open", *data]) == 0
    assert "amount_differs" in capsys.readouterr().out
    assert cli.main(["payout", "history", payout["id"], *data]) == 0
    assert str(moved) in capsys.readouterr().out
    teller.says = [Answer("succeeded", None, AMOUNT)]  # the institution has put it right
    books.clock.advance(days=1)
    books.work()
    payout = newest(books)
    assert (payout["status"], payout["problem"]) == ("paid", None)
    books.sound()


def test_a_payout_that_comes_back_days_later_is_heard_of_once(books: Books, teller: Teller) -> None:
    payout = paid_out(books, teller, Answer("succeeded", None, AMOUNT), days=3)
    assert payout["status"] == "paid"
    teller.says = [BACK]
    books.clock.advance(days=1)
    books.work()
    books.api.login()
    back = next(row for row in books.api.get("/v1/payouts").json["data"] if row["id"] == payout["id"])
    assert (back["status"], back["failure"], back["moved_amount"]) == ("returned", "account_closed", 0)
    assert events(books, payout["id"]) == ["payout.paid", "payout.failed"]
    teller.says = [Answer("succeeded", None, AMOUNT)]
    for _ in range(4):
        books.clock.advance(days=1)
        books.work()
    rows = books.api
    rows.login()
    found = rows.get("/v1/payouts").json["data"]
    assert [row["status"] for row in found] == ["paid", "returned"]
    books.sound()


def test_nobody_asks_for_ever(books: Books, teller: Teller) -> None:
    paid_out(books, teller, PAID)
    books.jump(books.gateway.settings.payout_watch_days + 2)
    books.clock.advance(days=2)
    books.work()
    with books.gateway.db.read() as tx:
        waits = tx.exec(
            payouts.select(OutboxItem).where(
                OutboxItem.topic == payouts.WATCH_TOPIC, payouts.col(OutboxItem.done_at).is_(None)
            )
        ).all()
    assert not waits


WORDS = {
    "accepted": PENDING,
    "paid": Answer("succeeded", None, AMOUNT),
    "failed": FAILED,
    "back": BACK,
    "twice": Answer("succeeded", None, 2 * AMOUNT),
}

ORDERS = (
    *itertools.permutations(("paid", "failed", "back"), 3),
    ("accepted", "twice", "paid"),
    ("twice", "paid", "back"),
    ("paid", "twice", "back"),
    ("back", "accepted", "paid"),
    ("failed", "accepted", "twice"),
)


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_in_every_order_the_claim_is_in_one_place(
    books: Books, teller: Teller, order: tuple[str, ...]
) -> None:
    """Each word is heard twice. What is booked is what the first final word said, and a later one is named."""
    payout = paid_out(books, teller, None)
    for word in order:
        for _ in range(2):
            books.gateway.db.write(lambda tx, word=word: payouts.hear(tx, payout["id"], WORDS[word]) and None)
    found = newest(books)
    final = next((word for word in order if word in ("paid", "failed", "back")), None)
    back = final == "back" or (final == "paid" and "back" in order[order.index("paid") :])
    wanted = "returned" if back else {"paid": "paid", "failed": "failed", None: "in_transit"}[final]
    if final == "failed" and order.index("failed") > 0 and order[0] == "twice":
        wanted = "failed"
    assert found["status"] == wanted
    booked = {"paid": AMOUNT, "in_transit": None}.get(wanted, 0)
    said = {"accepted": 0, "paid": AMOUNT, "failed": 0, "back": 0, "twice": 2 * AMOUNT}[order[-1]]
    right = said in (0, AMOUNT) if booked is None else said == booked
    assert (found["problem"] is None) == right
    assert [check for check in broken(books) if check != "payout_moved_as_booked"] == []
    assert ("payout_moved_as_booked" in broken(books)) != right
    due = books.of("merchant_available")
    in_transit = books.of("payout_in_transit")
    assert (in_transit, due) == {
        "paid": (0, 0),
        "in_transit": (AMOUNT, 0),
        "failed": (0, AMOUNT),
        "returned": (0, AMOUNT),
    }[wanted]


def test_what_was_heard_is_kept_within_bounds(books: Books, teller: Teller) -> None:
    payout = paid_out(books, teller, None)
    for number in range(60):
        answer = Answer("pending", None, 0) if number % 2 else Answer("succeeded", None, 7)
        books.gateway.db.write(lambda tx, answer=answer: payouts.hear(tx, payout["id"], answer) and None)
    with books.gateway.db.read() as tx:
        heard = tx.get_one(payouts.Payout, payout["id"]).heard
    assert heard is not None
    assert len(heard) == payouts.MOST_HEARD
    books.gateway.db.write(lambda tx: payouts.hear(tx, payout["id"], PENDING) and None)
    books.gateway.db.write(lambda tx: payouts.hear(tx, payout["id"], PENDING) and None)
    with books.gateway.db.read() as tx:
        again = tx.get_one(payouts.Payout, payout["id"]).heard
    assert again is not None
    assert again[-1]["times"] == 3
