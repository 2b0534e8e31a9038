"""The pages: payments, settlements and the balance, read and changed through the SDK only."""

from __future__ import annotations

import csv
import io
import json
import re
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request, session, url_for

import fenqi
from merchant_portal.home import overview
from merchant_portal.login import check_csrf, tokens

blueprint = Blueprint("views", __name__)
PAGE_SIZE = 20
LONGEST_PAGE = 100
OPEN_DISPUTES = ("needs_response", "under_review")
"""A payment with such a dispute takes no refund: its amount is set aside already."""
EQUATION = (
    ("captures", 1),
    ("subsidies", 1),
    ("merchant_fees", -1),
    ("merchant_subsidies", -1),
    ("refunds", -1),
    ("disputes", -1),
    ("adjustments", 1),
    ("reserve_change", -1),
)
"""The lines between opening and closing, each with its sign."""
FILTERS = {
    "reference": "merchant_reference",
    "order": "merchant_order_id",
    "status": "status",
    "created_from": "created_from",
    "created_to": "created_to",
    "amount_min": "amount_min",
    "amount_max": "amount_max",
}
"""The fields of the form above the payments, and what the API calls them; amounts are typed in yuan."""
BALANCES = ("pending", "staged", "available", "reserve", "in_dispute", "receivable")
STATUSES = (
    "authorized",
    "partially_captured",
    "captured",
    "partially_refunded",
    "refunded",
    "voided",
    "expired",
)


@blueprint.app_context_processor
def common() -> dict[str, Any]:
    """What every page shows: who is logged in and in which mode."""
    return {"csrf": session.get("csrf", ""), "logged_in": "sid" in session}


@blueprint.get("/")
def home() -> str:
    """What waits for the merchant, how the last days went, and the newest payments and settlements."""
    client = tokens().client()
    me = client.me.retrieve()
    found = overview(client, money="settlements:read" in me.scopes)
    return render_template("home.html", me=me, **found)


@blueprint.get("/payments")
def payments() -> str:
    """Payments, newest first, by the filters of the API; a filter that it refuses is named beside the form."""
    client = tokens().client()
    filters = {name: text for name in FILTERS if (text := request.args.get(name, "").strip())}
    page, wrong = None, None
    try:
        wanted = {
            FILTERS[name]: fenqi.fen(text) if name.startswith("amount") else text
            for name, text in filters.items()
        }
        page = client.payments.list(page_size=PAGE_SIZE, cursor=request.args.get("cursor"), extra=wanted)
    except ValueError:
        wrong = "amount"
    except fenqi.InvalidRequestError as error:
        wrong = next((name for name, param in FILTERS.items() if param == error.param), None)
        if wrong is None:
            raise
    return render_template(
        "payments.html",
        me=client.me.retrieve(),
        page=page,
        filters=filters,
        wrong=wrong and wrong.partition("_")[0],
        statuses=STATUSES,
        handed_over=_handed_over({} if wrong else filters),
    )


@blueprint.get("/payments/<payment_id>")
def payment(payment_id: str) -> str:
    """One payment with its plan, loans, refunds, lines in the books, and what can be done."""
    client = tokens().client()
    found = client.payments.retrieve(payment_id)
    loans = [client.loans.retrieve(capture["loan"]) for capture in found.to_dict()["captures"]]
    checkout = client.checkouts.retrieve(found.checkout)
    me = client.me.retrieve()
    money = "settlements:read" in me.scopes
    disputes = list(client.disputes.list(payment=payment_id, page_size=LONGEST_PAGE))
    return render_template(
        "payment.html",
        me=me,
        payment=found,
        checkout=checkout,
        loans=loans,
        refunds=list(client.refunds.list(payment=payment_id, page_size=LONGEST_PAGE)),
        disputes=disputes,
        milestones=list(client.payments.milestones.list(payment_id, page_size=LONGEST_PAGE))[::-1],
        contested=next((row for row in disputes if row.status in OPEN_DISPUTES), None),
        entries=client.balance_entries.list(payment=payment_id, page_size=LONGEST_PAGE) if money else None,
        raw=json.dumps(found.to_dict(), ensure_ascii=False, indent=2),
    )


@blueprint.get("/payments/<payment_id>/<verb>")
def ask(payment_id: str, verb: str) -> str:
    """Ask before anything is changed: what will happen, and to how much money."""
    if verb not in ("capture", "void", "refund"):
        abort(404)
    client = tokens().client()
    found = client.payments.retrieve(payment_id)
    amount = found.refundable_amount if verb == "refund" else found.capturable_amount
    if not amount:
        abort(404)
    key = f"portal-{verb}-{payment_id}-{secrets.token_hex(8)}"
    return render_template(
        "ask.html", me=client.me.retrieve(), payment=found, verb=verb, amount=amount, idempotency_key=key
    )


@blueprint.post("/payments/<payment_id>/<verb>")
def act(payment_id: str, verb: str) -> Any:
    """Do what was asked; the form's key makes a second click the same request."""
    check_csrf()
    client = tokens().client()
    key, amount = request.form.get("idempotency_key", ""), request.form.get("amount", "")
    wanted = rf"portal-{re.escape(verb)}-{re.escape(payment_id)}-[0-9a-f]{{16}}"
    if not re.fullmatch(wanted, key) or not re.fullmatch("[0-9]{1,12}", amount):
        abort(400)
    if verb == "capture":
        client.payments.capture(payment_id, amount=int(amount), idempotency_key=key)
    elif verb == "void":
        client.payments.void(payment_id, amount=int(amount), reason="portal", idempotency_key=key)
    elif verb == "refund":
        client.refunds.create(payment=payment_id, amount=int(amount), reason="portal", idempotency_key=key)
    else:
        abort(404)
    return redirect(url_for("views.payment", payment_id=payment_id), 303)


