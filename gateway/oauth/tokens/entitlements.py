"""What may be granted: a client's scopes, cut to the merchant's agreement and to the role of the person, as of now.

Every grant asks here, at each token: what is taken back between a login and a refresh is not in the next token.
Whoever acts for somebody later, such as a webhook endpoint, asks here at that moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from authlib.oauth2.rfc6749.errors import InvalidScopeError

from gateway.core.scopes import entitled, in_order
from gateway.db.transactions import Transaction
from gateway.merchants import service as merchants
from gateway.oauth.models import OAuthClient
from gateway.team import service as team

if TYPE_CHECKING:
    from gateway.team.models import TeamMember


def granted(tx: Transaction, client: OAuthClient, wanted: str, member: TeamMember | None = None) -> str:
    """What of the scopes ``wanted`` a token gets.

    For a person it is what their role leaves of them. A server is told: raises ``InvalidScopeError`` when it wants
    by name what its merchant has not agreed.
    """
    merchant_id = member.merchant_id if member is not None else str(client.merchant_id)
    agreement = merchants.agreement(tx, merchant_id)
    able = entitled(client.scopes, agreement, member.role if member is not None else None)
    names = set(wanted.split())
    if member is None and not names <= able:
        missing = " ".join(in_order(names - able))
        raise InvalidScopeError(f"Your merchant agreement does not include {missing}.")
    return " ".join(in_order(names & able))


def available(tx: Transaction, client: OAuthClient) -> str:
    """All that a merchant's server gets when it names no scope."""
    return " ".join(in_order(entitled(client.scopes, merchants.agreement(tx, str(client.merchant_id)), None)))


def of(tx: Transaction, merchant_id: str, *, client_id: str | None, member_id: str | None) -> frozenset[str]:
    """What a client, or a person by it, may do for a merchant today; nothing for who is gone.

    Without a client it is what the merchant has agreed.
    """
    agreement = merchants.agreement(tx, merchant_id)
    if client_id is None:
        return frozenset(agreement)
    client = tx.get(OAuthClient, client_id)
    if client is None:
        return frozenset()
    if member_id is None:
        return entitled(client.scopes, agreement, None)
    member = team.member_or_none(tx, member_id)
    if member is None or member.merchant_id != merchant_id:
        return frozenset()
    return entitled(client.scopes, agreement, member.role)
