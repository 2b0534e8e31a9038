"""The status of a payment: a pure function of its amounts, so that it can never disagree with them."""

from __future__ import annotations

PAYMENT_STATUSES = (
    "authorized",
    "partially_captured",
    "captured",
    "partially_refunded",
    "refunded",
    "voided",
    "expired",
)


def payment_status(
    *, authorised_fen: int, captured_fen: int, voided_fen: int, expired_fen: int, refunded_fen: int
) -> str:
    """Status by what is open (K = A - C - V - X), captured and refunded; amounts in fen."""
    still_open = authorised_fen - captured_fen - voided_fen - expired_fen
    if (
        min(still_open, captured_fen, voided_fen, expired_fen, refunded_fen) < 0
        or refunded_fen > captured_fen
    ):
        raise ValueError("the parts of a payment are not negative and fit into the whole")
    if still_open:
        return "partially_captured" if captured_fen else "authorized"
    if not captured_fen:
        return "expired" if expired_fen else "voided"
    if not refunded_fen:
        return "captured"
    return "refunded" if refunded_fen == captured_fen else "partially_refunded"
