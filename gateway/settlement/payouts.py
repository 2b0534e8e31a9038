"""Carrying out a payout instruction from the outbox: ask the institution, then book what it confirmed.

What the institution says may come late, twice, or in another order than it happened: ``hear`` takes each answer by
itself and makes of it what the payout's own facts allow. Money that moved otherwise than instructed is never booked as
paid: it is named, and waits for the institution to put it right.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import case
from sqlmodel import col, select

from gateway.core.calendar import SHANGHAI, WorkingDays, shanghai_date, working_day_from
from gateway.core.tenant import Tenant, mode_of
from gateway.db.transactions import Transaction
from gateway.errors import InstitutionUnavailable, WrongState
from gateway.institution import instructing
from gateway.institution.port import Answer, Instructed, Instruction
from gateway.ledger import service as ledger
from gateway.ledger.booking import postings
from gateway.merchants import business_clock
from gateway.outbox import service as outbox
from gateway.privacy.vault import Vault
from gateway.settlement import payout_accounts
from gateway.settlement.models import Payout, SettlementLine
from gateway.settlement.schemas import PayoutAnswer
from gateway.settlement.service import add_line, payout_view
from gateway.webhooks import service as events

if TYPE_CHECKING:
    from gateway.outbox.models import OutboxItem
    from gateway.web.context import Gateway


PAYOUT_ANSWER = PayoutAnswer()
WATCH_TOPIC = "payout.watch"
OPEN = ("pending", "in_transit")
A_DAY = timedelta(days=1)
MOST_HEARD = 20
"""How many different answers of the institution are kept with a payout."""
SAID = {"pending": "accepted", "succeeded": "paid", "failed": "failed", "returned": "returned"}
"""How an outcome is called in what we have heard."""
UNKNOWN = "unknown"
IS_OPEN = col(Payout.status).in_(OPEN)
DIFFERS = col(Payout.moved_fen) != case(
    (col(Payout.status) == "paid", col(Payout.amount_fen)),
    (
        col(Payout.status).in_(OPEN) & (col(Payout.moved_fen) == col(Payout.amount_fen)),
        col(Payout.amount_fen),
    ),
    else_=0,
)
"""Where the institution has moved another amount than the books say, as ``service.problem_of`` says it of one row."""


def carry_out(gateway: Gateway, item: OutboxItem) -> None:
    """Instruct the payout that ``item`` names and book what the institution says of it.

    Raises ``InstitutionUnavailable`` while the outcome is not known, or where another amount has moved; the outbox asks
    again. Raises ``outbox.Later`` while the payout is in transit, and on a day without banking, when nothing is sent.
    """
    with gateway.db.read() as tx:
        payout = tx.get_one(Payout, item.payload["payout"])
        wait = _until_banking(tx, Tenant.of(payout), gateway.ports.working_days)
        instruction = _instruction(tx, gateway.vault, payout)
        lacks_account = payout.account_id is None and item.sent_at is None
        lacks_account = lacks_account and payout_accounts.in_force(tx, Tenant.of(payout)) is not None
    if payout.status not in OPEN:
        return
    if lacks_account and wait is None:
        instruction = gateway.db.write(lambda tx: _with_account(tx, gateway.vault, payout.id))
    answer = _heard_from(gateway, payout.id, lambda: instructing.ask(gateway, item, instruction, wait=wait))
    payout = gateway.db.write(lambda tx: _hear_first(tx, gateway, payout.id, answer))
    if payout.status in OPEN:
        _look_again(gateway, item, payout)


def watch(gateway: Gateway, item: OutboxItem) -> None:
    """Ask once a day, for some days after its end, whether a payout came back after all. Nothing is ever sent.

    Raises ``outbox.Later`` until then, and ``InstitutionUnavailable``.
    """
    with gateway.db.read() as tx:
        payout = tx.get_one(Payout, item.payload["payout"])
        business_clock.enter(tx, Tenant.of(payout))
        over = tx.now > datetime.fromisoformat(item.payload["until"])
        instruction = _instruction(tx, gateway.vault, payout)
    if payout.status in (*OPEN, "returned") or over:
        return
    answer = _heard_from(gateway, payout.id, lambda: _looked_up(gateway, instruction))
    payout = gateway.db.write(lambda tx: hear(tx, payout.id, answer))
    if payout.status != "returned":
        raise outbox.Later("is asked about once a day: it may still come back", at=gateway.clock() + A_DAY)


def watched(tx: Transaction, tenant: Tenant) -> datetime | None:
    """When the merchant's payouts have to be asked about next: in a day, where one is open or may still come back."""
    open_ones = select(Payout.id).where(
        Payout.merchant_id == tenant.merchant_id,
        Payout.mode == tenant.mode,
        col(Payout.status).in_(OPEN),
    )
    is_open = tx.exec(open_ones.limit(1)).first() is not None
    if is_open or outbox.waits(tx, tenant, WATCH_TOPIC):
        business_clock.enter(tx, tenant)
        return tx.now + A_DAY
    return None


