"""Lines of the order behind a payment, and which pieces of them left with a capture.

A capture by items takes what its pieces are worth (``core.order_lines``). A capture by amount names no piece, until
nothing is left of the authorisation: then all that was ordered has left, and what the pieces named last are captured
for is all that no other piece was captured for. So the lines always sum to what was captured. Whoever captures all that
is left, or names all pieces that are left, takes all lines; where a part was voided they are captured for the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import and_, bindparam, insert
from sqlmodel import SQLModel, col, select

from gateway.core.money import split_by_largest_remainder
from gateway.core.order_lines import OrderedLine, of_pieces
from gateway.db import keyed
from gateway.db.transactions import Transaction
from gateway.errors import (
    AmountMismatch,
    CaptureTooSmall,
    LineCaptured,
    LineUnavailable,
)
from gateway.payments import serial_numbers
from gateway.payments.models import Capture, CapturedLine, Payment, PaymentLine

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
    refuse_other_amount(amount_fen, worth)
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


def refuse_other_amount(amount_fen: int | None, worth_fen: int) -> None:
    """Raise ``AmountMismatch`` when an amount is sent with items that are worth another."""
    if amount_fen not in (None, worth_fen):
        raise AmountMismatch(
            f"The items are worth {worth_fen} fen, but the amount is {amount_fen} fen: omit the amount.",
            param="amount",
            expected=worth_fen,
            actual=amount_fen,
            difference=amount_fen - worth_fen,
        )
