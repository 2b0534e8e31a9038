"""The fake's lines: which pieces of the order left with a capture and came back with a refund, and for what."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

from . import _fields as f
from ._schedule import half_up
from ._state import Fields, Problem, State

GOODS_COME_BACK = ("return", "unwind", "unused_lessons")

_Piece = tuple[Fields, int, int]
"""What left with a capture, how many pieces of it come back, and for how many fen."""


def of_order(checkout: Fields) -> list[Fields]:
    """The lines of an order; their amounts sum to what is financed."""
    items = checkout["items"]
    prices = [item["quantity"] * item["unit_price"] for item in items]
    discounts = _shares(checkout["merchant_discount"], prices)
    final = [price - discount for price, discount in zip(prices, discounts, strict=True)]
    subsidy = (checkout.get("government_subsidy") or {}).get("amount", 0)
    claiming = [
        price if item.get("subsidy_category") else 0 for item, price in zip(items, final, strict=True)
    ]
    subsidies = _shares(subsidy, claiming if any(claiming) else final)
    return [
        {
            "line": number,
            "name": item["name"],
            "ordered": item["quantity"],
            "captured": 0,
            "returned": 0,
            "amount": price - claimed,
        }
        for number, (item, price, claimed) in enumerate(zip(items, final, subsidies, strict=True), start=1)
    ]


def to_capture(payment: Fields, body: Fields) -> tuple[int | None, dict[int, int], bool]:
    """The amount to capture (all that is left when None), pieces by line, and whether they are all that is left."""
    items: list[Fields] | None = body.get("items")
    if items is None:
        return body.get("amount"), {}, "amount" not in body
    lines = {line["line"]: line for line in payment["lines"]}
    pieces = _pieces(lines, items)
    everything = all(pieces[number] == line["ordered"] - line["captured"] for number, line in lines.items())
    worth = sum(_worth(lines[number], quantity) for number, quantity in pieces.items())
    if everything:
        worth = min(worth, payment["capturable_amount"])
    elif not worth:
        raise Problem(
            422, "capture_too_small", "These pieces carry none of the financed amount.", param="items"
        )
    _refuse_other_amount(body.get("amount"), worth)
    return worth or None, dict(pieces), everything


def note_captured(payment: Fields, drawn: Fields, pieces: dict[int, int], *, everything: bool) -> None:
    """Remember which pieces left with a capture that the payment's amounts already show."""
    left = payment["amount"] - sum(payment[f"{part}_amount"] for part in ("captured", "voided", "expired"))
    lines = {line["line"]: line for line in payment["lines"]}
    if everything or not (left or payment["voided_amount"] or payment["expired_amount"]):
        pieces = {n: line["ordered"] - line["captured"] for n, line in lines.items()}
        pieces = {number: quantity for number, quantity in pieces.items() if quantity}
        named = Counter(dict.fromkeys(lines, 0))
        for item in (item for one in payment["captures"] for item in one.get("items", ())):
            named[item["line"]] += item["amount"]
        rest = payment["captured_amount"] - named.total()
        amounts = _shares(rest, [lines[number]["amount"] - named[number] for number in pieces])
    else:
        amounts = [_worth(lines[number], quantity) for number, quantity in pieces.items()]
    drawn["items"] = [
        {"line": number, "quantity": quantity, "amount": amount}
        for (number, quantity), amount in zip(pieces.items(), amounts, strict=True)
    ]
    for number, quantity in pieces.items():
        lines[number]["captured"] += quantity


def to_refund(
    state: State, payment: Fields, captures: list[Fields], body: Fields
) -> tuple[int | None, list[_Piece]]:
    """The amount to give back (all that is left when None), and the pieces that come back."""
    items: list[Fields] | None = body.get("items")
    if items is None or not captures:
        return body.get("amount"), []
    if body.get("kind", "return") not in GOODS_COME_BACK:
        detail = f"With a {body['kind']} no goods come back: omit the items and send the amount."
        error = {"param": "items", "code": "invalid", "detail": detail}
        raise Problem(422, "validation_failed", detail, param="items", errors=[error])
    rows = [{**item, "capture": one["id"]} for one in captures for item in one["items"]]
    _refuse_not_captured(state, payment, rows, items)
    wanted: Counter[int] = Counter()
    for item in items:
        wanted[item["line"]] += item["quantity"]
    pieces: list[_Piece] = []
    everything = True
    for row in rows:
        gone, gone_fen = _back(state, row)
        left = row["quantity"] - gone
        quantity = min(left, wanted[row["line"]])
        wanted[row["line"]] -= quantity
        everything = everything and quantity == left
        if quantity:
            pieces.append((row, quantity, half_up(Fraction((row["amount"] - gone_fen) * quantity, left))))
    worth = sum(fen for _, _, fen in pieces)
    refundable = sum(one["amount"] - one["refunded_amount"] for one in captures)
    if everything:
        worth = min(worth, refundable)
    if refundable and not worth:
        raise Problem(409, "wrong_state", "These pieces were captured for 0 fen.", param="items")
    _refuse_other_amount(body.get("amount"), worth)
    return worth or None, pieces


