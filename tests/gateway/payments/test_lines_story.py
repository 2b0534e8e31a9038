"""Orders captured and returned line by line in random order: an independent model knows every fen."""

from __future__ import annotations

import random
from collections import Counter
from fractions import Fraction
from typing import Any

import pytest

from tests.gateway.books import Books
from tests.one_database import database_url, on_both  # noqa: F401

SMALLEST_PART = 100_000


def rounded(value: Fraction) -> int:
    return int(value + Fraction(1, 2))


def split(total: int, weights: list[int]) -> list[int]:
    """By largest remainder, the earlier on a tie."""
    exact = [Fraction(total * weight, sum(weights)) for weight in weights]
    parts = [int(share) for share in exact]
    for _ in range(total - sum(parts)):
        most = max(range(len(parts)), key=lambda at: (exact[at] - parts[at], -at))
        parts[most] += 1
    return parts


class Model:
    """What one order's lines are worth and what is left of them, by the rules of the documentation."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.items: list[dict[str, Any]] = [
            {
                "name": f"Line {n}",
                "quantity": chance.randint(1, 4),
                "unit_price": chance.randint(90_001, 600_000),
            }
            for n in range(1, chance.randint(1, 4) + 1)
        ]
        prices = [item["quantity"] * item["unit_price"] for item in self.items]
        self.discount = chance.choice([0, 0, sum(prices) // 7])
        self.down = chance.choice([0, 0, sum(prices) // 9])
        net = [a - b for a, b in zip(prices, split(self.discount, prices), strict=True)]
        self.worth = [a - b for a, b in zip(net, split(self.down, net), strict=True)]
        self.ordered = [item["quantity"] for item in self.items]
        self.captured = Counter[int]()
        self.for_fen, self.back_fen = Counter[int](), Counter[int]()
        self.returned = Counter[int]()
        self.captures = 0

    @property
    def amount(self) -> int:
        return sum(self.worth)

    @property
    def pending(self) -> dict[int, int]:
        """Pieces that have not left, by line."""
        left = {at: count - self.captured[at] for at, count in enumerate(self.ordered)}
        return {at: count for at, count in left.items() if count}

    @property
    def out(self) -> dict[int, int]:
        """Pieces that have left and did not come back."""
        left = {at: self.captured[at] - self.returned[at] for at in self.captured}
        return {at: count for at, count in left.items() if count}

    def some(self, of: dict[int, int]) -> dict[int, int]:
        chosen = self.chance.sample(sorted(of), self.chance.randint(1, len(of)))
        return {at: self.chance.randint(1, of[at]) for at in chosen}

    def price(self, pieces: dict[int, int]) -> dict[int, int]:
        """What pieces are captured for, line by line."""

        def first(at: int, count: int) -> int:
            return rounded(Fraction(self.worth[at] * count, self.ordered[at]))

        return {
            at: first(at, self.captured[at] + count) - first(at, self.captured[at])
            for at, count in pieces.items()
        }


def as_items(pieces: dict[int, int]) -> list[dict[str, int]]:
    return [{"line": at + 1, "quantity": count} for at, count in pieces.items()]


def capture_some(books: Books, payment: str, model: Model) -> None:
    pieces = model.some(model.pending)
    price = model.price(pieces)
    last = pieces == model.pending
    if not last and (sum(price.values()) < SMALLEST_PART or model.captures == 8):
        pieces = model.pending
        price, last = model.price(pieces), True
    answer = books.api.post(f"/v1/payments/{payment}/capture", {"items": as_items(pieces)})
    assert answer.status_code == 200, answer.text
    drawn = answer.json["captures"][-1]
    assert drawn["amount"] == sum(price.values())
    assert {row["line"] - 1: (row["quantity"], row["amount"]) for row in drawn["items"]} == {
        at: (count, price[at]) for at, count in pieces.items()
    }
    model.captured.update(pieces)
    model.for_fen.update(price)
    model.captures += 1


def return_some(books: Books, payment: str, model: Model) -> None:
    pieces = model.some(model.out)
    more = {at: count + 1 for at, count in model.out.items()}
    above = books.api.post(
        "/v1/refunds", {"payment": payment, "reason": "x", "items": as_items({min(more): more[min(more)]})}
    )
    assert (above.status_code, above.json["code"]) == (422, "line_unavailable")
    for at, count in pieces.items():
        body = {"payment": payment, "reason": "x", "items": as_items({at: count})}
        answer = books.api.post("/v1/refunds", body)
        assert answer.status_code == 201, answer.text
        back = answer.json["amount"]
        each = Fraction(model.worth[at], model.ordered[at])
        assert abs(back - each * count) <= count + 1
        model.back_fen[at] += back
        model.returned[at] += count


def agrees(books: Books, payment: str, model: Model) -> dict[str, Any]:
    shown = books.api.get(f"/v1/payments/{payment}").json
    assert [(row["captured"], row["returned"]) for row in shown["lines"]] == [
        (model.captured[at], model.returned[at]) for at in range(len(model.ordered))
    ]
    assert shown["captured_amount"] == model.for_fen.total()
    assert shown["refunded_amount"] == model.back_fen.total()
    for at, fen in model.for_fen.items():
        assert 0 <= model.back_fen[at] <= fen
    return shown


def authorized(books: Books, model: Model) -> str:
    payment = books.api.approved(
        12,
        amount=model.amount + model.down,
        items=model.items,
        merchant_discount=model.discount,
        down_payment=model.down,
    )
    assert [row["amount"] for row in payment["lines"]] == model.worth
    assert payment["amount"] == model.amount
    return str(payment["id"])


@pytest.mark.parametrize("seed", range(4))
def test_captures_and_returns_by_line_sum_in_every_order(books: Books, seed: int) -> None:
    model = Model(random.Random(seed))
    payment = authorized(books, model)
    while model.pending or model.out:
        if model.pending and (not model.out or model.chance.random() < 0.6):
            capture_some(books, payment, model)
        else:
            return_some(books, payment, model)
        agrees(books, payment, model)
    shown = agrees(books, payment, model)
    assert (shown["status"], shown["captured_amount"]) == ("refunded", model.amount)
    assert model.for_fen == model.back_fen == Counter(dict(enumerate(model.worth)))
    books.sound()


@pytest.mark.parametrize("seed", range(2))
@on_both
def test_amounts_without_lines_between_them_sum_too(books: Books, seed: int) -> None:
    chance = random.Random(100 + seed)
    model = Model(chance)
    payment = authorized(books, model)
    path = f"/v1/payments/{payment}/capture"
    first = chance.randint(SMALLEST_PART, max(SMALLEST_PART, model.amount // 2))
    if first < model.amount:
        assert books.api.post(path, {"amount": first}).status_code == 200
        piece = {min(model.pending): 1}
        asked = books.api.post(path, {"items": as_items(piece)})
        assert asked.status_code == 200 or asked.json["code"] in (
            "capture_too_small",
            "amount_above_authorized",
        )
    rest = books.api.post(path)
    assert rest.json["status"] == "captured", rest.text
    named = [row for one in rest.json["captures"] for row in one["items"]]
    assert sum(row["amount"] for row in named) == model.amount == rest.json["captured_amount"]
    assert [row["captured"] for row in rest.json["lines"]] == model.ordered
    books.api.post("/v1/refunds", {"payment": payment, "amount": model.amount // 3, "reason": "x"})
    for at, count in enumerate(model.ordered):
        body = {"payment": payment, "reason": "x", "items": as_items({at: count})}
        answer = books.api.post("/v1/refunds", body)
        if answer.json.get("code") == "amount_above_refundable":
            break
        assert answer.status_code == 201, answer.text
    books.api.post("/v1/refunds", {"payment": payment, "reason": "x"})
    shown = books.api.get(f"/v1/payments/{payment}").json
    assert shown["status"] == "refunded"
    assert [row["returned"] for row in shown["lines"]] == model.ordered
    books.sound()
