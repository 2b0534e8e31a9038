"""Pages of orders in a store: a QR code for the shopper's own phone, and how the order stands."""

from __future__ import annotations

from datetime import datetime
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
"""States in which the page asks again by itself, as it does while a counter-offer stands.

It ends with the link or the offer, so that it keeps no login alive for long.
"""
MOST_OF_ORDER = 20
"""The newest checkouts under one order number among which the page looks for the one that the shopper went on with."""
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
    """How the order stands, and its QR code as long as the shopper can begin; it asks again by itself.

    After a decline the shopper may go on under a new checkout of the order: then that one is shown.
    """
    client = tokens().client()
    checkout = client.checkouts.retrieve(checkout_id)
    followed = _followed_by(client, checkout)
    if followed is not None:
        return redirect(url_for("in_store.order", checkout_id=followed), 303)
    return _order(client, checkout)


@blueprint.post("/in-store/<checkout_id>/cancel")
def cancel_order(checkout_id: str) -> Any:
    """Cancel an order that is not decided yet; its link opens nothing from then on."""
    check_csrf()
    client = tokens().client()
    try:
        client.checkouts.cancel(checkout_id)
    except fenqi.ConflictError as error:
        return _order(client, client.checkouts.retrieve(checkout_id), late=True), error.status
    return redirect(url_for("in_store.order", checkout_id=checkout_id), 303)


@blueprint.get("/in-store-done")
def done() -> str:
    """Where the shopper's phone comes back to; it needs no login and shows nothing of the order."""
    return render_template("in_store_done.html", me=None)


def picture(link: str) -> str:
    """The QR code of ``link`` as SVG, black on white in every theme, so that every camera reads it."""
    code = segno.make(link, error="m", micro=False)
    return code.svg_inline(scale=5, border=4, dark="#000", light="#fff", omitsize=True)


def _followed_by(client: fenqi.Fenqi, checkout: fenqi.Checkout) -> str | None:
    """The newest checkout with which the shopper went on after this one was declined."""
    if checkout.status != "declined":
        return None
    of_order = client.checkouts.list(merchant_reference=checkout.merchant_reference, limit=MOST_OF_ORDER)
    went_on = (one.id for one in of_order if checkout.id in (one.counter_offer_of, one.reopens))
    return next(went_on, None)


def _may_go_on(checkout: fenqi.Checkout) -> bool:
    """Whether the shopper still reads a counter-offer on their phone."""
    offer = checkout.counter_offer
    if checkout.status != "declined" or offer is None:
        return False
    return tokens().clock() < datetime.fromisoformat(offer.expires_at).timestamp()


def _order(client: fenqi.Fenqi, checkout: fenqi.Checkout, *, late: bool = False) -> Any:
    link = session.get("links", {}).get(checkout.id) if checkout.status == "open" else None
    offered = _may_go_on(checkout)
    moving = checkout.status in MOVING or offered
    page = render_template(
        "in_store_order.html",
        me=client.me.retrieve(),
        checkout=checkout,
        link=link,
        picture=picture(link) if link else None,
        moving=moving,
        offered=offered,
        late=late,
    )
    response = make_response(page)
    if moving:
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
