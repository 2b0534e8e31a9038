"""The chart of accounts: the kinds, who owns them, their normal side and what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Side = Literal["debit", "credit", "clearing", "memo"]
Owner = Literal["merchant", "funder", "institution", "programme", "none"]


@dataclass(frozen=True, slots=True)
class AccountKind:
    """One row of the chart."""

    name: str
    side: Side
    owner: Owner
    text_zh: str
    text_en: str


CHART = {
    kind.name: kind
    for kind in (
        AccountKind("loan_principal", "debit", "funder", "贷款本金", "principal shoppers owe the lender"),
        AccountKind("interest_receivable", "debit", "funder", "应收利息", "interest due, not yet paid"),
        AccountKind("fee_receivable", "debit", "funder", "应收手续费", "instalment fee due, not yet paid"),
        AccountKind("late_interest_receivable", "debit", "funder", "应收罚息", "late interest due, not yet paid"),
        AccountKind("subsidy_receivable", "debit", "programme", "应收国补", "trade-in subsidy owed by a programme"),
        AccountKind("merchant_receivable", "debit", "merchant", "商户欠款", "what the merchant owes"),
        AccountKind("merchant_pending", "credit", "merchant", "待结算", "captured, not yet settled"),
        AccountKind("merchant_available", "credit", "merchant", "可付款", "settled, not yet instructed"),
        AccountKind("merchant_reserve", "credit", "merchant", "风险准备金", "held back by agreement"),
        AccountKind("dispute_hold", "credit", "merchant", "争议冻结", "set aside while a dispute runs"),
        AccountKind("payout_in_transit", "clearing", "institution", "付款在途", "instructed, not yet confirmed"),
        AccountKind("refund_in_transit", "clearing", "institution", "退款在途", "refund instructed, not confirmed"),
        AccountKind("collection_in_transit", "clearing", "institution", "扣款在途", "collection not confirmed"),
        AccountKind("shopper_credit", "credit", "none", "应退消费者", "owed to shoppers"),
        AccountKind("funder_clearing", "credit", "funder", "资金方往来", "what the lender put in and not got back"),
        AccountKind("unearned_merchant_subsidy", "credit", "none", "未实现贴息", "subsidy released as time passes"),
        AccountKind("vat_payable", "credit", "none", "应交增值税", "output tax in the fees"),
        AccountKind("merchant_fee_income", "credit", "none", "商户手续费收入", "earned from merchants"),
        AccountKind("merchant_subsidy_income", "credit", "none", "贴息收入", "earned from merchants' subsidies"),
        AccountKind("interest_income", "credit", "funder", "利息收入", "earned from shoppers"),
        AccountKind("fee_income", "credit", "funder", "手续费收入", "earned from shoppers"),
        AccountKind("late_interest_income", "credit", "funder", "罚息收入", "earned from shoppers"),
        AccountKind("limit_committed", "memo", "none", "已占用额度", "authorised, seen from the limit"),
        AccountKind("authorised_commitments", "memo", "none", "授权承诺", "authorised, seen from the payments"),
    )
}
"""The kinds that are posted to now or by the loan's life; the design's remaining ones come with their events."""

MERCHANT_KINDS = tuple(kind.name for kind in CHART.values() if kind.owner == "merchant")
