"""The canonical text of a contract: the same facts always give the same bytes (UTF-8, LF, one final newline).

Pure. The first section repeats the record line by line, so that a changed column is as detectable as a changed word.
Personal data appears masked only; the parties are named by their references.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.contracts import clauses
from gateway.core.money import yuan
from gateway.plans.pricing import EARLY_SETTLEMENT_POLICY

FORMAT = "fenqi-contract-1"
METHODS = {
    "equal_installment": "等额本息 equal instalments",
    "equal_principal": "等额本金 equal principal",
    "flat_fee": "手续费分期 flat fee",
    "interest_free": "免息分期 interest-free",
}


@dataclass(frozen=True, slots=True)
class ConsentFact:
    """A consent as it was logged: what kind, which version, the hash of what was agreed to, and when (UTC)."""

    id: str
    kind: str
    version: str
    text_sha256: str
    given_at: datetime


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a contract states. Amounts in fen; ``borrower`` is masked: ``name``, ``id_number`` and ``phone``."""

    contract: str
    mode: str
    checkout: str
    payment: str
    merchant: str
    merchant_name: str
    merchant_reference: str
    shopper: str
    borrower: dict[str, str]
    plan: dict[str, Any]
    government_subsidy: dict[str, Any] | None
    consents: Sequence[ConsentFact]
    disclosure_consent: str
    concluded_at: datetime


def canonical(facts: Facts) -> str:
    """The text of a contract."""
    sections = (
        ["个人消费分期借款合同 Consumer instalment loan contract"],
        _record_lines(facts),
        _parties(facts),
        _amounts(facts),
        _terms(facts.plan),
        _schedule(facts.plan),
        _disclosure(facts.plan["disclosure"]),
        _late(facts.plan["disclosure"]["contingent"]),
        _changes(facts.plan),
        _consents(facts.consents),
        _signature_note(),
    )
    return "\n\n".join("\n".join(lines) for lines in sections) + "\n"


def record(facts: Facts) -> dict[str, str]:
    """What identifies the contract; the columns of its row say the same."""
    return {
        "format": FORMAT,
        "contract": facts.contract,
        "mode": facts.mode,
        "checkout": facts.checkout,
        "payment": facts.payment,
        "merchant": facts.merchant,
        "shopper": facts.shopper,
        "quote_sha256": facts.plan["quote_hash"],
        "disclosure_consent": facts.disclosure_consent,
        "concluded_at": moment(facts.concluded_at),
    }


def record_of(text: str) -> dict[str, str]:
    """The record that a canonical text repeats; empty when it has none."""
    sections = text.split("\n\n")
    lines = sections[1].split("\n")[1:] if len(sections) > 1 else []
    return dict(line.split(": ", 1) for line in lines if ": " in line)


def moment(value: datetime) -> str:
    """A time in UTC to the microsecond, as contracts write it."""
    return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _record_lines(facts: Facts) -> list[str]:
    return ["记录 Record", *[f"{name}: {value}" for name, value in record(facts).items()]]


def _parties(facts: Facts) -> list[str]:
    who = facts.borrower
    return [
        "1. 当事人 Parties",
        f"贷款人 Lender: {facts.plan['disclosure']['lender']}",
        f"借款人 Borrower: {facts.shopper}, {who['name']}, 证件 ID {who['id_number']}, 手机 phone {who['phone']}",
        f"商户 Merchant: {facts.merchant}, {facts.merchant_name}, 订单 order {facts.merchant_reference}",
    ]


def _amounts(facts: Facts) -> list[str]:
    plan, subsidy = facts.plan, facts.government_subsidy
    lines = ["2. 金额 Amounts", f"订单应付 Order: {_money(plan['amount'])}"]
    if subsidy is not None:
        note = "由商家垫付，不计入分期 advanced by the merchant, not financed"
        lines.append(
            f"政府补贴 Government subsidy {subsidy['programme']}: {_money(subsidy['amount'])} ({note})"
        )
    return [
        *lines,
        f"首付 Down payment: {_money(plan['amount'] - plan['financed_amount'])}",
        f"借款本金 Principal: {_money(plan['financed_amount'])}",
    ]


