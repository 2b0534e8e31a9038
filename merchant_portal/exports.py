"""Exports and monthly statements: files are chosen for and downloaded, a closed month is shown and printed."""

from __future__ import annotations

import calendar
import re
import secrets
import tempfile
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request, send_file, url_for

import fenqi
from merchant_portal.login import check_csrf, tokens
from merchant_portal.views import BALANCES, PAGE_SIZE

MONTH = re.compile("[0-9]{4}-(0[1-9]|1[0-2])")
blueprint = Blueprint("exports", __name__)
KINDS = {
    "payments": ("csv", "xlsx"),
    "refunds": ("csv", "xlsx"),
    "disputes": ("csv", "xlsx"),
    "settlements": ("csv", "xlsx"),
    "settlement_lines": ("csv", "xlsx", "pdf"),
    "payouts": ("csv", "xlsx", "camt.053"),
    "balance_entries": ("csv", "xlsx", "pdf", "camt.053", "hledger", "beancount", "vouchers"),
    "certificates": ("pdf",),
}
MONEY = ("settlements", "settlement_lines", "payouts", "balance_entries", "certificates")
"""Kinds for which a person needs to see settlements."""
NARROWED_BY = ("settlement", "merchant_reference", "merchant_order_id", "status", "amount_min", "amount_max")
"""Filters that the lists hand over: the names of the API, amounts in fen."""


@blueprint.get("/exports")
def exports() -> str:
    """The exports so far, and a form for the next."""
    return _page({name: text for name, text in request.args.items() if text})


@blueprint.post("/exports")
def create() -> Any:
    """Ask for a file; the form's key makes a second click the same request."""
    check_csrf()
    chosen = {name: text.strip() for name, text in request.form.items() if text.strip()}
    if not re.fullmatch("portal-export-[0-9a-f]{16}", chosen.get("idempotency_key", "")):
        abort(400)
    narrowed = {name: chosen[name] for name in NARROWED_BY if name in chosen}
    try:
        tokens().client().exports.create(
            kind=chosen.get("kind", ""),
            format=chosen.get("format", ""),
            from_=chosen.get("from"),
            to=chosen.get("to"),
            filter=narrowed or None,
            idempotency_key=chosen["idempotency_key"],
        )
    except fenqi.InvalidRequestError:
        return _page(chosen, wrong=True), 422
    return redirect(url_for("exports.exports"), 303)


@blueprint.get("/exports/<export_id>/file")
def file(export_id: str) -> Any:
    """The file as the gateway gives it; the list of exports, which says why, where there is none."""
    client = tokens().client()
    found = client.exports.retrieve(export_id)
    if found.file is None:
        return redirect(url_for("exports.exports"), 303)
    with tempfile.TemporaryDirectory() as folder:
        path = client.exports.download(export_id, Path(folder) / "file")
        handle = path.open("rb")  # which outlives its folder; it is closed when it was sent
    return send_file(
        handle, mimetype=found.file.media_type, as_attachment=True, download_name=found.file.name
    )


@blueprint.post("/exports/<export_id>/delete")
def delete(export_id: str) -> Any:
    """Delete a file before it expires."""
    check_csrf()
    tokens().client().exports.delete(export_id)
    return redirect(url_for("exports.exports"), 303)


@blueprint.get("/months")
def months() -> Any:
    """The month that the form names."""
    month = request.args.get("month", "")
    if not MONTH.fullmatch(month):
        return redirect(url_for("exports.exports"), 303)
    return redirect(url_for("exports.month", month=month), 303)


@blueprint.get("/months/<month>")
def month(month: str) -> str:
    """The certificate of a closed month, to read and to print."""
    client = tokens().client()
    found = client.certificates.retrieve(month)
    return render_template(
        "month.html",
        me=client.me.retrieve(),
        certificate=found,
        shown=found.to_dict(),
        balances=BALANCES,
        days=_days(found.month),
    )


@blueprint.get("/months/<month>/certificate.json")
def certificate(month: str) -> Response:
    """The certificate as a file that is checked offline."""
    client = tokens().client()
    with tempfile.TemporaryDirectory() as folder:
        content = client.certificates.download(month, Path(folder) / "certificate.json").read_bytes()
    headers = {"Content-Disposition": 'attachment; filename="certificate.json"'}
    return Response(content, content_type="application/json", headers=headers)


def _days(month: str) -> list[str]:
    """First and last day of a month; none of what is not a month."""
    if not MONTH.fullmatch(month):
        return []
    year, number = map(int, month.split("-"))
    return [f"{month}-01", f"{month}-{calendar.monthrange(year, number)[1]:02d}"]


def _page(chosen: dict[str, str], *, wrong: bool = False) -> str:
    client = tokens().client()
    me = client.me.retrieve()
    able = {
        kind: formats
        for kind, formats in KINDS.items()
        if ("settlements:read" if kind in MONEY else "payments:read") in me.scopes
    }
    return render_template(
        "exports.html",
        me=me,
        page=client.exports.list(page_size=PAGE_SIZE, cursor=request.args.get("cursor")),
        kinds=able,
        formats=list(dict.fromkeys(format for formats in able.values() for format in formats)),
        chosen=chosen,
        narrowed={name: chosen[name] for name in NARROWED_BY if name in chosen},
        wrong=wrong,
        idempotency_key=f"portal-export-{secrets.token_hex(8)}",
    )
