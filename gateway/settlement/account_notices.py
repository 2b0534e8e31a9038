"""Telling every owner of a merchant that its payout account is to change, or is not to after all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.core.calendar import SHANGHAI
from gateway.core.tenant import Tenant, mode_of
from gateway.db.transactions import Transaction
from gateway.merchants import service as merchants
from gateway.outbox import service as outbox
from gateway.settlement.models import PayoutAccount
from gateway.team import service as team

if TYPE_CHECKING:
    from gateway.outbox.models import OutboxItem
    from gateway.web.context import Gateway

TOPIC = "notify.payout_account"
SUBJECTS = {
    "requested": "收款账户将变更 / Your payout account is about to change",
    "canceled": "收款账户变更已取消 / The change of your payout account was cancelled",
}
MODES = {"test": ("测试模式", "test mode"), "live": ("正式模式", "live mode")}


def queue(tx: Transaction, account: PayoutAccount, what: str) -> None:
    """Queue a message to each owner, as the team is now; ``what`` is ``requested`` or ``canceled``."""
    owners = [one.id for one in team.team(tx, account.merchant_id) if one.role == "owner"]
    told = [{"account": account.id, "member": member, "what": what} for member in owners]
    outbox.put_many(tx, TOPIC, told, tenant=Tenant.of(account))


def carry_out(gateway: Gateway, item: OutboxItem) -> None:
    """Send the message that ``item`` names, unless the person has left. Raises what the notifier raises."""
    what = item.payload["what"]
    with gateway.db.read() as tx:
        account = tx.get_one(PayoutAccount, item.payload["account"])
        person = team.member_or_none(tx, item.payload["member"])
        name = merchants.get(tx, account.merchant_id).name
    if person is None:
        return
    gateway.ports.notifier.send_notice(
        mode_of(account.mode),
        person.email,
        SUBJECTS[what],
        _text(name, account, what),
        reference=f"{account.id}:{what}:{person.id}",
    )


def _text(name: str, account: PayoutAccount, what: str) -> str:
    zh, en = MODES[account.mode]
    number, bank = f"****{account.last4}", f"（{account.bank}）" if account.bank else ""
    when = f"{account.effective_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
    if what == "canceled":
        return (
            f"{name}（{zh}）的收款账户变更已取消，打款仍进入原账户。\n\n"
            f"The change of the payout account of {name} ({en}) to {number} was cancelled: payouts go on to "
            "the account before."
        )
    return (
        f"{name}（{zh}）申请将收款账户变更为 {number}{bank}，{when}（北京时间）起生效，在此之前打款仍进入原账户。"
        "如果这不是您或同事的操作，请立即登录商家后台取消，并修改密码。\n\n"
        f"A change of the payout account of {name} ({en}) to {number} was requested. It counts from {when} (Beijing "
        "time); until then payouts go to the account before. If neither you nor a colleague asked for it, log in to "
        "the portal, cancel it, and change your password."
    )
