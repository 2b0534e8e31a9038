"""The page of a dispute: until when to answer, the answer with its evidence, and giving in. The gateway decides."""

from __future__ import annotations

import re
import secrets
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for

import fenqi
from merchant_portal.login import check_csrf, tokens

blueprint = Blueprint("disputes", __name__)
LONGEST_EVIDENCE = 5000
ANSWERABLE = ("needs_response", "under_review")
"""Until it is decided, an answer can be replaced."""


@blueprint.get("/disputes/<dispute_id>")
def dispute(dispute_id: str) -> str:
    """What is contested, until when to answer, and what was answered."""
    return _page(dispute_id)


@blueprint.post("/disputes/<dispute_id>/respond")
def respond(dispute_id: str) -> Any:
    """Send the evidence; the form's key makes a second click the same request."""
    check_csrf()
    evidence = " ".join(request.form.get("evidence", "").split())
    client, key = tokens().client(), _key("respond", dispute_id)
    try:
        client.disputes.respond(dispute_id, evidence=evidence, idempotency_key=key)
    except (fenqi.InvalidRequestError, fenqi.ConflictError) as error:
        return _page(dispute_id, error=error, evidence=evidence), error.status
    return redirect(url_for("disputes.dispute", dispute_id=dispute_id), 303)


@blueprint.post("/disputes/<dispute_id>/accept")
def accept(dispute_id: str) -> Any:
    """Agree with the shopper; an old login has to log in again first."""
    check_csrf()
    client, key = tokens().client(), _key("accept", dispute_id)
    try:
        client.disputes.accept(dispute_id, idempotency_key=key)
    except fenqi.ConflictError as error:
        return _page(dispute_id, error=error), error.status
    return redirect(url_for("disputes.dispute", dispute_id=dispute_id), 303)


def _key(verb: str, dispute_id: str) -> str:
    key = request.form.get("idempotency_key", "")
    if not re.fullmatch(rf"portal-{verb}-{re.escape(dispute_id)}-[0-9a-f]{{16}}", key):
        abort(400)
    return key


def _page(dispute_id: str, *, error: fenqi.FenqiError | None = None, evidence: str | None = None) -> str:
    client = tokens().client()
    found = client.disputes.retrieve(dispute_id)
    me = client.me.retrieve()
    return render_template(
        "dispute.html",
        me=me,
        payment=client.payments.retrieve(found.payment),
        dispute=found,
        error=error,
        evidence=found.evidence or "" if evidence is None else evidence,
        answerable=found.status in ANSWERABLE,
        may_respond="payments:write" in me.scopes,
        may_accept="refunds:write" in me.scopes,
        longest=LONGEST_EVIDENCE,
        keys={verb: f"portal-{verb}-{dispute_id}-{secrets.token_hex(8)}" for verb in ("respond", "accept")},
    )
