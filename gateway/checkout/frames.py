"""A checkout inside a page of the shop: which page may show it, and what its forms carry along for that.

The address names the page's origin and a channel, a random number by which that page knows its messages. Only an
origin that the merchant has registered for the mode may frame, and it is asked again at every step. Inside a frame no
cookie counts and none is set: what another site shows acts only by what its own forms carry.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from flask import g, request

from gateway.checkout import service
from gateway.merchants import service as merchants
from gateway.web.headers import Frame, allow_frame, framed

if TYPE_CHECKING:
    from gateway.checkout.models import Checkout
    from gateway.db.transactions import Transaction

CHANNEL = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def notice(tx: Transaction, checkout: Checkout) -> None:
    """Note in which frame the request's page is shown, if its merchant has registered that page's origin."""
    if "frame_asked" in g:
        return
    g.frame_asked = True
    named = request.form if request.method == "POST" else request.args
    parent, channel = named.get("parent", ""), named.get("channel", "")
    if not parent or not CHANNEL.fullmatch(channel):
        return
    merchant = service.merchant_of(tx, checkout)
    if parent in merchants.frame_origins(merchant, service.tenant_of(checkout).mode):
        allow_frame(Frame(parent, channel))


def carried_on(url: str) -> str:
    """An address of ours, with the frame that shows it."""
    around = framed()
    return f"{url}{'&' if '?' in url else '?'}{urlencode(around._asdict())}" if around else url
