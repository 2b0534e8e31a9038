"""Settlement terms: what is agreed with a merchant in a mode from a day on, else what the settings say for everybody.

Terms are only added, and begin tomorrow at the earliest: what was captured or settled before stays as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlmodel import Text, cast, col, func, select

from gateway.core import calendar
from gateway.core.calendar import SHANGHAI, WorkingDays, shanghai_date
from gateway.core.money import parse_rate
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.errors import InvalidRequest
from gateway.merchants import service as merchants
from gateway.settlement.models import SettlementBatch, SettlementTerms

if TYPE_CHECKING:
    from gateway.config import Settings

LONGEST_T_PLUS = 30
HIGHEST_MINIMUM_FEN = 1_000_000_000
LARGEST_RESERVE_FEN = 1_000_000_000_000
LONGEST_DAYS = 365
INVOICE_DUE_DAYS = 15
DAYS = ("banking", "calendar")


@dataclass(frozen=True, slots=True)
class Terms:
    """What is agreed. Amounts in fen; ``id`` and ``valid_from`` are None in the standard terms."""

    t_plus: int
    cutoff: str
    days: str = "banking"
    minimum_payout_fen: int = 0
    reserve_rate: str = "0"
    reserve_days: int = 30
    reserve_most_fen: int | None = None
    invoice_after_days: int | None = None
    invoice_due_days: int = INVOICE_DUE_DAYS
    id: str | None = None
    valid_from: date | None = None
    created_at: datetime | None = None

    def settlement_date(self, captured_at: datetime, working_days: WorkingDays) -> date:
        """The day on which what was captured at a moment is settled: a banking day."""
        return calendar.settlement_date(
            captured_at, self.t_plus, self.cutoff, working_days, banking=self.days == "banking"
        ).settlement_date

    def may_close(self, on: date, now: datetime) -> bool:
        """Whether the batch of a day may close now: with T+0 what is captured before the cut-off still joins it."""
        local = now.astimezone(SHANGHAI)
        return self.t_plus > 0 or on != local.date() or local.time() >= time.fromisoformat(self.cutoff)


NAMES = tuple(name for name in Terms.__dataclass_fields__ if name not in ("id", "valid_from", "created_at"))
"""What is agreed, as columns of the table."""


def standard(settings: Settings) -> Terms:
    """The terms of merchants with whom nothing else was agreed."""
    return Terms(settings.settlement_t_plus, settings.settlement_cutoff)


def in_force(tx: Transaction, tenant: Tenant, on: date, standard: Terms) -> Terms:
    """The terms of a merchant on a day (Shanghai)."""
    row = tx.exec(_of_tenant(tenant).where(SettlementTerms.valid_from <= on).limit(1)).first()
    if row is not None:
        return _of_row(row)
    merchant = merchants.get(tx, tenant.merchant_id)
    if merchant.reserve_rate is None:
        return standard
    return replace(standard, reserve_rate=merchant.reserve_rate, reserve_days=merchant.reserve_days or 0)


def minimum_payout_fen(tx: Transaction, batch: SettlementBatch) -> int:
    """The least that a batch paid out, by the terms under which it closed."""
    return tx.get_one(SettlementTerms, batch.terms_id).minimum_payout_fen if batch.terms_id else 0


def has_own(tx: Transaction, merchant_id: str) -> bool:
    """Whether terms were agreed with a merchant in either mode."""
    query = select(SettlementTerms.id).where(SettlementTerms.merchant_id == merchant_id)
    return tx.exec(query.limit(1)).first() is not None


def history(tx: Transaction, tenant: Tenant, *, limit: int) -> list[Terms]:
    """What was agreed, the newest day first."""
    return [_of_row(row) for row in tx.exec(_of_tenant(tenant).limit(limit))]


def day_of_payout(
    tx: Transaction, tenant: Tenant, amount_fen: int, *, today: date, standard: Terms
) -> date | None:
    """The first day from today on whose terms pay out what is carried; None when none that is known does."""
    if amount_fen >= in_force(tx, tenant, today, standard).minimum_payout_fen:
        return today
    coming = select(func.min(SettlementTerms.valid_from)).where(
        SettlementTerms.merchant_id == tenant.merchant_id,
        SettlementTerms.mode == tenant.mode,
        SettlementTerms.valid_from > today,
        SettlementTerms.minimum_payout_fen <= amount_fen,
    )
    return tx.exec(coming).one()


def agree(
    tx: Transaction,
    tenant: Tenant,
    *,
    valid_from: date | None,
    changes: Mapping[str, Any],
    standard: Terms,
) -> tuple[Terms, Terms]:
    """Agree terms from a day on, tomorrow unless said otherwise; returns those of that day before, and the new ones.

    What ``changes`` does not name stays as it is on that day. Raises ``InvalidRequest`` or ``NotFound``; then nothing
    has changed.
    """
    merchants.lock(tx, merchants.get(tx, tenant.merchant_id).id)
    day, before, wanted = foreseen(tx, tenant, valid_from=valid_from, changes=changes, standard=standard)
    row = SettlementTerms(
        id=tx.new_id("stt"),
        merchant_id=tenant.merchant_id,
        mode=tenant.mode,
        valid_from=day,
        created_at=tx.now,
        **{name: getattr(wanted, name) for name in NAMES},
    )
    tx.add(row)
    tx.flush()
    return before, _of_row(row)


def foreseen(
    tx: Transaction,
    tenant: Tenant,
    *,
    valid_from: date | None,
    changes: Mapping[str, Any],
    standard: Terms,
) -> tuple[date, Terms, Terms]:
    """What ``agree`` would do now: from which day, in place of which terms, and the terms then. Raises as it does."""
    merchants.get(tx, tenant.merchant_id)
    tomorrow = shanghai_date(tx.now) + timedelta(days=1)
    day = valid_from or tomorrow
    if day < tomorrow:
        raise InvalidRequest(
            f"Terms from {day} on would change what is settled already: the first day can be {tomorrow}.",
            param="valid_from",
        )
    before = in_force(tx, tenant, day, standard)
    return day, before, _checked(replace(before, **changes))


def changed(before: Terms, after: Terms) -> dict[str, Any]:
    """What differs in what is agreed."""
    old, new = asdict(before), asdict(after)
    return {name: new[name] for name in NAMES if old[name] != new[name]}


def read_along(query: Any, merchant_id: Any, mode: Any, on: date) -> Any:
    """``query`` with what says when a capture of a day is settled read along, for ``read``."""
    text = (
        cast(SettlementTerms.t_plus, Text)
        + " "
        + col(SettlementTerms.days)
        + " "
        + col(SettlementTerms.cutoff)
    )
    found = select(text).where(
        SettlementTerms.merchant_id == merchant_id,
        SettlementTerms.mode == mode,
        SettlementTerms.valid_from <= on,
    )
    newest = found.order_by(col(SettlementTerms.valid_from).desc(), col(SettlementTerms.id).desc()).limit(1)
    return query.add_columns(newest.scalar_subquery())


def read(said: str | None, standard: Terms) -> Terms:
    """Terms of which only is known when a capture is settled, as ``read_along`` has read them."""
    if said is None:
        return standard
    t_plus, days, cutoff = said.split(" ")
    return replace(standard, t_plus=int(t_plus), days=days, cutoff=cutoff)


def view(terms: Terms, mode: str) -> dict[str, Any]:
    """The terms as the API shows them; amounts in fen."""
    return {
        "id": terms.id,
        "mode": mode,
        "valid_from": terms.valid_from.isoformat() if terms.valid_from else None,
        "t_plus": terms.t_plus,
        "days": terms.days,
        "cutoff": terms.cutoff,
        "minimum_payout": terms.minimum_payout_fen,
        "reserve_rate": terms.reserve_rate,
        "reserve_days": terms.reserve_days,
        "reserve_most": terms.reserve_most_fen,
        "invoice_after_days": terms.invoice_after_days,
        "invoice_due_days": terms.invoice_due_days,
        "created_at": terms.created_at,
    }


def row_view(row: SettlementTerms) -> dict[str, Any]:
    """A row of the list of terms as the API shows it."""
    return view(_of_row(row), row.mode)


def _of_tenant(tenant: Tenant) -> Any:
    query = select(SettlementTerms).where(
        SettlementTerms.merchant_id == tenant.merchant_id, SettlementTerms.mode == tenant.mode
    )
    return query.order_by(col(SettlementTerms.valid_from).desc(), col(SettlementTerms.id).desc())


def _of_row(row: SettlementTerms) -> Terms:
    own = {name: getattr(row, name) for name in NAMES}
    return Terms(**own, id=row.id, valid_from=row.valid_from, created_at=row.created_at)


def _checked(terms: Terms) -> Terms:
    """The terms in their one form. Raises ``InvalidRequest`` naming what cannot be agreed."""
    _whole(terms.t_plus, "t_plus", 0, LONGEST_T_PLUS, "days")
    _whole(terms.minimum_payout_fen, "minimum_payout", 0, HIGHEST_MINIMUM_FEN, "fen")
    _whole(terms.reserve_days, "reserve_days", 1, LONGEST_DAYS, "days")
    _whole(terms.invoice_due_days, "invoice_due_days", 1, LONGEST_DAYS, "days")
    if terms.invoice_after_days is not None:
        _whole(terms.invoice_after_days, "invoice_after_days", 1, LONGEST_DAYS, "days")
    if terms.reserve_most_fen is not None:
        _whole(terms.reserve_most_fen, "reserve_most", 0, LARGEST_RESERVE_FEN, "fen")
    if terms.days not in DAYS:
        raise InvalidRequest(f"{terms.days!r} is not valid: expected {' or '.join(DAYS)}.", param="days")
    try:
        cutoff = time.fromisoformat(terms.cutoff)
        if len(terms.cutoff) != len("HH:MM") or cutoff.tzinfo:
            raise ValueError
    except ValueError:
        raise InvalidRequest(
            f"{terms.cutoff!r} is not a time of day such as 17:00.", param="cutoff"
        ) from None
    try:
        rate = parse_rate(terms.reserve_rate, "reserve rate")
    except ValueError as error:
        raise InvalidRequest(f"{error}.", param="reserve_rate") from None
    if not Decimal(0) <= rate <= merchants.HIGHEST_RESERVE:
        raise InvalidRequest(
            f"A reserve can be at most {merchants.HIGHEST_RESERVE} of captures, not {terms.reserve_rate}.",
            param="reserve_rate",
        )
    return terms


def _whole(value: int, name: str, low: int, high: int, unit: str) -> None:
    if not low <= value <= high:
        raise InvalidRequest(f"{value} is not valid: expected {low} to {high} {unit}.", param=name)
