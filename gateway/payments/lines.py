"""Lines of the order behind a payment: which pieces left with a capture, and which came back with a refund.

A capture by items takes what its pieces are worth (``core.order_lines``). A capture by amount names no piece, until
nothing is left of the authorisation: then all that was ordered has left, and what the pieces named last are captured
for is all that no other piece was captured for. So the lines always sum to what was captured. Whoever captures all that
is left, or names all pieces that are left, takes all lines; where a part was voided they are captured for the rest.

A refund by items gives back what its pieces were captured for, from the captures with which they left. The last pieces
that come back take what is left, if money was given back without naming pieces before. When nothing is left to refund
of the payment, or of the capture that a refund names, all its pieces have come back, but for a lower price or goodwill:
those leave the goods with the shopper.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import and_, bindparam, insert
from sqlmodel import SQLModel, col, select

from gateway.core.money import split_by_largest_remainder
from gateway.core.order_lines import OrderedLine, of_pieces, of_rest
from gateway.db import keyed
from gateway.db.transactions import Transaction
from gateway.errors import (
    AmountMismatch,
    CaptureTooSmall,
    LineCaptured,
    LineUnavailable,
    ValidationFailed,
    WrongState,
)
from gateway.payments import serial_numbers
from gateway.payments.models import Capture, CapturedLine, Payment, PaymentLine, Refund

Items = list[dict[str, Any]]
NEW_LINES = insert(SQLModel.metadata.tables["payment_line"])
LINES = (
    select(PaymentLine, CapturedLine)
    .outerjoin(
        CapturedLine,
        and_(
            col(CapturedLine.payment_id) == col(PaymentLine.payment_id),
            col(CapturedLine.line) == col(PaymentLine.line),
        ),
    )
    .where(col(PaymentLine.payment_id).in_(bindparam("payments", expanding=True)))
    .order_by(col(PaymentLine.line), col(CapturedLine.capture_id))
)
GOODS_COME_BACK = ("return", "unwind", "unused_lessons")
"""Kinds of refund that take items: with the others the goods stay with the shopper."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A line with what was captured and returned, in pieces and in fen."""

    row: PaymentLine
    taken: list[CapturedLine] = field(default_factory=list)

    @property
    def captured(self) -> int:
        """Pieces that left."""
        return sum(row.quantity for row in self.taken)

    @property
    def captured_fen(self) -> int:
        """What they were captured for."""
        return sum(row.amount_fen for row in self.taken)

    @property
    def returned(self) -> int:
        """Pieces that came back."""
        return sum(row.returned for row in self.taken)

    @property
    def left(self) -> int:
        """Pieces that can still be captured."""
        return self.row.ordered - self.captured

    def worth_fen(self, quantity: int) -> int:
        """What the next pieces are captured for."""
        return of_pieces(self.row.amount_fen, self.row.ordered, before=self.captured, quantity=quantity)


Standings = dict[int, Standing]


@dataclass(frozen=True, slots=True)
class Taking:
    """What a capture asks for: its amount (all that is left when None), pieces by line, and serial numbers."""

    amount_fen: int | None
    pieces: Counter[int] = field(default_factory=Counter)
    everything: bool = False
    """All pieces that are left."""
    serial_numbers: Sequence[tuple[str, str]] = ()
    """The field of the request, and the number."""


@dataclass(frozen=True, slots=True)
class Returning:
    """What a refund asks for: its amount (all that is left when None), and the pieces of captures that come back."""

    amount_fen: int | None
    pieces: Sequence[tuple[CapturedLine, int, int]] = ()
    """What left with a capture, how many pieces of it come back, and for how many fen."""

    def parts(self, captures: Sequence[Capture], amount_fen: int) -> list[tuple[Capture, int]]:
        """The refund by capture: first those that the pieces left with, then the others in their order."""
        wanted: Counter[str] = Counter()
        for row, _, fen in self.pieces:
            wanted[row.capture_id] += fen
        parts: Counter[str] = Counter()
        for only_wanted in (True, False):
            for capture in captures:
                open_fen = capture.amount_fen - capture.refunded_fen - parts[capture.id]
                most = min(open_fen, wanted[capture.id]) if only_wanted else open_fen
                parts[capture.id] += min(most, amount_fen - parts.total())
        assert parts.total() == amount_fen, "the parts of a refund are the whole"
        return [(capture, parts[capture.id]) for capture in captures if parts[capture.id]]


