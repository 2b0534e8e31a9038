"""Who may read which events: an event is read like its object, by the scope that reads the object.

The same holds for what is told without being asked: an endpoint is told what those may read who set it up, as of the
moment of the delivery. Setting its address or its events again counts as setting it up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from gateway.core.roles import holders
from gateway.db.transactions import Transaction
from gateway.errors import RoleMissing, ScopeMissing
from gateway.oauth.tokens import entitlements
from gateway.web.context import Caller
from gateway.webhooks.models import WebhookEndpoint
from gateway.webhooks.schemas import EVENT_SCOPES, TEST_EVENT


def readable(scopes: Collection[str]) -> list[str]:
    """The types of events that may be read with ``scopes``."""
    return [type for type, needed in EVENT_SCOPES.items() if set(needed) & set(scopes)]


def told(tx: Transaction, endpoint: WebhookEndpoint) -> set[str]:
    """The types of events that an endpoint may be told of now; a test shows it only itself."""
    scopes = entitlements.of(
        tx, endpoint.merchant_id, client_id=endpoint.client_id, member_id=endpoint.member_id
    )
    return {*readable(scopes), TEST_EVENT}


def withheld(tx: Transaction, endpoint: WebhookEndpoint) -> list[str]:
    """The types that an endpoint subscribes to and is not told of."""
    able = told(tx, endpoint)
    wanted = EVENT_SCOPES if endpoint.enabled_events == ["*"] else endpoint.enabled_events
    return [type for type in wanted if type not in able]


def check(caller: Caller, types: Iterable[str], *, param: str = "enabled_events") -> None:
    """Raise ``RoleMissing`` or ``ScopeMissing`` when the caller names, in ``param``, a type that it may not read."""
    for type in types:
        needed = EVENT_SCOPES.get(type, ())
        if type in ("*", TEST_EVENT) or set(needed) & caller.scopes:
            continue
        able = holders(needed)
        if caller.role is not None and caller.role not in able:
            raise RoleMissing(
                f"Receiving {type} requires the role {' or '.join(able)}; yours is {caller.role}. Leave it out.",
                roles=able,
                param=param,
            )
        raise ScopeMissing(
            f"Receiving {type} requires the scope {' or '.join(needed)}. Leave it out.",
            param=param,
        )
