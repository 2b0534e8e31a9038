"""Why an application was declined or goes to a person, in both languages, where no model says it."""

from __future__ import annotations

REASONS = {
    "sandbox_credit": {
        "code": "sandbox_credit",
        "text_zh": "沙盒号码：模拟信用评估未通过",
        "text_en": "Sandbox number: simulates a decline on credit",
    },
    "sandbox_fraud": {
        "code": "sandbox_fraud",
        "text_zh": "沙盒号码：模拟安全校验未通过",
        "text_en": "Sandbox number: simulates a decline on safety checks",
    },
    "sandbox_review": {
        "code": "sandbox_review",
        "text_zh": "沙盒号码：模拟人工审核",
        "text_en": "Sandbox number: simulates a manual review",
    },
    "scorer_unavailable": {
        "code": "scorer_unavailable",
        "text_zh": "评估服务暂不可用，已转人工审核",
        "text_en": "The assessment is temporarily unavailable; a person will review the application",
    },
    "identity_conflict": {
        "code": "identity_conflict",
        "text_zh": "身份信息需人工核实",
        "text_en": "A person will verify your identity details",
    },
    "lender_declined": {
        "code": "lender_declined",
        "text_zh": "资金方综合评估后未批准本次申请",
        "text_en": "The lender assessed this application and did not approve it",
    },
    "limit_exceeded": {
        "code": "limit_exceeded",
        "text_zh": "本次金额超过您目前的可用额度",
        "text_en": "The amount is above your available limit",
    },
    "lender_unreachable": {
        "code": "lender_unreachable",
        "text_zh": "资金方暂未答复，已转人工审核",
        "text_en": "The lender has not answered yet, so a person will decide",
    },
    "cost_above_ceiling": {
        "code": "cost_above_ceiling",
        "text_zh": "该方案的综合成本超过今日规定上限",
        "text_en": "The plan costs more than today's ceiling allows",
    },
}
