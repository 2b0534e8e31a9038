"""The sentences a newly trained bundle gets in its reasons.json.

Serving reads the bundle, never this table.
"""

from __future__ import annotations

from typing import Any, Final

SENTENCES: Final[dict[str, tuple[str, str, bool]]] = {
    "amount_financed_high": ("本次申请的分期金额较高", "The amount to be financed is high", True),
    "down_payment_low": ("首付比例较低", "The down payment is small", True),
    "term_long": ("所选分期期数较长", "The chosen term is long", True),
    "order_category": ("此类商品的分期风险较高", "Instalments for this kind of goods carry more risk", True),
    "order_pieces": ("订单商品件数较多", "The order holds many pieces", False),
    "instalment_high_for_income": (
        "每期还款额占申报收入的比例偏高",
        "Each instalment is high for the declared income",
        True,
    ),
    "obligations_high_for_income": (
        "已有其他贷款的月还款额占收入的比例偏高",
        "Repayments to other lenders are high for the declared income",
        True,
    ),
    "income_low": ("申报收入较低", "The declared income is low", True),
    "income_unknown": ("尚未提供收入信息", "No income was declared", True),
    "application_at_night": ("申请时间在凌晨", "The application was made at night", False),
    "checkout_hurried": ("下单用时异常短", "The checkout was completed unusually fast", False),
    "checkout_time_unknown": ("缺少下单用时信息", "The time spent on the checkout is not known", False),
    "merchant_new": ("商户入驻时间较短", "The merchant joined recently", False),
    "phone_recent": ("手机号码使用时间较短", "The phone number has been in use only briefly", True),
    "phone_age_unknown": (
        "未能取得手机号码的使用时长",
        "How long the phone number has been in use is not known",
        True,
    ),
    "phone_verified_recently": ("手机号码刚刚完成验证", "The phone number was verified only just now", False),
    "shipping_region_differs": (
        "收货地区与以往信息不一致",
        "The shipping region differs from what is known",
        False,
    ),
    "shipping_region_unknown": ("无法核对收货地区", "The shipping region could not be compared", False),
    "repayment_record_short": (
        "在本平台按时还款的记录较少",
        "There is little on-time repayment on record with us",
        True,
    ),
    "late_payments": ("过往分期有逾期记录", "Earlier instalments were paid late", True),
    "open_principal_high": ("尚未还清的分期金额较高", "The principal still owed to us is high", True),
    "bureau_queries_many": (
        "近三个月征信查询次数较多",
        "Many credit-bureau queries in the last three months",
        True,
    ),
    "lenders_many": ("同时在多家机构有借款", "Loans are open with several lenders", True),
    "utilisation_high": ("现有信用额度的使用率较高", "Existing credit lines are largely drawn", True),
    "bureau_unknown": ("未能取得征信信息", "No credit-bureau record was available", True),
    "device_shared": ("同一设备上有多位申请人", "Several applicants used this device", False),
    "device_unknown": ("未能识别申请设备", "The device could not be recognised", False),
    "phone_many_applications": (
        "该手机号短时间内多次申请",
        "This phone number applied several times in a short time",
        False,
    ),
    "address_shared": ("同一收货地址有多位申请人", "Several applicants ship to this address", False),
    "address_unknown": ("无法核对收货地址", "The shipping address could not be compared", False),
    "card_shared": ("同一银行卡有多位申请人", "Several applicants pay by this bank card", False),
    "card_unknown": ("无法核对银行卡", "The bank card could not be compared", False),
    "linked_to_fraud": ("与已确认的欺诈申请存在关联", "Linked to applications known to be fraudulent", False),
    "linked_to_many": ("与多位申请人存在关联", "Linked to many other applicants", False),
    "links_unknown": ("无法核对与其他申请的关联", "Links to other applications could not be compared", False),
    "record_unknown": ("未能取得过往还款记录", "The repayment record was not available", True),
}
"""Code: Chinese, English, whether a shopper may see it."""

FEATURE_CODES: Final[dict[str, tuple[str, str]]] = {
    "financed_yuan": ("amount_financed_high", "amount_financed_high"),
    "down_payment_share": ("down_payment_low", "down_payment_low"),
    "term": ("term_long", "term_long"),
    "category_3c": ("order_category", "order_category"),
    "category_furnishing": ("order_category", "order_category"),
    "category_tuition": ("order_category", "order_category"),
    "item_count": ("order_pieces", "order_pieces"),
    "instalment_to_income": ("instalment_high_for_income", "income_unknown"),
    "obligations_to_income": ("obligations_high_for_income", "bureau_unknown"),
    "declared_monthly_income_yuan": ("income_low", "income_unknown"),
    "at_night": ("application_at_night", "application_at_night"),
    "checkout_seconds": ("checkout_hurried", "checkout_time_unknown"),
    "merchant_age_days": ("merchant_new", "merchant_new"),
    "phone_age_months": ("phone_recent", "phone_age_unknown"),
    "minutes_since_phone_verified": ("phone_verified_recently", "phone_verified_recently"),
    "shipping_matches_known_region": ("shipping_region_differs", "shipping_region_unknown"),
    "prior_on_time_instalments": ("repayment_record_short", "record_unknown"),
    "prior_late_instalments": ("late_payments", "record_unknown"),
    "late_share": ("late_payments", "record_unknown"),
    "max_delinquency_days": ("late_payments", "record_unknown"),
    "open_principal_yuan": ("open_principal_high", "record_unknown"),
    "bureau_queries_3m": ("bureau_queries_many", "bureau_unknown"),
    "bureau_lenders": ("lenders_many", "bureau_unknown"),
    "utilisation": ("utilisation_high", "bureau_unknown"),
    "applications_on_device_24h": ("device_shared", "device_unknown"),
    "applications_on_phone_24h": ("phone_many_applications", "phone_many_applications"),
    "applications_on_address_30d": ("address_shared", "address_unknown"),
    "new_applicants_on_device_24h": ("device_shared", "device_unknown"),
    "applicants_on_device_30d": ("device_shared", "device_unknown"),
    "applicants_on_card_30d": ("card_shared", "card_unknown"),
    "linked_known_bad_share": ("linked_to_fraud", "links_unknown"),
    "linked_component_size": ("linked_to_many", "links_unknown"),
}
"""Feature: code when its value is known, code when it is not."""


def reasons_as_json() -> dict[str, Any]:
    """The content of a bundle's reasons.json."""
    return {
        "features": {
            name: {"known": known, "unknown": unknown} for name, (known, unknown) in FEATURE_CODES.items()
        },
        "sentences": {
            code: {"zh": zh, "en": en, "shopper_may_see": visible}
            for code, (zh, en, visible) in SENTENCES.items()
        },
    }
