"""What a form brought that could not be taken, kept over the redirect to its page: post, redirect, get.

A browser keeps it sealed in one cookie of a few minutes, which no script reads and nobody else opens. One that keeps no
cookies is answered by the page itself.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

from flask import Response, g, request

from gateway.monitoring.security_events import refused_before
from gateway.privacy.vault import VaultError
from gateway.web import cookies
from gateway.web.context import gateway
from gateway.web.headers import framed

COOKIE = "fenqi_typed"
LIFE = timedelta(minutes=10)
LONGEST_VALUE, LONGEST_COOKIE = 100, 3_800
"""Characters that are kept of each field, and that a browser surely keeps of the cookie."""


@dataclass(frozen=True, slots=True)
class Typed:
    """What came with the form of ``step``, and what was wrong with it."""

    step: str = ""
    values: dict[str, str] = field(default_factory=dict)
    problems: dict[str, list[Any]] = field(default_factory=dict)
    """By field the key of the words, and the seconds to wait."""
    error: str = ""
    """The code of an error that is about the whole form."""
    seconds: int = 0
    given: list[str] = field(default_factory=list)
    """Boxes that were ticked."""
    sent: bool = False
    """Whether a code is on its way."""
    status: int = 200
    retry_after: int = 0


NOTHING = Typed()


def keep(response: Response, checkout_id: str, typed: Typed) -> Response:
    """Let the browser bring ``typed`` to the page of its step."""
    here = gateway()
    values = {name: value[:LONGEST_VALUE] for name, value in typed.values.items()}
    content = {**asdict(typed), "values": values, "until": (here.clock() + LIFE).timestamp()}
    sealed = here.vault.seal(json.dumps(content), **_place(checkout_id))
    text = urlsafe_b64encode(sealed).decode()
    if len(text) <= LONGEST_COOKIE:
        response.set_cookie(
            cookies.name_of(COOKIE), text, max_age=int(LIFE.total_seconds()), **cookies.options()
        )
    return response


def forget(response: Response) -> Response:
    """The form was taken: nothing of it is kept."""
    if cookies.name_of(COOKIE) in request.cookies:
        response.delete_cookie(cookies.name_of(COOKIE), **cookies.options())
    return response


def show(typed: Typed) -> None:
    """Let the page that is answered now, without a redirect, show ``typed``."""
    g.typed = typed


def brought(checkout_id: str, step: str) -> Typed:
    """What the browser brings to a step of a checkout; ``NOTHING`` where that is old, another's or made up."""
    shown = g.get("typed")
    found = shown if shown is not None else _opened(checkout_id)
    if found.step != step:
        return NOTHING
    if shown is None and found.status >= 400:
        refused_before()
    return found


def _opened(checkout_id: str) -> Typed:
    text = request.cookies.get(cookies.name_of(COOKIE), "") if framed() is None else ""
    if not text:
        return NOTHING
    try:
        content = json.loads(gateway().vault.open(urlsafe_b64decode(text), **_place(checkout_id)))
        until = float(content.pop("until"))
        found = Typed(**content)
    except (KeyError, TypeError, ValueError, VaultError):  # another release may have written it
        return NOTHING
    return found if gateway().clock().timestamp() < until else NOTHING


def _place(checkout_id: str) -> dict[str, str]:
    return {"table": "page", "row": checkout_id, "column": "typed"}
