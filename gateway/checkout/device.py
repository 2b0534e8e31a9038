"""A browser in which somebody applies: a random number in a cookie of our own. No fingerprint, nothing about its owner.

It counts how many people apply from one device (see ``decision.links``). Without it, the device is not known.
"""

from __future__ import annotations

import re
from datetime import timedelta

from flask import Response, request

from gateway.web import cookies
from gateway.web.context import gateway
from gateway.web.headers import framed

NAME = "fenqi_shopper_device"
LIFE = timedelta(days=180)
FORM = re.compile(r"[0-9a-f]{32}")


def known() -> str | None:
    """The number of this browser, if it sent one we could have issued."""
    if framed() is not None:
        return None
    value = request.cookies.get(cookies.name_of(NAME), "")
    return value if FORM.fullmatch(value) else None


def remembered(page: str) -> Response:
    """The page, with a number for a browser that has none; in a frame no cookie is set."""
    response = Response(page)
    if known() is None and framed() is None:
        response.set_cookie(
            cookies.name_of(NAME),
            f"{gateway().random_bits(128):032x}",
            max_age=int(LIFE.total_seconds()),
            **cookies.options(),
        )
    return response