def open_lines(tx: Transaction, payment: Payment, ordered: Sequence[OrderedLine]) -> Standings:
    """Keep the lines of the order that a new payment pays for, of which nothing has left yet."""
    rows = [
        PaymentLine(
            payment_id=payment.id,
            line=number,
            merchant_id=payment.merchant_id,
            mode=payment.mode,
            name=line.name,
            category=line.category,
            subsidy_category=line.subsidy_category,
            ordered=line.ordered,
            amount_fen=line.amount_fen,
            subsidy_fen=line.subsidy_fen,
        )
        for number, line in enumerate(ordered, start=1)
    ]
    keyed.insert(tx, NEW_LINES, [row.model_dump() for row in rows])
    return {row.line: Standing(row) for row in rows}


def of_payments(tx: Transaction, ids: Sequence[str]) -> dict[str, Standings]:
    """The lines of each payment by number, in the order of the order, in one question."""
    standings: dict[str, Standings] = {id: {} for id in ids}
    for row, taken in tx.execute(LINES, {"payments": ids}):
        standing = standings[row.payment_id].setdefault(row.line, Standing(row))
        if taken is not None:
            standing.taken.append(taken)
    return standings


def to_capture(standings: Standings, payment: Payment, items: Items | None, amount_fen: int | None) -> Taking:
    """What a capture of ``items`` takes; without items, of ``amount_fen`` or all that is left.

    Raises ``LineUnavailable`` for what was not ordered, ``LineCaptured`` for what has left, ``AmountMismatch`` when
    amount and items do not agree, ``ValidationFailed`` for an invalid IMEI, ``CaptureTooSmall``.
    """
    if items is None:
        return Taking(amount_fen, everything=amount_fen is None)
    pieces = _pieces(standings, items)
    everything = all(pieces[number] == standing.left for number, standing in standings.items())
    worth = sum(standings[number].worth_fen(quantity) for number, quantity in pieces.items())
    if everything:
        worth = min(worth, payment.capturable_fen)
    elif not worth:
        raise CaptureTooSmall(
            "These pieces carry none of the financed amount: capture them together with others.",
            param="items",
        )
    _refuse_other_amount(amount_fen, worth)
    # Where nothing is left, all that is left is what is refused by the name of the state.
    return Taking(
        worth or None,
        pieces,
        everything,
        serial_numbers.checked({n: one.row for n, one in standings.items()}, items),
    )


def note_captured(
    tx: Transaction, payment: Payment, standings: Standings, capture: Capture, taking: Taking
) -> None:
    """Remember which pieces left with a capture that the payment's amounts already show."""
    used_up = not payment.capturable_fen and not payment.voided_fen and not payment.expired_fen
    if taking.everything or used_up:
        quantities = {number: standing.left for number, standing in standings.items() if standing.left}
        unnamed = payment.captured_fen - sum(standing.captured_fen for standing in standings.values())
        worths = [standings[n].row.amount_fen - standings[n].captured_fen for n in quantities]
        amounts = split_by_largest_remainder(unnamed, worths) if unnamed and quantities else [0] * len(worths)
    else:
        quantities = dict(taking.pieces)
        amounts = [standings[number].worth_fen(quantity) for number, quantity in quantities.items()]
    for (number, quantity), amount in zip(quantities.items(), amounts, strict=True):
        row = CapturedLine(
            capture_id=capture.id,
            line=number,
            payment_id=payment.id,
            merchant_id=payment.merchant_id,
            mode=payment.mode,
            quantity=quantity,
            amount_fen=amount,
            returned=0,
            returned_fen=0,
        )
        tx.add(row)
        standings[number].taken.append(row)
    serial_numbers.take(tx, payment, capture, taking.serial_numbers)