@blueprint.get("/settlements")
def settlements() -> str:
    """Settlements, newest first, what is agreed about them, and what is held back or invoiced."""
    client = tokens().client()
    found = client.settlements.list(page_size=PAGE_SIZE, cursor=request.args.get("cursor"))
    return render_template(
        "settlements.html",
        me=client.me.retrieve(),
        page=found,
        terms=client.settlement_terms.current(),
        reserves=client.reserve_releases.list(page_size=PAGE_SIZE).data,
        invoices=client.invoices.list(page_size=PAGE_SIZE).data,
    )


@blueprint.get("/settlements/<settlement_id>")
def settlement(settlement_id: str) -> str:
    """The equation of one settlement, checked before the reader's eyes, and its lines."""
    client = tokens().client()
    found = client.settlements.retrieve(settlement_id)
    cursor = request.args.get("cursor")
    page = client.settlements.lines(settlement_id, page_size=LONGEST_PAGE, cursor=cursor)
    figures = found.to_dict()
    payout = client.payouts.retrieve(found.payout) if found.payout else None
    left = figures["opening"] + sum(sign * figures[name] for name, sign in EQUATION)
    return render_template(
        "settlement.html",
        me=client.me.retrieve(),
        settlement=found,
        figures=figures,
        rows=EQUATION,
        left=left,
        right=figures["closing"] + figures["payout_amount"],
        payout=payout,
        account=client.payout_accounts.retrieve(payout.account) if payout and payout.account else None,
        page=page,
        sums=_sums(client, figures, page, whole=cursor is None and not page.has_more),
    )


@blueprint.get("/settlements/<settlement_id>/lines.csv")
def settlement_csv(settlement_id: str) -> Response:
    """The lines as the API gives them, byte for byte."""
    return _file(_csv(tokens().client(), settlement_id), f"{settlement_id}.csv", "text/csv; charset=utf-8")


@blueprint.get("/settlements/<settlement_id>/statement.jsonl")
def settlement_statement(settlement_id: str) -> Response:
    """The lines with the proof of each, as the API gives them."""
    client = tokens().client()
    with tempfile.TemporaryDirectory() as folder:
        path = client.settlements.download_statement(settlement_id, Path(folder) / "statement.jsonl")
        return _file(path.read_bytes(), f"{settlement_id}.jsonl", "application/jsonl")


@blueprint.get("/signing-keys.pem")
def signing_keys() -> Response:
    """The public keys with which statements are checked."""
    keys = tokens().client().settlements.signing_keys()
    return _file(keys.encode(), "signing-keys.pem", "application/x-pem-file")


@blueprint.get("/rates")
def rates() -> str:
    """What was agreed about prices: every rate card, newest first."""
    client = tokens().client()
    found = client.rate_cards.list(page_size=PAGE_SIZE, cursor=request.args.get("cursor"))
    return render_template("rates.html", me=client.me.retrieve(), page=found)


@blueprint.get("/balance")
def balance() -> str:
    """The merchant's side of the ledger, line by line."""
    client = tokens().client()
    payment = request.args.get("payment") or None
    found = client.balance_entries.list(
        payment=payment, page_size=LONGEST_PAGE, cursor=request.args.get("cursor")
    )
    return render_template(
        "balance.html",
        me=client.me.retrieve(),
        balance=client.balance.retrieve(),
        page=found,
        payment=payment,
    )


@dataclass(frozen=True)
class Sums:
    """What all lines of a settlement add up to, beside what the equation says; in fen."""

    count: int
    net: int
    released: int
    """Part of ``net`` that is released reserve, which the equation has in its change of reserve."""
    expected: int

    @property
    def fits(self) -> bool:
        """Whether both agree to the fen."""
        return self.net == self.expected


def _sums(client: fenqi.Fenqi, figures: dict[str, Any], page: Any, *, whole: bool) -> Sums:
    """The sums over all lines, read as one file unless the page has them all."""
    if whole:
        lines = [(line.kind, line.net) for line in page.data]
    else:
        text = io.StringIO(_csv(client, figures["id"]).decode("utf-8-sig"), newline="")
        lines = [(row["kind"], int(row["net"])) for row in csv.DictReader(text)]
    released = sum(net for kind, net in lines if kind == "reserve_release")
    moved = sum(sign * figures[name] for name, sign in EQUATION if name != "reserve_change")
    return Sums(len(lines), sum(net for _, net in lines), released, moved + released)


def _handed_over(filters: dict[str, str]) -> dict[str, str]:
    """The filters as an export takes them: amounts in fen, days as from and to."""
    names = {**FILTERS, "created_from": "from", "created_to": "to"}
    return {
        names[name]: str(fenqi.fen(text)) if name.startswith("amount") else text
        for name, text in filters.items()
    }


def _file(content: bytes, name: str, media_type: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, content_type=media_type, headers=headers)


def _csv(client: fenqi.Fenqi, settlement_id: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lines.csv"
        client.settlements.download_csv(settlement_id, path)
        return path.read_bytes()