def _terms(plan: dict[str, Any]) -> list[str]:
    rate = plan["annual_rate"]
    return [
        "3. 条款 Terms",
        f"还款方式 Method: {METHODS[plan['method']]}",
        f"期数 Instalments: {plan['term']}, 每月一期 monthly",
        f"利息合计 Interest: {_money(plan['total_interest'])}",
        f"手续费合计 Fees: {_money(plan['total_fee'])}",
        f"应还总额 Total to pay: {_money(plan['total_payment'])}",
        f"年化利率（单利） Annual rate, nominal (12 x monthly): {rate['nominal']}",
        f"年化利率（复利 IRR） Annual rate, effective (compounded): {rate['effective']}",
    ]


def _schedule(plan: dict[str, Any]) -> list[str]:
    """Due dates are those of a loan drawn on the day of the quote; the day of the drawdown moves them all."""
    columns = ("period", "due_date", "principal", "interest", "fee", "payment", "balance")
    return [
        "4. 还款计划 Schedule (fen)",
        "还款日以实际放款当日为准，每月同日。 Due dates are counted from the day of the drawdown.",
        " | ".join(columns),
        *[" | ".join(str(row[name]) for name in columns) for row in plan["schedule"]],
    ]


def _disclosure(disclosure: dict[str, Any]) -> list[str]:
    return [
        f"5. 综合融资成本明示 Cost disclosure, version {disclosure['text_version']}",
        *(_costs(disclosure["charges"]) or ["无 none: 利息与手续费 interest and fees 0.00 CNY"]),
        *[
            f"商户承担 Borne by the merchant: {line}"
            for line in _costs(disclosure.get("paid_by_merchant", []))
        ],
        "除上述费用外，不再收取任何其他费用。 Nothing else is charged.",
    ]


def _costs(costs: Iterable[dict[str, Any]]) -> list[str]:
    """Each cost as ``name: key value; …`` in a fixed order of keys; an amount in yuan and fen."""
    lines = []
    for cost in costs:
        parts = [f"{key} {cost[key]}" for key in ("rate", "basis", "collector", "how") if key in cost]
        lines.append(f"{cost['name']}: {'; '.join([*parts, _money(cost['amount'])])}")
    return lines


def _late(contingent: Sequence[dict[str, Any]]) -> list[str]:
    return [
        "6. 逾期 If a payment is late",
        *[
            f"{cost['name']}: rate {cost['rate']}; basis {cost['basis']}; grace days {cost['grace_days']}; "
            f"collector {cost['collector']}"
            for cost in contingent
        ],
        *[clauses.late_payment(cost, language) for cost in contingent for language in clauses.LANGUAGES],
    ]


def _changes(plan: dict[str, Any]) -> list[str]:
    return [
        "7. 提前结清与退货 Early settlement and returns",
        f"early_settlement: {EARLY_SETTLEMENT_POLICY}",
        *[clauses.early_settlement(plan, language) for language in clauses.LANGUAGES],
        *[clauses.SEVEN_DAYS[language] for language in clauses.LANGUAGES],
        "退款先冲减借款本金，其余各期按原方式与利率重新计算。",
        "A refund lowers the principal first; the remaining instalments are computed again by the same method and "
        "rate.",
    ]


def _consents(consents: Iterable[ConsentFact]) -> list[str]:
    return [
        "8. 授权与同意 Consents (kind, version, SHA-256, time)",
        *[
            f"{row.kind} | {row.version} | {row.text_sha256} | {moment(row.given_at)}"
            for row in sorted(consents, key=lambda row: (row.kind, row.id))
        ],
    ]


def _signature_note() -> list[str]:
    return [
        "9. 电子签名 Electronic signature",
        "借款人的勾选与确认是同意的证据，不是可靠的电子签名；系统签名用于证明本文本自订立后未被改动。",
        "The borrower's ticks and confirmation are evidence of consent, not a reliable electronic signature; "
        "the system's signature shows that this text was not changed since.",
    ]


def _money(amount_fen: int) -> str:
    return f"{yuan(amount_fen)} CNY ({amount_fen} fen)"
