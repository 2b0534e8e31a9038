"""Pieces that come back with a refund, of the lines that left with captures (``payments.lines``).

A refund by items gives back what its pieces were captured for, from the captures with which they left. The last pieces
that come back take what is left, if money was given back without naming pieces before. When nothing is left to refund
of the payment, or of the capture that a refund names, all its pieces have come back, but for a lower price or goodwill:
those leave the goods with the shopper.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.core.order_lines import of_rest
from gateway.db.transactions import Transaction
from gateway.errors import LineUnavailable, ValidationFailed, WrongState
from gateway.payments import lines, service
from gateway.payments.lines import Items, Standings, refuse_other_amount
from gateway.payments.models import Capture, CapturedLine, Payment, Refund

GOODS_COME_BACK = ("return", "unwind", "unused_lessons")
"""Kinds of refund that take items: with the others the goods stay with the shopper."""


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


def to_refund(
    standings: Standings,
    captures: Sequence[Capture],
    items: Items | None,
    amount_fen: int | None,
    *,
    kind: str,
) -> Returning:
    """What a refund of ``items`` gives back of ``captures``; without items, ``amount_fen`` or all that is left.

    Raises ``LineUnavailable`` for pieces that were not captured or came back before, ``AmountMismatch`` when amount
    and items do not agree, ``ValidationFailed`` for a kind with which the goods stay, ``WrongState``.
    """
    if items is None or not captures:
        return Returning(amount_fen)
    if kind not in GOODS_COME_BACK:
        detail = f"With a {kind} no goods come back: omit the items and send the amount."
        raise ValidationFailed([{"param": "items", "code": "invalid", "detail": detail}])
    rows = [row for capture in captures for row in _taken(standings) if row.capture_id == capture.id]
    _refuse_not_captured(standings, rows, items)
    pieces = list(_returned_pieces(rows, items))
    worth = sum(fen for _, _, fen in pieces)
    left = sum(capture.amount_fen - capture.refunded_fen for capture in captures)
    if sum(quantity for _, quantity, _ in pieces) == sum(row.quantity - row.returned for row in rows):
        worth = min(worth, left)
    if left and not worth:
        raise WrongState("These pieces were captured for 0 fen: there is nothing to refund.", param="items")
    refuse_other_amount(amount_fen, worth)
    return Returning(worth or None, pieces)


def take_back(
    standings: Standings,
    payment: Payment,
    captures: Sequence[Capture],
    *,
    kind: str,
    capture_id: str | None,
    returning: Returning | None = None,
) -> list[dict[str, int]]:
    """Count the pieces that come back with a refund of ``kind``, which payment and captures already show.

    Changes the rows in hand only; returns the pieces by line.
    """
    came: Counter[int] = Counter()
    for row, quantity, fen in returning.pieces if returning else ():
        row.returned, row.returned_fen = row.returned + quantity, row.returned_fen + fen
        came[row.line] += quantity
    for row in _wholly_returned(standings, payment, captures, kind=kind, capture_id=capture_id):
        came[row.line] += row.quantity - row.returned
        row.returned, row.returned_fen = row.quantity, row.amount_fen
    return [{"line": line, "quantity": quantity} for line, quantity in sorted(came.items()) if quantity]


def note_returned(tx: Transaction, payment: Payment, refund: Refund) -> None:
    """Remember which pieces came back with a refund that names none and that payment and captures already show."""
    standings, captures = lines.of_payments(tx, [payment.id])[payment.id], service.captures_of(tx, payment.id)
    more = take_back(standings, payment, captures, kind=refund.kind, capture_id=refund.capture_id)
    came: Counter[int] = Counter()
    for item in [*(refund.items or ()), *more]:
        came[item["line"]] += item["quantity"]
    refund.items = [{"line": line, "quantity": quantity} for line, quantity in sorted(came.items())]
    tx.add(refund)
    tx.flush()


def _refuse_not_captured(standings: Standings, rows: Sequence[CapturedLine], items: Items) -> None:
    named: Counter[int] = Counter()
    for index, item in enumerate(items):
        number, quantity = item["line"], item["quantity"]
        captured = sum(row.quantity for row in rows if row.line == number)
        left = captured - sum(row.returned for row in rows if row.line == number) - named[number]
        if quantity > left:
            standing = standings.get(number)
            raise LineUnavailable(
                f"{left} of {captured} captured pieces of line {number} can come back, not {quantity}.",
                param=f"items[{index}].{'quantity' if standing else 'line'}",
                line=number,
                ordered=standing.row.ordered if standing else 0,
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


def _wholly_returned(
    standings: Standings, payment: Payment, captures: Sequence[Capture], *, kind: str, capture_id: str | None
) -> Sequence[CapturedLine]:
    """All pieces of the payment, or of the capture that the refund names, when nothing of it is left to refund."""
    if kind not in GOODS_COME_BACK:
        return ()
    rows = list(_taken(standings))
    if payment.refunded_fen == payment.captured_fen:
        return rows
    rows = [row for row in rows if row.capture_id == capture_id]
    capture = next((capture for capture in captures if capture.id == capture_id), None)
    # Pieces that an earlier capture without items paid for in part come back with the payment only.
    if (
        capture is None
        or not sum(row.amount_fen for row in rows) <= capture.amount_fen == capture.refunded_fen
    ):
        return ()
    return rows


def _taken(standings: Standings) -> Iterable[CapturedLine]:
    """What left, by line and capture."""
    return (row for standing in standings.values() for row in standing.taken)
