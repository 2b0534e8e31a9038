"""A phone shop that sells in instalments: everything a merchant needs to write.

The order exists before the checkout does; the return page and the webhook both lead to ``follow``, which asks the
gateway what is true and may run any number of times. The demo runs it; alone it runs beside one, with the keys that the
demo has left::

    . .venv/bin/activate && . var/demo/phones.env && python examples/phones/shop.py
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from flask import Flask, Response, abort, redirect, render_template, request

import fenqi

sys.path.insert(0, str(Path(__file__).parent))

from catalog import BY_SLUG, PRODUCTS, Product
from orders import Orders

sys.path.pop(0)

WORDS = {
    "zh-CN": {"title": "星河数码", "split": "分期购买", "return_ok": "付款成功", "desk": "商家后台"},
    "en": {"title": "Galaxy Phones", "split": "Split it", "return_ok": "Order paid", "desk": "Merchant desk"},
}
AFTER_DECISION = {"approved": "paid", "declined": "open", "canceled": "open", "expired": "open"}


def create_app(
    client: fenqi.Fenqi, *, shop_url: str, gateway_url: str, publishable_key: str, database: Path
) -> Flask:
    """The shop as a WSGI application; ``client`` speaks to the gateway, ``shop_url`` is where shoppers find it."""
    app = Flask(__name__, root_path=str(Path(__file__).parent))
    orders = Orders(database)

    def follow(checkout_id: str) -> dict[str, Any]:
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

    @app.context_processor
    def common() -> dict[str, Any]:
        language = "en" if request.args.get("lang") == "en" else "zh-CN"
        return {
            "lang": language,
            "words": WORDS[language],
            "yuan": lambda amount_fen: f"{amount_fen // 100:,}.{amount_fen % 100:02}",
            "gateway_url": gateway_url,
            "shop_url": shop_url,
            "publishable_key": publishable_key,
        }

    @app.after_request
    def guard(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = (
            f"default-src 'none'; script-src {gateway_url}; connect-src {gateway_url}; style-src 'self'; "
            f"img-src 'self' data:; form-action 'self' {gateway_url}; base-uri 'none'; frame-ancestors 'none'"
        )
        response.headers["Referrer-Policy"] = "strict-origin-when-cross-origin"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    @app.get("/")
    def shelf() -> str:
        return render_template("shelf.html", products=PRODUCTS)

    @app.get("/p/<slug>")
    def product(slug: str) -> str:
        return render_template("product.html", product=_product(slug))

    @app.post("/p/<slug>/split")
    def split(slug: str) -> Any:
        chosen = _product(slug)
        number = orders.place(chosen.name, chosen.price_fen)
        checkout = client.checkouts.create(
            amount=chosen.price_fen,
            merchant_reference=number,
            category="3c",
            items=[{"name": chosen.name, "quantity": 1, "unit_price": chosen.price_fen, "sku": chosen.slug}],
            return_url=f"{shop_url}/return",
            cancel_url=f"{shop_url}/p/{slug}",
            idempotency_key=f"checkout-{number}",
        )
        orders.update(number, checkout=checkout.id)
        # Only this answer holds the address: it is for the shopper's browser and is not kept.
        return redirect(str(checkout.url), 303)

    @app.get("/return")
    def returned() -> str:
        checkout_id = request.args.get("checkout", "")
        if not checkout_id.startswith("chk_"):
            abort(404)
        return render_template("return.html", order=follow(checkout_id))

    @app.post("/hooks")
    def hooks() -> Any:
        try:
            event = client.webhooks.verify(request.get_data(), request.headers)
        except fenqi.WebhookVerificationError:
            abort(400)
        if event.type.startswith("checkout."):
            follow(event.data.id)
        return "", 204

    @app.get("/desk")
    def desk() -> str:
        return render_template("desk.html", orders=orders.newest())

    @app.post("/desk/<number>/ship")
    def ship(number: str) -> Any:
        order = orders.get(number) or abort(404)
        if order["status"] == "paid":
            client.payments.capture(
                order["payment"],
                delivery={"carrier": "SF Express", "tracking_number": f"SF-{number}"},
                idempotency_key=f"ship-{number}",
            )
            orders.update(number, status="shipped")
        return redirect(f"{shop_url}/desk", 303)

    @app.post("/desk/<number>/refund")
    def refund(number: str) -> Any:
        order = orders.get(number) or abort(404)
        if order["status"] == "shipped":
            client.refunds.create(
                payment=order["payment"],
                reason="customer return",
                refund_reference=f"R-{number}",
                idempotency_key=f"refund-{number}",
            )
            orders.update(number, status="refunded")
        return redirect(f"{shop_url}/desk", 303)

    @app.errorhandler(fenqi.FenqiError)
    def gateway_said(error: fenqi.FenqiError) -> Any:
        return render_template("sorry.html", error=error), _status_of(error)

    return app


def _status_of(error: fenqi.FenqiError) -> int:
    """What the shopper's own request did wrong keeps its status; the rest is between the shop and the gateway."""
    if isinstance(error, fenqi.APIError) and error.status in (404, 409, 422):
        return error.status
    return 502


def _product(slug: str) -> Product:
    return BY_SLUG.get(slug) or abort(404)


def main() -> None:
    """Run the shop alone, against the gateway that the environment names."""
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
    ).run(port=5000)


if __name__ == "__main__":
    main()
