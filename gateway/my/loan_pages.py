"""The pages of loans: the list of all of them at all merchants."""

from __future__ import annotations

from typing import Any

from flask import render_template, request

from gateway.my import door, loans
from gateway.my.door import blueprint
from gateway.web.context import gateway


@blueprint.get("")
def show_loans() -> Any:
    """All loans: what is due now, what comes next, and what has ended."""
    before = request.args.get("before") or None
    with gateway().db.read() as tx:
        found = loans.overview(tx, door.mode(), door.shopper_id(), before=before)
    return render_template("my/loans.html", found=found, before=before)
