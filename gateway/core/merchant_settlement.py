"""What a merchant is due for one sale: the financed amount less the fee and the subsidy, each rounded alone."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from gateway.core.money import Rate, fen, half_up, rate, share


@dataclass(frozen=True, slots=True)
class MerchantSettlement:
    """Amounts in fen."""

    financed_amount: int
    merchant_fee: int
    merchant_subsidy: int
    settlement_amount: int


def settle(
    price_fen: int,
    *,
    merchant_fee_rate: Rate,
    merchant_subsidy_rate: Rate,
    government_subsidy_fen: int = 0,
    merchant_discount_fen: int = 0,
    down_payment_fen: int = 0,
) -> MerchantSettlement:
    """The settlement of one sale at ``price_fen`` before everything. Raises ``ValueError`` if nothing is financed."""
    parts = [fen(part) for part in (government_subsidy_fen, merchant_discount_fen, down_payment_fen)]
    financed = fen(price_fen, name="price") - sum(parts)
    if financed <= 0:
        raise ValueError("subsidy, discount and down payment leave nothing to finance")
    fee, subsidy = share(financed, merchant_fee_rate), share(financed, merchant_subsidy_rate)
    if fee + subsidy > financed:
        raise ValueError("fee and subsidy are above the financed amount")
    return MerchantSettlement(financed, fee, subsidy, financed - fee - subsidy)


def net_and_vat(fee_fen: int, vat_rate: Rate) -> tuple[int, int]:
    """A fee that contains output tax, as net fee and VAT (fen): VAT = fee x r / (1 + r), rounded half up."""
    tax = rate(vat_rate)
    vat = half_up(Fraction(fen(fee_fen, name="fee")) * tax / (1 + tax))
    return fee_fen - vat, vat