def to_refund(
    tx: Transaction, captures: Sequence[Capture], items: Items | None, amount_fen: int | None, *, kind: str
) -> Returning:
    """What a refund of ``items`` gives back of ``captures``; without items, ``amount_fen`` or all that is left.

    Raises ``LineUnavailable`` for pieces that were not captured or came back before, ``AmountMismatch`` when amount
    and items do not agree, ``ValidationFailed`` for a kind with which the goods stay, ``WrongState``.
    """
    if items is None or not captures:
        return Returning(amount_fen)
    if kind not in GOODS_COME_BACK:
        raise _invalid("items", f"With a {kind} no goods come back: omit the items and send the amount.")
    rows = [row for some in _by_capture(tx, captures).values() for row in some]
    _refuse_not_captured(tx, captures[0].payment_id, rows, items)
    pieces = list(_returned_pieces(rows, items))
    worth = sum(fen for _, _, fen in pieces)
    left = sum(capture.amount_fen - capture.refunded_fen for capture in captures)
    if sum(quantity for _, quantity, _ in pieces) == sum(row.quantity - row.returned for row in rows):
        worth = min(worth, left)
    if left and not worth:
        raise WrongState("These pieces were captured for 0 fen: there is nothing to refund.", param="items")
    _refuse_other_amount(amount_fen, worth)
    return Returning(worth or None, pieces)


def note_returned(
    tx: Transaction, payment: Payment, refund: Refund, returning: Returning | None = None
) -> None:
    """Remember which pieces came back with a refund that payment and captures already show."""
    came = Counter({item["line"]: item["quantity"] for item in refund.items or ()})
    for row, quantity, fen in returning.pieces if returning else ():
        row.returned, row.returned_fen = row.returned + quantity, row.returned_fen + fen
        came[row.line] += quantity
        tx.add(row)
    for row in _wholly_returned(tx, payment, refund):
        came[row.line] += row.quantity - row.returned
        row.returned, row.returned_fen = row.quantity, row.amount_fen
        tx.add(row)
    refund.items = [
        {"line": line, "quantity": quantity} for line, quantity in sorted(came.items()) if quantity
    ]
    tx.add(refund)
    tx.flush()


def view(standings: Standings) -> list[dict[str, Any]]:
    """The lines as the API shows them."""
    return [
        {
            "line": number,
            "name": standing.row.name,
            "ordered": standing.row.ordered,
            "captured": standing.captured,
            "returned": standing.returned,
            "amount": standing.row.amount_fen,
        }
        for number, standing in standings.items()
    ]


def items_of(standings: Standings, capture_id: str) -> list[dict[str, int]]:
    """The pieces that left with a capture, as the API shows them."""
    return [
        {"line": row.line, "quantity": row.quantity, "amount": row.amount_fen}
        for standing in standings.values()
        for row in standing.taken
        if row.capture_id == capture_id
    ]


def _pieces(standings: Standings, items: Items) -> Counter[int]:
    """How many pieces of each line are asked for, all of which must be there."""
    pieces: Counter[int] = Counter()
    for index, item in enumerate(items):
        number, quantity = item["line"], item["quantity"]
        standing = standings.get(number)
        ordered = standing.row.ordered if standing else 0
        left = standing.left - pieces[number] if standing else 0
        facts = {"line": number, "ordered": ordered, "left": left}
        param = f"items[{index}].{'quantity' if standing else 'line'}"
        if standing and not left and quantity <= ordered:
            raise LineCaptured(
                f"All {ordered} pieces of line {number} have already been captured.", param=param, **facts
            )
        if quantity > left:
            short = f"Line {number} has {left} of {ordered} pieces left to capture, not {quantity}."
            raise LineUnavailable(
                short if standing else f"There is no line {number}: the order has {len(standings)}.",
                param=param,
                **facts,
            )
        if len(item["serial_numbers"]) > quantity:
            raise LineUnavailable(
                f"{len(item['serial_numbers'])} serial numbers for {quantity} pieces of line {number}: send at "
                "most one for each piece.",
                param=f"items[{index}].serial_numbers",
                **facts,
            )
        pieces[number] += quantity
    return pieces


