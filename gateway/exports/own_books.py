"""The merchant's own books: each ledger entry seen from its side, as its accountant would write it down.

What the gateway owes is an asset there, what was taken as a fee is an expense, and what the lender paid for a shopper
is a sale. Every line of an entry is turned around, so each is balanced as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.ledger.booking.accounts import MERCHANT_KINDS
from gateway.ledger.reports.journals import Account, JournalEntry, JournalLine
from gateway.ledger.service import OwnEntry

FEES = ("merchant_fee_income", "dispute_fee_income", "vat_payable")
OF_THE_BANK = ("payout_", "invoice_paid")
"""Entries by which money went to or from the merchant's bank; the other side of the rest is a sale."""
SUBSIDIES = ("unearned_merchant_subsidy", "merchant_subsidy_income")


@dataclass(frozen=True, slots=True)
class Role:
    """What an account of the merchant stands for: its place in a journal, its code and name by 小企业会计准则."""

    root: str
    path: str
    code: str
    name: str


ROLES: Mapping[str, Role] = {
    "pending": Role("assets", "fenqi:pending", "112201", "应收账款-分期待结算"),
    "staged": Role("assets", "fenqi:staged", "112202", "应收账款-分期待履约"),
    "available": Role("assets", "fenqi:available", "101201", "其他货币资金-分期可打款"),
    "reserve": Role("assets", "fenqi:reserve", "122101", "其他应收款-分期准备金"),
    "in_dispute": Role("assets", "fenqi:in_dispute", "122102", "其他应收款-分期争议冻结"),
    "in_transit": Role("assets", "fenqi:in_transit", "101202", "其他货币资金-分期打款在途"),
    "bank": Role("assets", "bank", "1002", "银行存款"),
    "owed": Role("liabilities", "fenqi:owed", "224101", "其他应付款-分期欠款"),
    "sales": Role("income", "sales", "5001", "主营业务收入"),
    "fees": Role("expenses", "fenqi:fees", "560301", "财务费用-手续费"),
    "subsidies": Role("expenses", "fenqi:subsidies", "560101", "销售费用-分期贴息"),
}
"""By name. Sales stand with their tax, as the shopper paid them: output tax is for the merchant's own books to part."""
OWN = {
    "merchant_pending": "pending",
    "merchant_staged": "staged",
    "merchant_available": "available",
    "merchant_reserve": "reserve",
    "dispute_hold": "in_dispute",
    "merchant_receivable": "owed",
    "payout_in_transit": "in_transit",
    **dict.fromkeys(FEES, "fees"),
    **dict.fromkeys(SUBSIDIES, "subsidies"),
}
EVENTS = {
    "capture": "分期请款",
    "refund": "退款",
    "settlement": "结算",
    "payout_instructed": "打款指令",
    "payout_confirmed": "打款到账",
    "payout_rejected": "打款失败",
    "payout_returned": "打款退回",
    "reserve_released": "准备金释放",
    "dispute_opened": "争议冻结",
    "dispute_won": "争议胜诉",
    "dispute_lost": "争议败诉",
    "subsidy_claimed": "政府补贴",
    "subsidy_received": "政府补贴到账",
    "subsidy_returned": "政府补贴退回",
    "unwound_claim_moved": "取消后应收转移",
    "stage_held": "履约阶段扣留",
    "stage_released": "履约阶段释放",
    "stage_returned": "履约阶段退回",
    "invoice_paid": "账单付款",
}


class OwnAccount(Account):
    """One of the merchant's accounts in a journal."""

    @property
    def parts(self) -> list[str]:
        """Root, then the path: ``["assets", "fenqi", "pending"]``."""
        role = ROLES[self.kind]
        return [role.root, *role.path.split(":")]


ACCOUNTS: dict[str, Account] = {name: OwnAccount("own", name, "") for name in ROLES}


def role_of(entry_kind: str, account_kind: str) -> str:
    """What a line of the ledger is to the merchant."""
    own = OWN.get(account_kind)
    if own is not None:
        return own
    return "bank" if entry_kind.startswith(OF_THE_BANK) else "sales"


def turned(entry: OwnEntry) -> dict[str, int]:
    """What an entry moves, by role in fen, debit above 0 in the merchant's books; without what cancels itself."""
    return _summed((entry.kind, account, amount) for account, amount in entry.lines)


def standing(sums: Iterable[tuple[str, str, int]]) -> dict[str, int]:
    """What the merchant's accounts stand at, by role in fen, from sums of the ledger."""
    return _summed(sums)


def claims(moved: Mapping[str, int]) -> int:
    """What the gateway owes the merchant of it, in fen: all claims, less what the merchant owes."""
    return sum(moved.get(OWN[kind], 0) for kind in MERCHANT_KINDS)


def journal_entry(entry: OwnEntry, merchant_id: str) -> JournalEntry | None:
    """The entry as a journal takes it; None where nothing is left of it."""
    moved = turned(entry)
    if not moved:
        return None
    lines = tuple(
        JournalLine(number, ACCOUNTS[role], amount, entry.about_id)
        for number, (role, amount) in enumerate(moved.items(), 1)
    )
    return JournalEntry(
        id=entry.id,
        kind=entry.kind,
        key=f"{entry.kind}:{entry.about_id}",
        reverses=None,
        about_type=entry.about_type,
        about_id=entry.about_id,
        merchant_id=merchant_id,
        effective_date=entry.effective_date,
        recorded_at=entry.recorded_at,
        lines=lines,
    )


def summary(entry: OwnEntry) -> str:
    """What happened, in the words of a voucher."""
    base = entry.kind.removesuffix("_reversed")
    words = EVENTS.get(base, base)
    late = f"（{entry.value_date}，该月已结账）" if entry.value_date != entry.effective_date else ""
    return f"{words}{'（冲正）' if base != entry.kind else ''}{late} {entry.about_id}"


def _summed(sums: Iterable[tuple[str, str, int]]) -> dict[str, int]:
    found: dict[str, Any] = {}
    for entry_kind, account_kind, amount in sums:
        role = role_of(entry_kind, account_kind)
        found[role] = found.get(role, 0) - amount
    return {role: amount for role, amount in found.items() if amount}
