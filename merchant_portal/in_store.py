"""Pages of orders in a store: a QR code for the shopper's own phone, and how the order stands."""

from __future__ import annotations

from typing import Any

import segno
from flask import Blueprint, make_response, redirect, render_template, request, session, url_for

import fenqi
from merchant_portal.login import check_csrf, tokens

blueprint = Blueprint("in_store", __name__)
FIELDS = ("store", "name", "category", "amount", "reference", "serial")
CATEGORIES = ("3c", "furnishing", "education", "appliance", "general")
WRONG = {
    "store": "store",
    "amount": "amount",
    "terms": "amount",
    "merchant_reference": "reference",
    "category": "category",
}
"""What the API calls a field that it refuses, and what the form calls it."""
LIFE_SECONDS = 30 * 60
REFRESH_SECONDS = 5
MOVING = ("open", "identified", "deciding")
"""States in which the page asks again by itself: it ends with the link, so that it keeps no login alive for long."""
MOST_LINKS = 3
"""Links that a login keeps to show; a cookie holds no more than 4 kB."""


@blueprint.get("/in-store")
def new_order() -> str:
    """The form of a new order; the store is the one of the order before."""
    return _form({"store": session.get("store", "")})


@blueprint.post("/in-store")
def create_order() -> Any:
    """Open a checkout of 30 minutes and show its QR code; the same form again shows the same one."""
    check_csrf()
    given = {name: request.form.get(name, "").strip() for name in FIELDS}
    try:
        amount = fenqi.fen(given["amount"])
    except ValueError:
        return _form(given, wrong="amount"), 422
    item: dict[str, Any] = {"name": given["name"], "quantity": 1, "unit_price": amount}
    if given["serial"]:
        item["serial_number"] = given["serial"]
    done = f"{tokens().portal_url}{url_for('in_store.done')[len(request.script_root) :]}"
    try:
        checkout = (
            tokens()
            .client()
            .checkouts.create(
                amount=amount,
                merchant_reference=given["reference"],
                items=[item],
                category=given["category"],
                return_url=done,
                cancel_url=done,
                store=given["store"],
                expires_in=LIFE_SECONDS,
            )
        )
    except (fenqi.InvalidRequestError, fenqi.ConflictError) as error:
        return _form(given, wrong=_wrong(error)), error.status
    links = {**session.get("links", {}), checkout.id: checkout.url}
    session["links"] = dict(list(links.items())[-MOST_LINKS:])
    session["store"] = given["store"]
    return redirect(url_for("in_store.order", checkout_id=checkout.id), 303)


@blueprint.get("/in-store/<checkout_id>")
def order(checkout_id: str) -> Any:
    """How the order stands, and its QR code as long as the shopper can begin; it asks again by itself."""
    return _order(checkout_id)


@blueprint.post("/in-store/<checkout_id>/cancel")
def cancel_order(checkout_id: str) -> Any:
    """Cancel an order that is not decided yet; its link opens nothing from then on."""
    check_csrf()
    try:
        tokens().client().checkouts.cancel(checkout_id)
    except fenqi.ConflictError as error:
        return _order(checkout_id, late=True), error.status
    return redirect(url_for("in_store.order", checkout_id=checkout_id), 303)


@blueprint.get("/in-store-done")
def done() -> str:
    """Where the shopper's phone comes back to; it needs no login and shows nothing of the order."""
    return render_template("in_store_done.html", me=None)


def picture(link: str) -> str:
    """The QR code of ``link`` as SVG, black on white in every theme, so that every camera reads it."""
    code = segno.make(link, error="m", micro=False)
    return code.svg_inline(scale=5, border=4, dark="#000", light="#fff", omitsize=True)


def _order(checkout_id: str, *, late: bool = False) -> Any:
    client = tokens().client()
    checkout = client.checkouts.retrieve(checkout_id)
    link = session.get("links", {}).get(checkout_id) if checkout.status == "open" else None
    page = render_template(
        "in_store_order.html",
        me=client.me.retrieve(),
        checkout=checkout,
        link=link,
        picture=picture(link) if link else None,
        moving=checkout.status in MOVING,
        late=late,
    )
    response = make_response(page)
    if checkout.status in MOVING:
        response.headers["Refresh"] = (
            f"{REFRESH_SECONDS}; url={url_for('in_store.order', checkout_id=checkout.id)}"
        )
    return response


def _wrong(error: fenqi.APIError) -> str:
    """The field of the form that the gateway refused, or ``other``."""
    param = error.param or ""
    if param.endswith("serial_number"):
        return "serial"
    if param.endswith(".name"):
        return "name"
    return WRONG.get(param, "other")


def _form(given: dict[str, str], *, wrong: str = "") -> str:
    return render_template(
        "in_store.html",
        me=tokens().client().me.retrieve(),
        given=given,
        wrong=wrong,
        categories=CATEGORIES,
    )
