"""Pages of people: the team with its roles, and one's own security. The gateway decides; these pages ask it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from flask import Blueprint, abort, redirect, render_template, request, url_for

import fenqi
from merchant_portal.devices import device_name
from merchant_portal.login import check_csrf, tokens
from merchant_portal.wording import language

blueprint = Blueprint("people", __name__)
ROLES = ("owner", "finance", "operations", "developer", "viewer")
MAY = {
    "read": ROLES,
    "settlements": ("owner", "finance", "operations", "viewer"),
    "in_store": ("owner", "operations"),
    "capture": ("owner", "operations"),
    "refund": ("owner", "finance", "operations"),
    "webhooks": ("owner", "developer"),
    "payout_account": ("owner",),
    "team": ("owner",),
}
"""What the matrix on the page shows; the gateway's own table is the one that counts."""


@blueprint.get("/team")
def team() -> str:
    """Who is on the team, and who is invited."""
    return _team_page()


@blueprint.post("/team")
def invite() -> Any:
    """Invite a person; the link goes only to that address."""
    check_csrf()
    wanted = {name: request.form.get(name, "").strip() for name in ("email", "name", "role")}
    try:
        made = tokens().client().request("POST", "/v1/team", json=wanted)
    except (fenqi.InvalidRequestError, fenqi.ConflictError) as error:
        return _team_page(error=error, wanted=wanted), error.status
    return _team_page(invitation=made)


@blueprint.post("/team/<member_id>/role")
def change_role(member_id: str) -> Any:
    """Give somebody another role."""
    check_csrf()
    try:
        tokens().client().request(
            "PATCH", f"/v1/team/{segment(member_id)}", json={"role": request.form.get("role", "")}
        )
    except fenqi.ConflictError as error:
        return _team_page(error=error), error.status
    return redirect(url_for("people.team"), 303)


@blueprint.get("/team/<member_id>/remove")
def ask_to_remove(member_id: str) -> Any:
    """Ask before somebody is taken off the team."""
    client = tokens().client()
    person = next((one for one in client.request("GET", "/v1/team").data if one.id == member_id), None)
    if person is None:
        abort(404)
    return render_template("remove.html", me=client.me.retrieve(), person=person)


@blueprint.post("/team/<member_id>/remove")
def remove(member_id: str) -> Any:
    """Take somebody off the team."""
    check_csrf()
    try:
        tokens().client().request("DELETE", f"/v1/team/{segment(member_id)}")
    except fenqi.ConflictError as error:
        return _team_page(error=error), error.status
    return redirect(url_for("people.team"), 303)


@blueprint.post("/team/invitations/<invitation_id>/withdraw")
def withdraw(invitation_id: str) -> Any:
    """Make an invitation's link useless."""
    check_csrf()
    tokens().client().request("DELETE", f"/v1/team/invitations/{segment(invitation_id)}")
    return redirect(url_for("people.team"), 303)


@blueprint.get("/security")
def security() -> str:
    """One's second factors and open sessions."""
    client = tokens().client()
    return render_template(
        "security.html",
        me=client.me.retrieve(),
        account=client.request("GET", "/v1/account"),
        device_name=device_name,
        sessions=client.request("GET", "/v1/account/sessions").data,
    )


@blueprint.get("/security/renewed")
def renewed() -> Any:
    """Back from the gateway's page for factors: from here on the tokens know of them."""
    tokens().renew()
    return redirect(url_for("people.security"), 303)


@blueprint.get("/security/confirm")
def confirm() -> Any:
    """Go to the gateway's own page for factors; an old login has to log in again first."""
    client = tokens().client()
    client.request("POST", "/v1/account/step_up")
    address = client.request("GET", "/v1/account").enrol_url
    return redirect(f"{address}?lang={language()}", 303)


@blueprint.post("/security/sessions/<session_id>/end")
def end_session(session_id: str) -> Any:
    """End one of your sessions."""
    check_csrf()
    tokens().client().request("DELETE", f"/v1/account/sessions/{segment(session_id)}")
    return redirect(url_for("people.security"), 303)


def segment(value: str) -> str:
    """An id as one segment of a path of the API."""
    return quote(value, safe="")


def _team_page(**extra: Any) -> str:
    client = tokens().client()
    me = client.me.retrieve()
    owner = me.role == "owner"
    return render_template(
        "team.html",
        **{"invitation": None, "error": None, "wanted": {}, **extra},
        me=me,
        owner=owner,
        people=client.request("GET", "/v1/team").data,
        invitations=client.request("GET", "/v1/team/invitations").data if owner else [],
        roles=ROLES,
        may=MAY,
    )
