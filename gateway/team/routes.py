"""Routes of people: /v1/team for the team, /v1/account for oneself. Only people's tokens come here (scope portal)."""

from __future__ import annotations

from typing import Any

from gateway.errors import RoleMissing
from gateway.team import authenticators, factors, invitations, passkeys, service, sessions
from gateway.team.models import Invitation, TeamMember
from gateway.team.rates import INVITING
from gateway.team.schemas import (
    AccountAnswer,
    InvitationAnswer,
    InvitationRequest,
    MemberAnswer,
    RemovedAnswer,
    RoleRequest,
    SessionAnswer,
)
from gateway.web.context import Caller, Gateway
from gateway.web.idempotency import Idempotency
from gateway.web.operations import Api, Call, Created

team = Api("team", prefix="/v1/team")
account = Api("account", prefix="/v1/account")
OF_ONE_PERSON = Idempotency(keep_days=0)
"""Answers are kept by merchant: one person's must not be given to a colleague who chose the same key."""
OWNER: dict[str, Any] = {"scope": "portal", "roles": ("owner",)}


def _must_send(gateway: Gateway, caller: Caller, body: dict[str, Any]) -> None:
    """Nobody is invited whom no message reaches; asked before the transaction. Raises ``MessagesUnavailable``."""
    gateway.ports.notifier.check(caller.mode)


@team.get(scope="portal", answer=MemberAnswer, lists=True)
def list_team(call: Call) -> Any:
    """List the people of the team, in the order they joined."""
    return _all([_member(call, one) for one in service.team(call.tx, call.tenant.merchant_id)])


@team.post(
    **OWNER,
    step_up=True,
    body=InvitationRequest,
    answer=InvitationAnswer,
    idempotency=Idempotency(sealed=True),
    prepare=_must_send,
    rate=INVITING,
)
def invite_to_team(call: Call) -> Any:
    """Invite a person; the link works once within 72 hours and replaces an earlier one to the same address.

    It goes only to that address: the inviter could use it to join as somebody else.
    """
    me = _me(call)
    invitation, token = invitations.invite(call.tx, call.gateway.vault, me, **call.body)
    url = f"{call.gateway.settings.public_url}{invitations.PATH}?token={token}"
    invitations.queue(call.tx, call.gateway, call.tenant, invitation, url=url)
    return Created(_invitation(invitation))


@team.get("/invitations", **OWNER, answer=InvitationAnswer, lists=True)
def list_invitations(call: Call) -> Any:
    """List the invitations that have not been accepted yet."""
    found = invitations.waiting(call.tx, call.tenant.merchant_id)
    return _all([_invitation(one) for one in found])


@team.delete("/invitations/<invitation_id>", **OWNER, answer=RemovedAnswer)
def withdraw_invitation(call: Call, invitation_id: str) -> Any:
    """Withdraw an invitation: its link stops working."""
    invitations.withdraw(call.tx, call.tenant.merchant_id, invitation_id)
    return {"object": "invitation", "id": invitation_id}


@team.patch("/<member_id>", **OWNER, step_up=True, body=RoleRequest, answer=MemberAnswer)
def change_role(call: Call, member_id: str) -> Any:
    """Change a role; the person's sessions end, so that the new role applies from the next login."""
    person = service.colleague(call.tx, call.tenant.merchant_id, member_id)
    service.change_role(call.tx, person, call.body["role"])
    return _member(call, person)


@team.delete("/<member_id>", **OWNER, step_up=True, answer=RemovedAnswer)
def remove_member(call: Call, member_id: str) -> Any:
    """Remove a person: their sessions end, in every process within two seconds."""
    service.remove(call.tx, service.colleague(call.tx, call.tenant.merchant_id, member_id))
    return {"object": "team_member", "id": member_id}


@account.get(scope="portal", answer=AccountAnswer)
def get_account(call: Call) -> Any:
    """Retrieve your own account: address, role and second factors."""
    me = _me(call)
    return {
        "member": me.id,
        "email": me.email,
        "name": me.name,
        "role": me.role,
        "authenticator": authenticators.has(call.tx, me.id),
        "passkeys": passkeys.of_member(call.tx, me.id),
        "recovery_codes_left": factors.recovery_codes_left(call.tx, me.id),
        "enrol_url": f"{call.gateway.settings.public_url}/account/security",
    }


@account.delete(
    "/authenticator", scope="portal", step_up="login", answer=RemovedAnswer, idempotency=OF_ONE_PERSON
)
def remove_authenticator(call: Call) -> Any:
    """Remove your authenticator app."""
    me = _me(call)
    authenticators.remove(call.tx, me.id)
    factors.drop_codes_when_alone(call.tx, me.id)
    return {"object": "authenticator", "id": me.id}


@account.delete(
    "/passkeys/<passkey_id>", scope="portal", step_up="login", answer=RemovedAnswer, idempotency=OF_ONE_PERSON
)
def remove_passkey(call: Call, passkey_id: str) -> Any:
    """Remove one of your passkeys."""
    me = _me(call)
    passkeys.remove(call.tx, me.id, passkey_id)
    factors.drop_codes_when_alone(call.tx, me.id)
    return {"object": "passkey", "id": passkey_id}


@account.post("/step_up", scope="portal", step_up="login", answer=AccountAnswer, idempotency=OF_ONE_PERSON)
def confirm_recent_login(call: Call) -> Any:
    """Check whether the login is recent enough for actions that require it; changes nothing."""
    return get_account(call)


@account.get("/sessions", scope="portal", answer=SessionAnswer, lists=True)
def list_sessions(call: Call) -> Any:
    """List your open sessions, newest first."""
    found = sessions.open_of(call.tx, _me(call).id)
    return _all(
        [
            {
                "id": one.id,
                "device": one.device,
                "methods": one.amr,
                "current": one.id == call.caller.session_id,
                "authenticated_at": one.authenticated_at,
                "last_seen_at": one.last_seen_at,
                "expires_at": one.expires_at,
            }
            for one in found
        ]
    )


@account.delete("/sessions/<session_id>", scope="portal", answer=RemovedAnswer, idempotency=OF_ONE_PERSON)
def end_session(call: Call, session_id: str) -> Any:
    """End one of your sessions, on any device."""
    sessions.end_own(call.tx, _me(call).id, session_id)
    return {"object": "session", "id": session_id}


apis: tuple[Api, ...] = (team, account)


def _me(call: Call) -> TeamMember:
    if call.caller.user_id is None:
        raise RoleMissing("Only people can use this: a merchant's server has no account.", roles=[])
    return service.member(call.tx, call.caller.user_id)


def _member(call: Call, person: TeamMember) -> dict[str, Any]:
    return {
        "id": person.id,
        "email": person.email,
        "name": person.name,
        "role": person.role,
        "second_factor": factors.enrolled(call.tx, person.id),
        "created_at": person.created_at,
    }


def _invitation(row: Invitation) -> dict[str, Any]:
    return {
        "id": row.id,
        "email": row.email,
        "name": row.name,
        "role": row.role,
        "expires_at": row.expires_at,
        "sent": row.sent_at is not None,
    }


def _all(rows: list[Any]) -> dict[str, Any]:
    return {"object": "list", "data": rows, "has_more": False, "next_cursor": None}
