"""The page of the fake bank on which a tester types a card: the gateway never sees the number.

It works without JavaScript. Everything is answered by a redirect, so going back or reloading sends nothing twice.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, g, redirect, render_template, request

from gateway.institution.fake_bank import methods
from gateway.institution.fake_bank.store import Store

WORDS = {
    "zh-CN": {
        "title": "添加还款卡",
        "bank": "模拟银行",
        "test": "测试环境：不会产生任何真实扣款，请勿输入真实卡号",
        "text": "卡号由银行保存，分期平台和商家都看不到。",
        "number": "卡号",
        "number.hint": "测试卡：4242 4242 4242 4242（成功）或 6222 0200 0000 0000（银联，成功）",
        "expiry": "有效期（月/年）",
        "expiry.hint": "如 12/30",
        "save": "同意并添加",
        "back": "不添加，返回",
        "agree": "点击“同意并添加”，即授权银行在每期还款日按分期计划从此卡扣款。您可以随时更换或移除此卡。",
        "fault.number": "请检查卡号：应为 16 至 19 位数字。",
        "fault.expiry": "请检查有效期：此卡已过期，或格式不正确。",
        "declined": "银行未通过此卡。请换一张卡，或联系发卡银行。",
        "asks.title": "请向银行确认",
        "asks.text": "您的银行要求再确认一次，才能用此卡自动还款。",
        "approve": "确认",
        "refuse": "拒绝",
        "over.title": "此页面已失效",
        "over.text": "此页面已完成或已过期。请回到订单页面查看结果。",
        "return": "返回",
    },
    "en": {
        "title": "Add a repayment card",
        "bank": "Fake bank",
        "test": "Test environment: no money moves. Do not type a real card number",
        "text": "The bank keeps the number. Neither Fenqi nor the shop sees it.",
        "number": "Card number",
        "number.hint": "Test cards: 4242 4242 4242 4242 (works), or 6222 0200 0000 0000 (UnionPay, works)",
        "expiry": "Expiry (month/year)",
        "expiry.hint": "Such as 12/30",
        "save": "Agree and add",
        "back": "Go back without a card",
        "agree": "By choosing to add it, you let the bank collect each instalment of your plan from this card on its "
        "due day. You can change or remove the card at any time.",
        "fault.number": "Check the card number: it has 16 to 19 digits.",
        "fault.expiry": "Check the expiry: the card has expired, or the date cannot be read.",
        "declined": "The bank did not accept this card. Use another card, or ask the bank that issued it.",
        "asks.title": "Confirm with your bank",
        "asks.text": "Your bank asks you to confirm once more before instalments are collected from this card.",
        "approve": "Confirm",
        "refuse": "Refuse",
        "over.title": "This page has ended",
        "over.text": "It was completed, or it has expired. Return to your order to see the result.",
        "return": "Return",
    },
}
POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; form-action {targets}; base-uri 'none'; "
    "frame-ancestors 'none'"
)


def register(app: Flask, store: Store) -> None:
    """Mount the page and its style on ``app``."""

    @app.get("/setup/style.css")
    def style() -> Response:
        return Response(render_template("style.css"), content_type="text/css; charset=utf-8")

    @app.get("/setup/<secret>")
    def show(secret: str) -> Any:
        told = store.setup_by_secret(secret)
        if told["status"] != "open":
            return _page(told, "over"), 410
        return _page(told, "form")

    @app.post("/setup/<secret>")
    def take(secret: str) -> Any:
        told, act = store.setup_by_secret(secret), request.form.get("act", "save")
        if act in ("back", "refuse"):
            store.give_up_setup(secret)
            return redirect(told["return_url"], 303)
        typed = methods.read(request.form, datetime.now(UTC))
        if typed.faults:
            return _page(told, "form", faults=typed.faults), 422
        became = store.take_method(secret, typed, approved=act == "approve")
        if became == "asks":
            return _page(told, "asks")
        if became == "declined":
            return _page(told, "form", declined=True), 402
        return redirect(told["return_url"], 303)

    @app.after_request
    def guard(response: Response) -> Response:
        if response.mimetype == "text/html":
            policy = POLICY.format(targets=" ".join(["'self'", *g.get("form_targets", ())]))
            response.headers["Content-Security-Policy"] = policy
            response.headers["Referrer-Policy"] = "no-referrer"
            response.headers["Cache-Control"] = "no-store"
            response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def _page(told: dict[str, Any], step: str, *, faults: tuple[str, ...] = (), declined: bool = False) -> str:
    chosen = request.args.get("lang", told["language"])
    language = chosen if chosen in WORDS else "zh-CN"
    parts = urlsplit(told["return_url"])
    g.form_targets = [f"{parts.scheme}://{parts.netloc}"]
    return render_template(
        "setup.html",
        words=WORDS[language],
        language=language,
        step=step,
        faults=faults,
        declined=declined,
        return_url=told["return_url"],
        typed=request.form,
    )
