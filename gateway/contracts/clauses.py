"""Clauses: what early settlement, late payment and a return cost, in the one set of words that shoppers meet.

The review page shows them before the confirmation, the credit service agreement holds them, and the contract is signed
with them. A change of these words is a new version of that agreement. Pure; Chinese and English.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

LANGUAGES = ("zh-CN", "en")
DAYS_A_YEAR = 365

EARLY = {
    "zh-CN": "您可以随时提前结清。提前结清时支付已到期未付的款项、剩余本金、当期按日计算的利息和当期手续费；"
    "以后各期的利息和手续费不再收取。每期自上一还款日（首期为放款日）的次日起算。",
    "en": "You may settle the loan early at any time. You then pay what is due and unpaid, the outstanding "
    "principal, the interest of the current period by days and the fee of the current period; the interest "
    "and fees of later periods are not charged. A period begins on the day after a due date, and the first "
    "on the day after the drawdown.",
}
FEE_IN_FIRST_PERIOD = {
    "zh-CN": "随首期还款一次收取的手续费全部属于首期：自放款日的次日起提前结清的，全额收取。",
    "en": "A fee that is collected once with the first payment belongs to the first period: from the day after the "
    "drawdown it is charged in full.",
}
LATE = {
    "zh-CN": "还款日后 {days} 天为宽限期，宽限期内付清的不计罚息。超过宽限期付清的，自还款日的次日起（包括宽限期）"
    "按逾期本金每日 {daily} 计收罚息，单利，折合年化 {yearly}（单利，按 365 天计），由资金方收取。",
    "en": "If you pay within {days} days after a due date (the grace period), there is no late interest. If you "
    "pay later, late interest of {daily} a day is charged on the overdue principal for every day since the "
    "due date, including the grace period: {yearly} a year (simple interest, 365 days). The lender collects "
    "it.",
}
SEVEN_DAYS = {
    "zh-CN": "自收货之日起 7 日内全部退货的，贷款视为自始未发生，不收取利息和手续费，已还款项原路退回。"
    "分批发货的，每批分别计算。",
    "en": "If you return everything within 7 days of receiving it, the loan is cancelled as if it had never "
    "existed: no interest or fees are charged, and what you have paid is returned the way you paid it. If "
    "goods are shipped in parts, each part is counted separately.",
}


def early_settlement(plan: dict[str, Any], language: str) -> str:
    """What it costs to settle this plan early."""
    first = any(charge["how"] == "with_first_instalment" for charge in plan["disclosure"]["charges"])
    sentences = [EARLY[language], *([FEE_IN_FIRST_PERIOD[language]] if first else [])]
    return _joined(sentences, language)


def late_payment(cost: dict[str, Any], language: str) -> str:
    """What it costs to pay late; ``cost`` is the contingent cost as disclosed (``rate`` a day, ``grace_days``)."""
    return LATE[language].format(
        days=cost["grace_days"],
        daily=_percent(Decimal(cost["rate"])),
        yearly=_percent(Decimal(cost["rate"]) * DAYS_A_YEAR),
    )


def of_plan(plan: dict[str, Any], language: str) -> list[tuple[str, str]]:
    """All clauses of a plan in one language, each with the name of its heading."""
    late = [late_payment(cost, language) for cost in plan["disclosure"]["contingent"]]
    return [
        ("early_settlement", early_settlement(plan, language)),
        ("late_payment", _joined(late, language)),
        ("seven_days", SEVEN_DAYS[language]),
    ]


def _joined(sentences: list[str], language: str) -> str:
    return ("" if language == "zh-CN" else " ").join(sentences)


def _percent(rate: Decimal) -> str:
    return f"{(rate * 100).quantize(Decimal('0.01'), ROUND_HALF_UP)}%"
