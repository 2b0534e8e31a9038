"""The chart of accounts: the kinds, whose they are, the side they normally stand on, and what they mean."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from gateway.core.tenant import Mode

Side = Literal["debit", "credit", "clearing", "memo"]
"""Where the balance normally stands. A clearing account returns to 0; a memo account holds no claim at all."""
Owner = Literal["merchant", "funder", "institution", "programme", "none"]
Group = Literal["assets", "liabilities", "income", "expenses", "memo"]

OWNER_TEXT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


@dataclass(frozen=True, slots=True)
class AccountKind:
    """One row of the chart."""

    name: str
    side: Side
    owner: Owner
    group: Group
    zh: str
    en: str
    means: str


_SECTIONS: dict[tuple[Group, Side, Owner], str] = {
    ("assets", "debit", "merchant"): """
        merchant_receivable | 商户欠款 | Owed by the merchant | a refund after the payout, a lost dispute""",
    ("assets", "debit", "funder"): """
        loan_principal | 贷款本金 | Loan principal | owed by shoppers
        interest_receivable | 应收利息 | Interest receivable | due, not yet paid
        fee_receivable | 应收手续费 | Fee receivable | due, not yet paid
        late_interest_receivable | 应收罚息 | Late interest receivable | due, not yet paid""",
    ("assets", "debit", "programme"): """
        subsidy_receivable | 应收国补 | Trade-in subsidy receivable | advanced by a merchant, owed by the programme""",
    ("assets", "credit", "funder"): """
        allowance | 贷款损失准备 | Allowance for losses | set against principal""",
    ("liabilities", "credit", "merchant"): """
        merchant_pending | 待结算 | Pending | captured, not yet settled
        merchant_staged | 待履约 | Staged | captured, waits for a stage of the order
        merchant_available | 可打款余额 | Available | settled, payout not yet instructed
        merchant_reserve | 风险准备金 | Reserve | held back by agreement
        dispute_hold | 争议冻结 | Held for disputes | set aside while a dispute runs""",
    ("liabilities", "credit", "funder"): """
        funder_clearing | 资金方往来 | Lender's account | what the lender has put in and not yet received back""",
    ("liabilities", "credit", "none"): """
        shopper_credit | 应退消费者 | Owed to shoppers | overpaid, or refunded beyond the debt
        unearned_merchant_subsidy | 未摊销贴息 | Unearned merchant subsidy | taken at capture, earned over the term
        vat_payable | 应交增值税 | VAT payable | output tax in the fees""",
    ("liabilities", "clearing", "institution"): """
        payout_in_transit | 打款在途 | Payouts in transit | instructed, outcome not yet confirmed
        refund_in_transit | 退款在途 | Refunds in transit | instructed, outcome not yet confirmed
        collection_in_transit | 扣款在途 | Collections in transit | instructed, outcome not yet confirmed""",
    ("income", "credit", "funder"): """
        interest_income | 利息收入 | Interest income | earned from shoppers
        fee_income | 手续费收入 | Fee income | earned from shoppers
        late_interest_income | 罚息收入 | Late interest income | earned from shoppers
        recovery_income | 核销收回 | Recoveries | paid after the loan was written off""",
    ("income", "credit", "none"): """
        merchant_fee_income | 商户手续费收入 | Merchant fee income | earned from merchants
        merchant_subsidy_income | 贴息收入 | Merchant subsidy income | earned from merchants
        dispute_fee_income | 争议手续费收入 | Dispute fee income | earned from merchants""",
    ("expenses", "debit", "funder"): """
        credit_loss | 信用减值损失 | Credit losses | provisions and write-offs""",
    ("expenses", "debit", "none"): """
        dispute_loss | 争议损失 | Dispute losses | borne by the gateway""",
    ("memo", "memo", "none"): """
        limit_committed | 已占用额度 | Limit committed | authorised, seen from the limits
        authorised_commitments | 授权承诺 | Authorised commitments | authorised, seen from the payments""",
}


def _kinds() -> Iterator[AccountKind]:
    for (group, side, owner), rows in _SECTIONS.items():
        for row in rows.strip().splitlines():
            name, zh, en, means = (cell.strip() for cell in row.split("|"))
            yield AccountKind(name, side, owner, group, zh, en, means)


CHART = {kind.name: kind for kind in _kinds()}
"""Every kind of account, in the order in which reports show them."""

MERCHANT_KINDS = tuple(kind.name for kind in CHART.values() if kind.owner == "merchant")
CLEARING_KINDS = tuple(kind.name for kind in CHART.values() if kind.side == "clearing")
MEMO_KINDS = tuple(kind.name for kind in CHART.values() if kind.side == "memo")


def check_account(kind: str, owner: str) -> None:
    """Raise ``ValueError`` unless the chart has the kind, and an owner is given just where the kind has one."""
    if kind not in CHART:
        raise ValueError(f"{kind!r} is not in the chart of accounts")
    if (CHART[kind].owner == "none") != (owner == ""):
        raise ValueError(f"{kind} {'has no owner' if owner else 'needs an owner'}")
    if owner and not OWNER_TEXT.fullmatch(owner):
        raise ValueError(
            f"the owner of {kind} must be letters, digits, underscores and hyphens, not {owner!r}"
        )


def account_id(mode: Mode, kind: str, owner: str = "") -> str:
    """The account's identifier, which is its name: ``live:merchant_pending:mer_01KA…``, ``test:vat_payable``."""
    return f"{mode}:{kind}:{owner}" if owner else f"{mode}:{kind}"


def on_normal_side(kind: str, balance_fen: int) -> int:
    """A signed balance (fen, debit above 0) as it is read: above 0 on the normal side. Memo keeps its sign."""
    return balance_fen if CHART[kind].side in ("debit", "memo") else -balance_fen
