"""The page of components, ``/style``: each macro and class that pages are made of, in every state.

The demo serves it, a production server does not: nobody there needs it. All figures are made by the code that makes
real ones.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

from flask import Blueprint, Flask, render_template

from gateway.plans import pricing, summary

blueprint = Blueprint("style", __name__, template_folder="templates")
AMOUNT_FEN = 599_900
DAY = date(2026, 11, 23)
LENDER = pricing.Lender("demo_bank", "bank")
PRICES = (
    pricing.Price(3, "interest_free", None, None, "0.03", "0.02", 10_000, 10_000_000),
    pricing.Price(12, "equal_installment", "0.18", None, "0.006", "0", 10_000, 10_000_000),
)
LOAN_STATES = ("active", "due", "overdue", "settled", "refunded", "unwound", "written_off")
CARD_STATES = {"good": "12/2049", "ending": "12/2026", "expired": "10/2026"}


def register(app: Flask) -> None:
    """Serve the page on ``app``."""
    app.register_blueprint(blueprint)


@blueprint.get("/style")
def show() -> str:
    """Every component in every state; language by ``?lang=``, the scheme as the browser asks."""
    plans = [
        pricing.plan(price, financed_fen=AMOUNT_FEN, contract_date=DAY, lender=LENDER) for price in PRICES
    ]
    return render_template(
        "style.html",
        plans=plans,
        summaries={plan["term"]: summary.of(plan) for plan in plans},
        checkout=_order(),
        merchant=SimpleNamespace(name="星河数码", name_en="Galaxy Phones"),
        states=LOAN_STATES,
        cards=[
            {"brand": "Visa", "last4": "4242", "expires": expires, "state": state}
            for state, expires in CARD_STATES.items()
        ],
        paper=_paper(plans[-1]),
    )


def _order() -> dict[str, Any]:
    return {
        "id": "chk_style",
        "mode": "test",
        "store": "",
        "amount_fen": AMOUNT_FEN,
        "down_payment_fen": 100_000,
        "financed_fen": AMOUNT_FEN - 100_000,
        "merchant_discount_fen": 0,
        "government_subsidy": None,
        "items": [
            {"name": "星河 12", "quantity": 1, "unit_price": 549_900},
            {"name": "充电器", "quantity": 2, "unit_price": 25_000},
        ],
    }


def _paper(plan: dict[str, Any]) -> dict[str, Any]:
    """A document with a block of each kind."""
    row = plan["schedule"][0]
    now = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)
    return {
        "language": "zh",
        "title": "借款合同",
        "facts": [("编号", "ctr_style"), ("订立", now.date().isoformat())],
        "blocks": [
            {"kind": "parties", "parties": [{"role": "贷款人", "name": "示范银行", "lines": ["模拟"]}] * 3},
            {"kind": "figures", "figures": [("期数", str(plan["term"])), ("首期", row["due_date"])]},
            {"kind": "heading", "text": "还款计划"},
            {"kind": "notes", "paragraphs": ["金额单位：分。"]},
            {
                "kind": "table",
                "columns": ["期数", "应还"],
                "align": ["left", "right"],
                "rows": [[str(row["period"]), str(row["payment"])]],
                "foot": ["合计", str(plan["total_payment"])],
            },
            {"kind": "pairs", "pairs": [("借款本金", str(plan["financed_amount"]))]},
            {"kind": "paragraphs", "paragraphs": ["除上述费用外，不再收取其他费用。"]},
        ],
    }