def hear(tx: Transaction, payout_id: str, answer: Answer) -> Payout:
    """Book what an answer of the institution adds to what is known of the payout. Idempotent, in any order.

    What was confirmed stays confirmed, and what came back stays so. Where the institution has moved another amount than
    the books say, nothing is booked: the difference stands on the payout and in every verification of the ledger.
    """
    payout = _locked(tx, payout_id)
    note(tx, payout, SAID[answer.outcome], failure=answer.failure, moved_fen=answer.moved_fen)
    amount, moved = payout.amount_fen, answer.moved_fen
    payout.moved_fen = moved
    is_whole = moved in (None, amount)
    if payout.status == "pending":
        _accept(tx, payout, sent=answer.outcome == "pending" or bool(moved and not is_whole))
    if answer.outcome == "succeeded" and is_whole:
        _confirm(tx, payout)
    elif answer.outcome == "failed" and not moved:
        _reject(tx, payout, answer.failure or "refused")
    elif answer.outcome == "returned" and not moved and payout.status != "failed":
        _confirm(tx, payout)
        _give_back(tx, payout, answer.failure or "returned")
    return payout


def note(
    tx: Transaction, payout: Payout, said: str, *, failure: str | None = None, moved_fen: int | None = None
) -> None:
    """Keep what the institution said; the same answer again only counts one more time."""
    heard = list(payout.heard or [])
    now = tx.now.isoformat(timespec="seconds")
    told: dict[str, Any] = {"said": said, "failure": failure, "moved": moved_fen}
    if heard and {name: heard[-1][name] for name in told} == told:
        heard[-1] = {**heard[-1], "last_at": now, "times": heard[-1]["times"] + 1}
    else:
        heard.append({**told, "first_at": now, "last_at": now, "times": 1})
    payout.heard = heard[-MOST_HEARD:]
    tx.add(payout)


def instructed(tx: Transaction, *, since: datetime | None, after: str, limit: int) -> list[Instructed]:
    """Some payouts behind the id ``after``, to compare with the institution; what came back is not."""
    query = select(Payout).where(Payout.id > after, col(Payout.status) != "returned")
    if since is not None:
        query = query.where(Payout.created_at >= since)
    found = []
    for row in tx.exec(query.order_by(col(Payout.id)).limit(limit)):
        instruction = Instruction(
            "payout", row.reference or row.id, mode_of(row.mode), row.merchant_id, row.amount_fen
        )
        may = {"paid": (row.amount_fen,), "failed": (0,)}.get(row.status, (0, row.amount_fen))
        found.append(Instructed(row.id, row.status, instruction, may, row.created_at))
    return found


def _confirm(tx: Transaction, payout: Payout) -> None:
    """The institution has paid: only now does the claim leave the books. Idempotent."""
    if payout.status not in OPEN:
        return
    payout.status, payout.paid_at = "paid", tx.now
    lines = postings.payout_confirmed(
        payout=payout.id, institution=payout.institution, funder=payout.funder, amount_fen=payout.amount_fen
    )
    _book(tx, payout, "payout_confirmed", lines, event="payout.paid")


def _reject(tx: Transaction, payout: Payout, failure: str) -> None:
    """The institution refused before anything left: the claim is available again and goes into the next batch."""
    if payout.status not in OPEN:
        return
    payout.status, payout.failure = "failed", failure
    lines = postings.payout_rejected(
        payout=payout.id,
        institution=payout.institution,
        merchant=payout.merchant_id,
        amount_fen=payout.amount_fen,
    )
    _due_again(tx, payout, _book(tx, payout, "payout_rejected", lines, event="payout.failed"))


def give_back(tx: Transaction, payout_id: str, *, failure: str) -> Payout:
    """A paid payout came back, such as from a closed account: the claim goes into the next batch.

    Raises ``WrongState`` unless the payout was paid. Idempotent.
    """
    payout = _locked(tx, payout_id)
    if payout.status == "paid":
        moved_fen = None if payout.moved_fen is None else 0
        note(tx, payout, SAID["returned"], failure=failure, moved_fen=moved_fen)
    _give_back(tx, payout, failure)
    return payout


def _give_back(tx: Transaction, payout: Payout, failure: str) -> None:
    if payout.status == "returned":
        return
    if payout.status != "paid":
        raise WrongState(
            f"The payout is {payout.status}: only a paid payout can be returned.", param="payout"
        )
    payout.status, payout.failure = "returned", failure
    payout.moved_fen = None if payout.moved_fen is None else 0
    lines = postings.payout_returned(
        payout=payout.id, funder=payout.funder, merchant=payout.merchant_id, amount_fen=payout.amount_fen
    )
    _due_again(tx, payout, _book(tx, payout, "payout_returned", lines, event="payout.failed"))


