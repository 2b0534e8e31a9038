"""A phone shop that sells in instalments: everything a merchant needs to write.

The order exists before the checkout does; the return page and the webhook both lead to ``_follow``, which asks the
gateway what is true and may run any number of times. The demo runs it; alone it runs beside one, with the keys that the
demo has left::

    . .venv/bin/activate && . var/demo/phones.env && python examples/phones/shop.py
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from flask import Flask, abort, redirect, render_template, request

import fenqi

sys.path.insert(0, str(Path(__file__).parent))

import desk
import guards
from catalog import BY_SLUG, PRODUCTS, Product
from orders import Orders

sys.path.pop(0)

HERE = Path(__file__).parent

NEEDED = ("FENQI_BASE_URL", "SHOP_SECRET_KEY", "SHOP_DESK_PASSWORD_HASH")
WORDS = {
    "zh-CN": {"title": "星河数码", "split": "分期购买", "return_ok": "付款成功", "desk": "商家后台"},
    "en": {"title": "Galaxy Phones", "split": "Split it", "return_ok": "Order paid", "desk": "Merchant desk"},
}
SNIPPET = json.loads((HERE / "snippet.json").read_text("utf-8"))
"""Version and hash of the script on the product page: a browser refuses one with other bytes."""
CHECKOUT_ID = re.compile(r"chk_[0-9A-Z]{26}")
AFTER_DECISION = {"approved": "paid", "declined": "open", "canceled": "open", "expired": "open"}


def create_app(
    client: fenqi.Fenqi,
    *,
    shop_url: str,
    gateway_url: str,
    publishable_key: str,
    database: Path,
    secret_key: str,
    desk_password_hash: str,
) -> Flask:
    """The shop as a WSGI application; ``client`` speaks to the gateway, ``shop_url`` is where shoppers find it.

    ``secret_key`` signs the shop's cookie; ``desk_password_hash`` is werkzeug's of the desk's password.
    """
    app = Flask(__name__, root_path=str(HERE))
    orders = Orders(database)
    guards.register(app, shop_url=shop_url, gateway_url=gateway_url, secret_key=secret_key)
    desk.register(app, client, orders, desk.Door(database, desk_password_hash), shop_url=shop_url)

    @app.context_processor
    def common() -> dict[str, Any]:
        language = _language()
        return {
            "lang": language,
            "words": WORDS[language],
            "yuan": lambda amount_fen: f"{amount_fen // 100:,}.{amount_fen % 100:02}",
            "gateway_url": gateway_url,
            "shop_url": shop_url,
            "publishable_key": publishable_key,
            "snippet": SNIPPET,
        }

    _sell(app, client, orders, shop_url=shop_url)
    return app


def _sell(app: Flask, client: fenqi.Fenqi, orders: Orders, *, shop_url: str) -> None:
    """The pages of the shop, from the shelf to the order, and where the gateway calls."""

    @app.get("/")
    def shelf() -> str:
        return render_template("shelf.html", products=PRODUCTS)

    @app.get("/p/<slug>")
    def product(slug: str) -> str:
        return render_template("product.html", product=_product(slug))

    @app.post("/p/<slug>/split")
    def split(slug: str) -> Any:
        chosen, term = _product(slug), request.form.get("fenqi_term", "")
        number = orders.place(chosen.name, chosen.price_fen)
        checkout = client.checkouts.create(
            amount=chosen.price_fen,
            merchant_reference=number,
            category="3c",
            items=[{"name": chosen.name, "quantity": 1, "unit_price": chosen.price_fen, "sku": chosen.slug}],
            return_url=f"{shop_url}/return",
            cancel_url=f"{shop_url}/p/{slug}",
            locale=_language(),
            term=int(term) if term.isascii() and term.isdigit() and len(term) < 3 else None,
            idempotency_key=f"checkout-{number}",
        )
        orders.update(number, checkout=checkout.id)
        # Only this answer holds the address: it is the shopper's own, passed on and kept nowhere.
        return redirect(str(checkout.url), 303)

    @app.get("/return")
    def returned() -> str:
        checkout_id = request.args.get("checkout", "")
        if not CHECKOUT_ID.fullmatch(checkout_id):
            abort(400)
        return render_template("return.html", order=_follow(client, orders, checkout_id))

    @app.post("/hooks")
    def hooks() -> Any:
        try:
            event = client.webhooks.verify(request.get_data(), request.headers)
        except fenqi.WebhookVerificationError:
            abort(400)
        if event.type.startswith("checkout."):
            _follow(client, orders, event.data.id)
        return "", 204

    @app.errorhandler(fenqi.FenqiError)
    def gateway_said(error: fenqi.FenqiError) -> Any:
        status = _status_of(error)
        return render_template("sorry.html", error=error, status=status), status


def _language() -> str:
    """The reader's: chosen here, or brought back from the gateway's pages."""
    return "en" if request.args.get("lang", request.args.get("locale")) == "en" else "zh-CN"


def _follow(client: fenqi.Fenqi, orders: Orders, checkout_id: str) -> dict[str, Any]:
    """Ask the gateway about a checkout and bring the order up to date. Safe to repeat."""
    checkout = client.checkouts.retrieve(checkout_id)
    order = orders.get(checkout.merchant_reference)
    if order is None:
        abort(404)
    if checkout.payment and order["payment"] is None:
        client.payments.acknowledge(
            checkout.payment, merchant_order_id=order["id"], idempotency_key=f"acknowledge-{order['id']}"
        )
        orders.update(order["id"], status="paid", payment=checkout.payment)
    elif order["status"] == "waiting":
        orders.update(order["id"], status=AFTER_DECISION.get(checkout.status, "waiting"))
    return {**(orders.get(order["id"]) or order), "checkout_status": checkout.status}


def _status_of(error: fenqi.FenqiError) -> int:
    """What the shopper's own request did wrong keeps its status; the rest is between the shop and the gateway."""
    if isinstance(error, fenqi.APIError) and error.status in (404, 409, 422):
        return error.status
    return 502


def _product(slug: str) -> Product:
    return BY_SLUG.get(slug) or abort(404)


def main() -> None:
    """Run the shop alone, against the gateway that the environment names."""
    missing = [name for name in NEEDED if not os.environ.get(name)]
    if missing:
        raise SystemExit(f"The shop needs {', '.join(missing)}: source the file that the demo has left.")
    client = fenqi.Fenqi()
    me = client.me.retrieve()
    shop_url = os.environ.get("SHOP_URL", "http://127.0.0.1:5000")
    gateway_url = os.environ["FENQI_BASE_URL"]
    create_app(
        client,
        shop_url=shop_url,
        gateway_url=gateway_url,
        publishable_key=me.publishable_key,
        database=Path("phones.sqlite"),
        secret_key=os.environ["SHOP_SECRET_KEY"],
        desk_password_hash=os.environ["SHOP_DESK_PASSWORD_HASH"],
    ).run(port=5000)


if __name__ == "__main__":
    main()
