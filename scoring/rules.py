"""The rules of the decision, each with its code and its sentence in both languages."""

from __future__ import annotations

from typing import Final

from scoring.reasons import Reason

_REASONS: Final = (
    Reason(
        "category_not_financed",
        "该类商品或服务不支持分期",
        "Goods or services of this kind cannot be paid in instalments",
    ),
    Reason(
        "scorer_unavailable",
        "系统暂时无法自动评估，将由人工审核",
        "Automatic assessment is unavailable; a person will decide",
    ),
    Reason(
        "source_missing",
        "部分信息暂时无法核实，将由人工审核",
        "Some information could not be checked; a person will decide",
    ),
    Reason(
        "new_applicants_on_device",
        "同一设备 24 小时内有多位新申请人",
        "Several new applicants on one device within 24 hours",
        shopper_may_see=False,
    ),
    Reason(
        "on_block_list",
        "申请人在资金方的拒绝名单中",
        "The applicant is on the lender's block list",
        shopper_may_see=False,
    ),
    Reason(
        "on_watch_list",
        "申请人在资金方的关注名单中",
        "The applicant is on the lender's watch list",
        shopper_may_see=False,
    ),
    Reason(
        "many_applications_on_phone",
        "同一手机号 24 小时内多次申请",
        "Many applications with one phone number within 24 hours",
        shopper_may_see=False,
    ),
    Reason(
        "not_verified",
        "本次申请未能通过安全核验",
        "This application could not be verified",
    ),
    Reason(
        "needs_verification",
        "本次申请需要进一步核实",
        "This application needs further verification",
    ),
    Reason(
        "seriously_overdue",
        "过往分期有 90 天以上的逾期",
        "An earlier instalment was 90 days or more overdue",
    ),
    Reason(
        "overdue",
        "过往分期有超过 30 天的逾期",
        "An earlier instalment was more than 30 days overdue",
    ),
    Reason(
        "credit_insufficient",
        "综合评估暂未达到分期要求",
        "The assessment does not meet the requirements for instalments",
    ),
    Reason(
        "credit_borderline",
        "综合评估需要人工复核",
        "The assessment needs a review by a person",
    ),
    Reason(
        "income_needed",
        "请补充收入信息，以便评估还款能力",
        "Please state your income so that affordability can be assessed",
    ),
    Reason(
        "instalment_not_affordable",
        "每期还款额超出收入可承受的范围",
        "The monthly payment is too high for the income",
    ),
    Reason(
        "amount_above_limit",
        "本次分期金额超出可用额度",
        "The amount to be financed is above the available limit",
    ),
)
RULES: Final[dict[str, Reason]] = {reason.code: reason for reason in _REASONS}
"""By code. None tells a score; those a shopper may not see name what an impersonator would avoid."""