def _until_banking(tx: Transaction, tenant: Tenant, working_days: WorkingDays) -> outbox.Later | None:
    """What to raise on a day without banking, by the merchant's time; None on the others."""
    business_clock.enter(tx, tenant)
    today = shanghai_date(tx.now)
    banking = working_day_from(today, working_days)
    if banking == today:
        return None
    opens = datetime.combine(banking, time(), SHANGHAI)
    return outbox.Later(f"waits for {banking}, the next banking day", at=tx.wall + (opens - tx.now))


def _locked(tx: Transaction, payout_id: str) -> Payout:
    payout = tx.exec(select(Payout).where(Payout.id == payout_id).with_for_update()).one()
    business_clock.enter(tx, Tenant.of(payout))
    return payout


def _book(tx: Transaction, payout: Payout, kind: str, lines: postings.Entries, *, event: str) -> str:
    """Post what became of a payout and tell the merchant; returns the entry's id."""
    tenant = Tenant.of(payout)
    tx.add(payout)
    entry_id = ledger.book(tx, tenant, ledger.Event(kind, ("payout", payout.id), lines))
    tx.flush()
    events.record(tx, tenant, event, object_id=payout.id, data=PAYOUT_ANSWER.dump(payout_view(payout)))
    return entry_id


def _due_again(tx: Transaction, payout: Payout, entry_id: str) -> None:
    add_line(
        tx,
        Tenant.of(payout),
        kind="payout_returned",
        object_id=payout.id,
        amount_fen=payout.amount_fen,
        entry_id=entry_id,
    )


def _instruction(tx: Transaction, vault: Vault, payout: Payout) -> Instruction:
    """What the institution is told, or asked about: to where, and in test mode how it ends and what day it is."""
    business_clock.enter(tx, Tenant.of(payout))
    return Instruction(
        "payout",
        payout.reference or payout.id,
        mode_of(payout.mode),
        payout.merchant_id,
        payout.amount_fen,
        account=payout_accounts.number_for(tx, vault, payout.merchant_id, payout.account_id),
        test_failure=_played_failure(tx, payout),
        at=tx.now if payout.mode == "test" else None,
    )


def _with_account(tx: Transaction, vault: Vault, payout_id: str) -> Instruction:
    """Name, once and before the first sending, the account that is in force now: each later look names the same."""
    payout = _locked(tx, payout_id)
    account = payout_accounts.in_force(tx, Tenant.of(payout))
    if payout.account_id is None and account is not None:
        payout.account_id = account.id
        tx.add(payout)
        tx.flush()
    return _instruction(tx, vault, payout)


def _heard_from(gateway: Gateway, payout_id: str, ask: Callable[[], Answer]) -> Answer:
    """The answer; that there was none is kept, and raised as ``InstitutionUnavailable``: it is not a failure."""
    try:
        return ask()
    except InstitutionUnavailable:
        gateway.db.write(lambda tx: note(tx, _locked(tx, payout_id), UNKNOWN))
        raise


def _looked_up(gateway: Gateway, instruction: Instruction) -> Answer:
    answer = gateway.ports.institution.look_up(instruction)
    if answer is None:
        raise InstitutionUnavailable(
            f"The institution does not know the payout {instruction.reference} any more."
        )
    return instructing.understood(instruction, answer)


def _hear_first(tx: Transaction, gateway: Gateway, payout_id: str, answer: Answer) -> Payout:
    """Hear the answer, and where it ends the payout, ask on for some days whether it comes back."""
    payout = hear(tx, payout_id, answer)
    tells = getattr(gateway.ports.unguarded("institution"), "tells_returns", False)
    days = gateway.settings.payout_watch_days
    if payout.status in ("paid", "failed") and tells and days:
        until = (tx.now + timedelta(days=days)).isoformat()
        told = {"payout": payout.id, "until": until}
        outbox.put(tx, WATCH_TOPIC, told, tenant=Tenant.of(payout), at=tx.wall + A_DAY)
    return payout


def _look_again(gateway: Gateway, item: OutboxItem, payout: Payout) -> None:
    """Raise what lets an open payout be asked about again: a fault where another amount has moved, else patience."""
    if payout.moved_fen:
        raise InstitutionUnavailable(
            f"The institution has moved {payout.moved_fen} fen for {payout.id} instead of {payout.amount_fen}: it is "
            "not booked as paid. Have the institution put it right under the same reference."
        )
    waits = outbox.RETRY_AFTER_SECONDS
    seconds = waits[min(item.attempts, len(waits)) - 1]
    raise outbox.Later(
        "in transit: accepted and not paid yet", at=gateway.clock() + timedelta(seconds=seconds)
    )


def _accept(tx: Transaction, payout: Payout, *, sent: bool) -> None:
    if sent:
        payout.status, payout.in_transit_at = "in_transit", tx.now
        tx.add(payout)
        tx.flush()


def _played_failure(tx: Transaction, payout: Payout) -> str | None:
    query = select(SettlementLine.test_failure).where(
        SettlementLine.batch_id == payout.settlement_id, col(SettlementLine.test_failure).is_not(None)
    )
    return tx.exec(query.limit(1)).first() if payout.mode == "test" else None
