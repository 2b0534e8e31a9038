"""Charges: what a merchant pays for money that is lent. Pure.

The charges of a part are differences of those of everything up to it, each rounded as a whole, so that any split of a
payment into captures, or of a capture into refunds, sums to the charges of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from gateway.core import merchant_settlement, money

VAT_RATE = "0.06"
"""Output tax contained in the merchant fee (financial services)."""


@dataclass(frozen=True, slots=True)
class Charges:
    """What a merchant pays, in fen: a fee, the tax in it, and the subsidy of a plan without interest."""

    fee_fen: int = 0
    vat_fen: int = 0
    subsidy_fen: int = 0

    @property
    def net_fee_fen(self) -> int:
        """The fee without its tax."""
        return self.fee_fen - self.vat_fen

    @property
    def total_fen(self) -> int:
        """What is kept of the merchant's money."""
        return self.fee_fen + self.subsidy_fen


def of_capture(price: Mapping[str, Any], *, before_fen: int, amount_fen: int) -> Charges:
    """The charges of a capture of ``amount_fen`` at the rates of ``price``, after captures of ``before_fen``."""

    def part(rate: str) -> int:
        return money.share(before_fen + amount_fen, price[rate]) - money.share(before_fen, price[rate])

    fee = part("merchant_fee_rate")
    return Charges(fee, vat_in(fee), part("merchant_subsidy_rate"))


def returned(fee_fen: int, *, captured_fen: int, before_fen: int, amount_fen: int) -> Charges:
    """What comes back of the fee of a capture with a refund of ``amount_fen``, after refunds of ``before_fen``."""
    before = returned_fee_fen(fee_fen, captured_fen=captured_fen, refunded_fen=before_fen)
    after = returned_fee_fen(fee_fen, captured_fen=captured_fen, refunded_fen=before_fen + amount_fen)
    return Charges(after - before, vat_in(after) - vat_in(before))


def returned_fee_fen(fee_fen: int, *, captured_fen: int, refunded_fen: int) -> int:
    """The part of a capture's fee that refunds of ``refunded_fen`` in all have returned, in fen."""
    return money.half_up(Fraction(fee_fen * refunded_fen, captured_fen))


def vat_in(fee_fen: int) -> int:
    """The output tax in a fee, in fen."""
    return merchant_settlement.net_and_vat(fee_fen, VAT_RATE)[1]
