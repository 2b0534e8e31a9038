"""Whom the portal speaks for: it tells the address of its browser, signed, because anybody can write a header.

The portal asks for tokens from its own server, for all of its people; limited by the address of that server, one
stranger would use up what belongs to all. So it sends ``Fenqi-Browser: SECONDS ADDRESS SIGNATURE``: when, for whom, and
HMAC-SHA256 of both under a key that only gateway and portal have. The portal beside the gateway gets the key from it;
one that runs apart is given it by ``FENQI_PORTAL_KEY`` here and ``PORTAL_GATEWAY_KEY`` there.
"""

from __future__ import annotations

import hashlib
import hmac
from ipaddress import ip_address
from typing import TYPE_CHECKING

from flask import Request

from gateway.web.context import gateway

if TYPE_CHECKING:
    from gateway.web.context import Gateway

HEADER = "Fenqi-Browser"
GOOD_FOR_SECONDS = 120


def key_of(here: Gateway) -> str:
    """The key between this gateway and its portal: the setting, or one of the gateway's own."""
    return here.settings.portal_key or here.vault.lookup("portal", "browser_address")


def of(request: Request) -> str | None:
    """The browser's address that the portal vouches for; None without a word of the portal, or with a forged one."""
    told = request.headers.get(HEADER)
    if told is None:
        return None
    seconds, _, rest = told.partition(" ")
    address, _, signature = rest.partition(" ")
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) < 12 and signature.isascii()):
        return None
    here = gateway()
    wanted = hmac.new(
        key_of(here).encode(), f"{seconds} {address}".encode("utf-8", "replace"), hashlib.sha256
    ).hexdigest()
    if not hmac.compare_digest(signature, wanted):
        return None
    if abs(here.clock().timestamp() - int(seconds)) > GOOD_FOR_SECONDS:
        return None
    try:
        return str(ip_address(address))
    except ValueError:
        return None
