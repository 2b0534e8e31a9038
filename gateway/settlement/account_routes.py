"""Routes of payout accounts: who may see settlements sees them, masked; only owners change them."""

from __future__ import annotations

from typing import Any

from gateway.settlement import payout_accounts
from gateway.settlement.models import PayoutAccount
from gateway.settlement.payout_accounts import Wanted
from gateway.settlement.schemas import PayoutAccountAnswer, PayoutAccountRequest
from gateway.web.context import Caller, Gateway
from gateway.web.operations import Api, Call, Created
from gateway.web.paging import PageQuery, listed, of_tenant

api = Api("payout_accounts", prefix="/v1/payout_accounts")
OWNER: dict[str, Any] = {"scope": "portal", "roles": ("owner",)}


def _must_send(gateway: Gateway, caller: Caller, body: dict[str, Any]) -> None:
    """Nothing changes that the owners cannot be told of. Raises ``MessagesUnavailable``."""
    gateway.ports.notifier.check(caller.mode)


@api.get(scope="settlements:read", query=PageQuery, answer=PayoutAccountAnswer, lists=True)
def list_payout_accounts(call: Call) -> Any:
    """List the accounts that payouts go to, went to or will go to, newest first."""
    view = payout_accounts.viewer(call.tx, call.tenant, call.gateway.vault)
    return listed(call, of_tenant(PayoutAccount, call.tenant), view)


@api.get("/<account_id>", scope="settlements:read", answer=PayoutAccountAnswer)
def get_payout_account(call: Call, account_id: str) -> Any:
    """Retrieve a payout account, masked."""
    return _shown(call, payout_accounts.get(call.tx, call.tenant, account_id))


@api.post(**OWNER, step_up=True, body=PayoutAccountRequest, answer=PayoutAccountAnswer, prepare=_must_send)
def request_payout_account(call: Call) -> Any:
    """Let payouts go to another account once the cooling-off (FENQI_PAYOUT_ACCOUNT_COOLING_HOURS) has passed.

    Every owner is told. Until then payouts go to the account before, and any owner can cancel. The first account of a
    merchant counts at once.
    """
    wanted = Wanted(**call.body)
    account = payout_accounts.request_change(
        call.tx, call.gateway, call.tenant, wanted, asked_by=str(call.caller.user_id)
    )
    return Created(_shown(call, account))


@api.post("/<account_id>/cancel", **OWNER, answer=PayoutAccountAnswer)
def cancel_payout_account(call: Call, account_id: str) -> Any:
    """Cancel a change that still cools off; every owner is told. It needs no recent login, so that it is quick."""
    canceled_by = str(call.caller.user_id)
    return _shown(call, payout_accounts.cancel(call.tx, call.tenant, account_id, canceled_by=canceled_by))


def _shown(call: Call, account: PayoutAccount) -> dict[str, Any]:
    return payout_accounts.viewer(call.tx, call.tenant, call.gateway.vault)(account)
