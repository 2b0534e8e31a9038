"""The page of messages: everything that was sent to the person, by whichever merchant's order it was about."""

from __future__ import annotations

from typing import Any

from flask import render_template, request

from gateway.merchants import service as merchants
from gateway.messages import service as messages
from gateway.my import door
from gateway.my.door import blueprint
from gateway.web.context import gateway

SHOWN = 20
"""Messages on one page."""


@blueprint.get("/messages")
def show_messages() -> Any:
    """What the person was told, and what is to be sent, newest first."""
    here, before = gateway(), request.args.get("before") or None
    with here.db.read() as tx:
        told, older = messages.for_person(tx, here.vault, [door.shopper_id()], limit=SHOWN, before=before)
        shops = merchants.names(tx, {one.merchant_id for one in told})
    return render_template("my/messages.html", told=told, older=older, before=before, shops=shops)
