"""Who may: scopes for every caller, and for people their role and how recently they logged in.

A merchant's server has no role and never steps up: its secret is its proof.
"""

from __future__ import annotations

from datetime import datetime

from gateway.core.roles import holders
from gateway.errors import RoleMissing, ScopeMissing, SecondFactorRequired, StepUpRequired
from gateway.web.context import Caller

STEP_UP_SECONDS = 300


def check(caller: Caller, *, scope: tuple[str, ...], roles: tuple[str, ...] = ()) -> None:
    """Raise ``RoleMissing`` when another role is needed, ``ScopeMissing`` when the token asked for too little."""
    able = [role for role in (holders(scope) if scope else ()) if not roles or role in roles]
    if caller.role is not None and scope and caller.role not in able:
        raise RoleMissing(
            f"This requires the role {' or '.join(able)}; yours is {caller.role}. An owner of your team can "
            "change it.",
            roles=able,
        )
    if scope and not caller.scopes & set(scope):
        raise ScopeMissing(
            f"This requires the scope {' or '.join(scope)}; the token has: "
            f"{' '.join(sorted(caller.scopes)) or 'none'}."
        )


def check_step_up(caller: Caller, now: datetime, *, second_factor: bool = True) -> None:
    """Raise ``StepUpRequired`` for a person whose login is older than five minutes.

    A login asks for the second factor of who has one. In live mode, where the money is real, who has none is refused
    with ``SecondFactorRequired``, except where ``second_factor`` is false: setting one up must not need one.
    """
    if caller.user_id is None:
        return
    if caller.auth_time is None or now.timestamp() - caller.auth_time > STEP_UP_SECONDS:
        raise StepUpRequired(
            "Log in again: this is only allowed within five minutes of a login.", max_age=STEP_UP_SECONDS
        )
    if second_factor and caller.mode == "live" and not caller.second_factor:
        raise SecondFactorRequired(
            "In live mode this requires a second factor: set up an authenticator app or a passkey, then log in again."
        )
