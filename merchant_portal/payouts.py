"""Pages of payouts: where they go, and an owner's change of it. The gateway decides; these pages ask it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

import fenqi
from merchant_portal.login import check_csrf, tokens

blueprint = Blueprint("payouts", __name__)
KINDS = ("bank_account", "bank_card", "institution_account")
FIELDS = ("kind", "number", "holder", "bank", "reason")
PAGE_SIZE = 20


@blueprint.get("/payout-account")
def accounts() -> str:
    """The accounts that payouts went to, go to, and are to go to."""
    return _page()


@blueprint.post("/payout-account")
def request_account() -> Any:
    """Ask for another account; an old login has to log in again first."""
    check_csrf()
    given = {name: request.form.get(name, "").strip() for name in FIELDS}
    client = tokens().client()
    try:
        client.payout_accounts.request(
            kind=given["kind"],
            number=given["number"],
            holder=given["holder"] or None,
            bank=given["bank"] or None,
            reason=given["reason"] or None,
        )
    except (fenqi.InvalidRequestError, fenqi.ConflictError) as error:
        return _page(error=error, given={**given, "number": ""}), error.status
    return redirect(url_for("payouts.accounts"), 303)


@blueprint.post("/payout-account/<account_id>/cancel")
def cancel(account_id: str) -> Any:
    """Take back a change that still cools off."""
    check_csrf()
    try:
        tokens().client().payout_accounts.cancel(account_id)
    except fenqi.ConflictError as error:
        return _page(error=error), error.status
    return redirect(url_for("payouts.accounts"), 303)


def _page(**extra: Any) -> str:
    client = tokens().client()
    me = client.me.retrieve()
    return render_template(
        "payout_account.html",
        **{"error": None, "given": {}, **extra},
        me=me,
        owner=me.role == "owner",
        page=client.payout_accounts.list(page_size=PAGE_SIZE, cursor=request.args.get("cursor")),
        kinds=KINDS,
    )
