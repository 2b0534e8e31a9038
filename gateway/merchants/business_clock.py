"""Test clocks: a merchant in test mode moves its own business time ahead, and everything of its follows.

Due dates, expiries and settlement dates follow the clock; keys, tokens, deliveries and their signatures never do.
The clock runs on while it stands at its new time, so pages with a reading time work as ever.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import bindparam
from sqlalchemy import select as select_columns
from sqlmodel import SQLModel, col, select

from gateway.core.tenant import Tenant
from gateway.db.parts import in_parts
from gateway.db.transactions import Transaction
from gateway.errors import NotFound, WrongState
from gateway.merchants.models import TestClock

FURTHEST = timedelta(days=3 * 366)
"""How far ahead of the machine's time a clock may stand: the longest plan and a year of delinquency fit in."""
CLOCK = SQLModel.metadata.tables["test_clock"]
OFFSETS = "offsets of test clocks"
OFFSET = select_columns(CLOCK.c.offset_seconds).where(CLOCK.c.merchant_id == bindparam("merchant"))


def enter(tx: Transaction, tenant: Tenant) -> None:
    """Let the transaction's ``now`` be the tenant's business time, which is looked up when it is first wanted."""
    tx.now = partial(business_now, tx, tenant) if tenant.mode == "test" else tx.wall


def business_now(tx: Transaction, tenant: Tenant) -> datetime:
    """The tenant's business time (UTC): the machine's, unless a test clock is ahead of it. Read once a transaction."""
    if tenant.mode != "test":
        return tx.wall
    offsets = tx.info.setdefault(OFFSETS, {})
    if tenant.merchant_id not in offsets:
        offset = tx.connection().execute(OFFSET, {"merchant": tenant.merchant_id}).scalar_one_or_none()
        offsets[tenant.merchant_id] = offset or 0
    return tx.wall + timedelta(seconds=offsets[tenant.merchant_id])


def read_along(query: Any, merchant_id: Any) -> Any:
    """``query`` with how far the test clock of the merchant that it names is ahead, for ``enter_read``."""
    offset = select_columns(CLOCK.c.offset_seconds).where(CLOCK.c.merchant_id == merchant_id)
    return query.add_columns(offset.scalar_subquery().label("clock_offset"))


def enter_read(tx: Transaction, tenant: Tenant, offset: int | None) -> None:
    """As ``enter``, with what ``read_along`` has read."""
    tx.info.setdefault(OFFSETS, {})[tenant.merchant_id] = offset or 0
    tx.now = business_now(tx, tenant)


def read_ahead(tx: Transaction, merchant_ids: Collection[str]) -> None:
    """Read how far the test clocks of some merchants are ahead in one question, for ``business_now``."""
    offsets = tx.info.setdefault(OFFSETS, {})
    for part in in_parts(sorted(set(merchant_ids) - offsets.keys())):
        query = select(TestClock.merchant_id, TestClock.offset_seconds)
        found = dict(tx.exec(query.where(col(TestClock.merchant_id).in_(part))).all())
        offsets.update({merchant: found.get(merchant, 0) for merchant in part})


def tenants(tx: Transaction, *, status: str = "ready") -> list[Tenant]:
    """Merchants with a test clock that stands still; an advancing one runs the jobs of its days itself."""
    query = select(TestClock.merchant_id).where(TestClock.status == status)
    return [Tenant(merchant, "test") for merchant in tx.exec(query)]


def create(tx: Transaction, tenant: Tenant, *, name: str) -> TestClock:
    """The merchant's test clock, standing at the machine's time. Raises ``WrongState`` when there is one already."""
    _only_in_test(tenant)
    known = tx.exec(_of(tenant)).first()
    if known is not None:
        raise WrongState(f"A test clock already exists: {known.id}. Advance it instead.", test_clock=known.id)
    clock = TestClock(
        id=tx.new_id("clk"),
        merchant_id=tenant.merchant_id,
        mode=tenant.mode,
        name=name,
        status="ready",
        offset_seconds=0,
        created_at=tx.wall,
    )
    tx.add(clock)
    tx.flush()
    return clock


def get(tx: Transaction, tenant: Tenant, clock_id: str) -> TestClock:
    """The merchant's test clock. Raises ``NotFound``, also in live mode."""
    return _one(tx, _of(tenant).where(TestClock.id == clock_id), tenant, clock_id)


def _one(tx: Transaction, query: Any, tenant: Tenant, clock_id: str) -> TestClock:
    _only_in_test(tenant)
    clock: TestClock | None = tx.exec(query).first()
    if clock is None:
        raise NotFound(f"There is no test clock {clock_id!r}.")
    return clock


def by_id(tx: Transaction, clock_id: str) -> TestClock:
    """The clock, for the worker."""
    return tx.get_one(TestClock, clock_id)


def start_advance(tx: Transaction, tenant: Tenant, clock_id: str, *, to: datetime) -> TestClock:
    """Note where the clock is to go; the worker takes it there day by day.

    Raises ``WrongState`` while it is on its way or when ``to`` does not lie ahead, at most three years from now.
    """
    clock = _one(tx, _of(tenant).where(TestClock.id == clock_id).with_for_update(), tenant, clock_id)
    if clock.status == "advancing":
        raise WrongState("The clock is advancing: wait until its status is ready.", param="test_clock")
    now = time_of(tx, clock)
    if not now < to <= tx.wall + FURTHEST:
        raise WrongState(
            f"The clock is at {now:%Y-%m-%dT%H:%M:%SZ} and can only move forward, at most to "
            f"{tx.wall + FURTHEST:%Y-%m-%dT%H:%M:%SZ}.",
            param="to",
        )
    clock.status, clock.advance_to = "advancing", to
    tx.add(clock)
    return clock


def step(tx: Transaction, clock_id: str, *, to: datetime) -> TestClock:
    """Move the clock to ``to``, or to its goal if that is nearer; it is ready when it has reached it."""
    clock = tx.exec(select(TestClock).where(TestClock.id == clock_id).with_for_update()).one()
    if clock.advance_to is not None:
        reached = min(to, clock.advance_to)
        # Rounded up, so that a goal such as midnight is reached and not missed by a fraction.
        clock.offset_seconds = max(clock.offset_seconds, -int(-(reached - tx.wall).total_seconds() // 1))
        tx.info.pop(OFFSETS, None)
        tx.add(clock)
    return clock


def arrived(tx: Transaction, clock_id: str) -> bool:
    """Whether the clock has reached its goal; then it is ready."""
    clock = tx.exec(select(TestClock).where(TestClock.id == clock_id).with_for_update()).one()
    if clock.advance_to is not None and time_of(tx, clock) < clock.advance_to:
        return False
    clock.status, clock.advance_to = "ready", None
    tx.add(clock)
    return True


def time_of(tx: Transaction, clock: TestClock) -> datetime:
    """Where the clock stands (UTC)."""
    return tx.wall + timedelta(seconds=clock.offset_seconds)


def view(tx: Transaction, clock: TestClock) -> dict[str, Any]:
    """The clock as the API shows it."""
    return {
        "id": clock.id,
        "mode": clock.mode,
        "name": clock.name,
        "status": clock.status,
        "now": time_of(tx, clock),
        "advance_to": clock.advance_to,
        "created_at": clock.created_at,
    }


def _of(tenant: Tenant) -> Any:
    return select(TestClock).where(TestClock.merchant_id == tenant.merchant_id)


def _only_in_test(tenant: Tenant) -> None:
    if tenant.mode != "test":
        raise NotFound("Test clocks exist in test mode only.")
