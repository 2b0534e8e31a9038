"""Bringing a merchant on board: the merchant, its prices, its credentials, its owner and its webhook, in one commit."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from gateway.audit import service as audit
from gateway.audit.service import Actor
from gateway.core.calendar import shanghai_date
from gateway.core.money import MAX_AMOUNT_FEN
from gateway.core.tenant import Mode, Tenant
from gateway.db.transactions import Transaction
from gateway.merchants import service as merchants
from gateway.oauth import service as oauth
from gateway.plans import service as plans
from gateway.plans.pricing import Price
from gateway.team import service as team
from gateway.web.context import Gateway
from gateway.webhooks.endpoints import service as webhooks

MERCHANT_FEE_RATE = "0.006"
SMALLEST_AMOUNT_FEN = 10_000


def onboard(
    gateway: Gateway,
    *,
    name: str,
    name_en: str,
    category: str,
    mode: Mode,
    email: str,
    webhook_url: str | None,
    origins: Sequence[str] = (),
    actor: Actor | None = None,
) -> dict[str, Any]:
    """A new merchant with the standard prices of its category; the secrets are returned this once and never again."""

    def in_transaction(tx: Transaction) -> dict[str, Any]:
        merchant = merchants.create(tx, name=name, name_en=name_en, category=category)
        if origins:
            merchants.agree_frame_origins(tx, merchant.id, mode, add=origins)
        tenant = Tenant(merchant.id, mode)
        today = shanghai_date(tx.now)
        for price in standard_prices(category):
            plans.add_price(tx, merchant.id, price, valid_from=today)
        client_id, client_secret = oauth.create_client(tx, gateway.vault, merchant_id=merchant.id, mode=mode)
        password = secrets.token_urlsafe(12)
        team.create_team_member(
            tx, merchant_id=merchant.id, email=email, name=name, password=password, role="owner"
        )
        webhook_secret = None
        if webhook_url is not None:
            _, webhook_secret = webhooks.create_endpoint(
                tx, tenant, gateway.vault, url=webhook_url, client_id=client_id
            )
        tx.flush()
        facts = {"client": client_id, "category": category}
        audit.record(
            tx,
            actor or Actor("system", "onboarding"),
            "merchant.create",
            about=merchant.id,
            merchant_id=merchant.id,
            mode=mode,
            facts=facts,
        )
        return {
            "merchant": merchant.id,
            "name": name,
            "name_en": name_en,
            "category": category,
            "mode": mode,
            "client_id": client_id,
            "client_secret": client_secret,
            "publishable_key": merchants.publishable_key(tx, tenant),
            "webhook_secret": webhook_secret,
            "portal_email": email,
            "portal_password": password,
        }

    return gateway.db.write(in_transaction)


def standard_prices(category: str) -> list[Price]:
    """The catalogue a category starts with: three months free of interest, or a flat fee for courses."""
    if category == "education":
        return [
            _price(term, "flat_fee", fee_rate_total=rate)
            for term, rate in ((3, "0.023"), (6, "0.045"), (9, "0.065"), (12, "0.075"))
        ]
    method = "equal_principal" if category == "furnishing" else "equal_installment"
    return [
        _price(3, "interest_free", merchant_subsidy_rate="0.022"),
        _price(6, method, annual_rate="0.156"),
        _price(9, method, annual_rate="0.168"),
        _price(12, method, annual_rate="0.18"),
    ]


def _price(
    term: int,
    method: str,
    *,
    annual_rate: str | None = None,
    fee_rate_total: str | None = None,
    merchant_subsidy_rate: str = "0",
) -> Price:
    return Price(
        term=term,
        method=method,
        annual_rate=annual_rate,
        fee_rate_total=fee_rate_total,
        merchant_fee_rate=MERCHANT_FEE_RATE,
        merchant_subsidy_rate=merchant_subsidy_rate,
        min_amount_fen=SMALLEST_AMOUNT_FEN,
        max_amount_fen=MAX_AMOUNT_FEN,
    )