def parts(captures: list[Fields], pieces: list[_Piece], amount: int) -> list[tuple[Fields, int]]:
    """A refund by capture: first those that the pieces left with, then the others in their order."""
    wanted: Counter[str] = Counter()
    for row, _, fen in pieces:
        wanted[row["capture"]] += fen
    found: Counter[str] = Counter()
    for only_wanted in (True, False):
        for capture in captures:
            left = capture["amount"] - capture["refunded_amount"] - found[capture["id"]]
            most = min(left, wanted[capture["id"]]) if only_wanted else left
            found[capture["id"]] += min(most, amount - found.total())
    return [(capture, found[capture["id"]]) for capture in captures if found[capture["id"]]]


def note_returned(state: State, payment: Fields, refund: Fields, pieces: list[_Piece]) -> None:
    """Remember which pieces came back with a refund that the captures already show."""
    came: Counter[int] = Counter()
    for row, quantity, fen in pieces:
        gone, gone_fen = _back(state, row)
        state.returned_pieces[row["capture"], row["line"]] = (gone + quantity, gone_fen + fen)
        came[row["line"]] += quantity
    for row in _wholly_returned(payment, refund):
        gone, _ = _back(state, row)
        state.returned_pieces[row["capture"], row["line"]] = (row["quantity"], row["amount"])
        came[row["line"]] += row["quantity"] - gone
    for line in payment["lines"]:
        line["returned"] += came[line["line"]]
    refund["items"] = [{"line": line, "quantity": came[line]} for line in sorted(came) if came[line]]


def _wholly_returned(payment: Fields, refund: Fields) -> list[Fields]:
    if refund["kind"] not in GOODS_COME_BACK:
        return []
    captures = payment["captures"]
    if any(one["refunded_amount"] < one["amount"] for one in captures):
        captures = [
            one
            for one in captures
            if one["id"] == refund["capture"]
            and sum(item["amount"] for item in one["items"]) <= one["amount"] == one["refunded_amount"]
        ]
    return [{**item, "capture": one["id"]} for one in captures for item in one["items"]]


def _pieces(lines: dict[int, Fields], items: list[Fields]) -> Counter[int]:
    pieces: Counter[int] = Counter()
    for index, item in enumerate(items):
        f.checked(
            item,
            {"line": f.whole, "quantity": f.whole},
            {"serial_numbers": f.texts},
            path=f"items[{index}].",
        )
        number, quantity = item["line"], item["quantity"]
        line = lines.get(number, {"ordered": 0, "captured": 0})
        left = line["ordered"] - line["captured"] - pieces[number]
        facts = {"line": number, "ordered": line["ordered"], "left": left}
        param = f"items[{index}].{'quantity' if number in lines else 'line'}"
        if number in lines and not left and quantity <= line["ordered"]:
            raise Problem(
                409,
                "line_captured",
                f"All pieces of line {number} have already been captured.",
                param=param,
                **facts,
            )
        if quantity > left:
            detail = f"Line {number} has {left} pieces left to capture, not {quantity}."
            raise Problem(422, "line_unavailable", detail, param=param, **facts)
        if len(item.get("serial_numbers", ())) > quantity:
            detail = f"Send at most one serial number for each of {quantity} pieces."
            param = f"items[{index}].serial_numbers"
            raise Problem(422, "line_unavailable", detail, param=param, **facts)
        pieces[number] += quantity
    return pieces


def _refuse_not_captured(state: State, payment: Fields, rows: list[Fields], items: list[Fields]) -> None:
    ordered = {line["line"]: line["ordered"] for line in payment["lines"]}
    named: Counter[int] = Counter()
    for index, item in enumerate(items):
        f.checked(item, {"line": f.whole, "quantity": f.whole}, path=f"items[{index}].")
        number, quantity = item["line"], item["quantity"]
        same = [row for row in rows if row["line"] == number]
        captured = sum(row["quantity"] for row in same)
        left = captured - sum(_back(state, row)[0] for row in same) - named[number]
        if quantity > left:
            raise Problem(
                422,
                "line_unavailable",
                f"{left} of {captured} captured pieces of line {number} can come back, not {quantity}.",
                param=f"items[{index}].{'quantity' if number in ordered else 'line'}",
                line=number,
                ordered=ordered.get(number, 0),
                captured=captured,
                left=left,
            )
        named[number] += quantity


def _back(state: State, row: Fields) -> tuple[int, int]:
    return state.returned_pieces.get((row["capture"], row["line"]), (0, 0))


def _worth(line: Fields, quantity: int) -> int:
    """What the next pieces are captured for: the difference of the first ones' worth, half up."""
    after, before = (
        half_up(Fraction(line["amount"] * count, line["ordered"]))
        for count in (line["captured"] + quantity, line["captured"])
    )
    return after - before


def _refuse_other_amount(amount: int | None, worth: int) -> None:
    if amount not in (None, worth):
        raise Problem(
            422,
            "amount_mismatch",
            f"The items are worth {worth} fen, but the amount is {amount} fen.",
            param="amount",
            expected=worth,
            actual=amount,
            difference=amount - worth,
        )


def _shares(total: int, weights: list[int]) -> list[int]:
    """By largest remainder, the earlier part on a tie."""
    whole = sum(weights)
    if not total or not whole:
        return [0] * len(weights)
    parts = [total * weight // whole for weight in weights]
    order = sorted(range(len(weights)), key=lambda at: (-(total * weights[at] % whole), at))
    for at in order[: total - sum(parts)]:
        parts[at] += 1
    return parts