def _refuse_not_captured(
    tx: Transaction, payment_id: str, rows: Sequence[CapturedLine], items: Items
) -> None:
    query = select(PaymentLine).where(PaymentLine.payment_id == payment_id)
    ordered = {row.line: row.ordered for row in tx.exec(query)}
    named: Counter[int] = Counter()
    for index, item in enumerate(items):
        number, quantity = item["line"], item["quantity"]
        captured = sum(row.quantity for row in rows if row.line == number)
        left = captured - sum(row.returned for row in rows if row.line == number) - named[number]
        if quantity > left:
            raise LineUnavailable(
                f"{left} of {captured} captured pieces of line {number} can come back, not {quantity}.",
                param=f"items[{index}].{'quantity' if number in ordered else 'line'}",
                line=number,
                ordered=ordered.get(number, 0),
                captured=captured,
                left=left,
            )
        named[number] += quantity


def _returned_pieces(rows: Sequence[CapturedLine], items: Items) -> Iterable[tuple[CapturedLine, int, int]]:
    """What comes back of which capture: of those in ``rows``, the first first."""
    wanted: Counter[int] = Counter()
    for item in items:
        wanted[item["line"]] += item["quantity"]
    for row in rows:
        left = row.quantity - row.returned
        quantity = min(left, wanted[row.line])
        wanted[row.line] -= quantity
        if quantity:
            yield row, quantity, of_rest(row.amount_fen - row.returned_fen, left, quantity=quantity)


def _wholly_returned(tx: Transaction, payment: Payment, refund: Refund) -> Sequence[CapturedLine]:
    """All pieces of the payment, or of the capture that the refund names, when nothing of it is left to refund."""
    if refund.kind not in GOODS_COME_BACK:
        return ()
    rows = list(_taken(tx, payment.id))
    if payment.refunded_fen == payment.captured_fen:
        return rows
    rows = [row for row in rows if row.capture_id == refund.capture_id]
    capture = tx.get_one(Capture, refund.capture_id) if rows else None
    # Pieces that an earlier capture without items paid for in part come back with the payment only.
    if (
        capture is None
        or not sum(row.amount_fen for row in rows) <= capture.amount_fen == capture.refunded_fen
    ):
        return ()
    return rows


def _refuse_other_amount(amount_fen: int | None, worth_fen: int) -> None:
    if amount_fen not in (None, worth_fen):
        raise AmountMismatch(
            f"The items are worth {worth_fen} fen, but the amount is {amount_fen} fen: omit the amount.",
            param="amount",
            expected=worth_fen,
            actual=amount_fen,
            difference=amount_fen - worth_fen,
        )


def _taken(tx: Transaction, payment_id: str) -> Iterable[CapturedLine]:
    query = select(CapturedLine).where(CapturedLine.payment_id == payment_id)
    return tx.exec(query.order_by(col(CapturedLine.capture_id), col(CapturedLine.line)))


def _by_capture(tx: Transaction, captures: Sequence[Capture]) -> dict[str, list[CapturedLine]]:
    """What left with each of some captures of one payment."""
    found: dict[str, list[CapturedLine]] = {capture.id: [] for capture in captures}
    for row in _taken(tx, captures[0].payment_id) if captures else ():
        if row.capture_id in found:
            found[row.capture_id].append(row)
    return found


def _invalid(param: str, detail: str) -> ValidationFailed:
    return ValidationFailed([{"param": param, "code": "invalid", "detail": detail}])
