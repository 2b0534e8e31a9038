"""The jobs of the day, and the way of a test clock through the days.

There are two kinds of job, and a job is one or the other by the list it stands in. A tenant's job names merchant
and mode in every query and runs at the merchant's business time, which a test clock may have moved; a global job
belongs to no merchant and runs at the machine's time. Each is safe to run twice, late or in parallel: what it does is
keyed by what it is about, and it does what is right today whatever it did before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from itertools import dropwhile, product
from typing import TYPE_CHECKING, Any, TypeVar

from gateway.audit import service as audit
from gateway.checkout import service as checkouts
from gateway.core.calendar import SHANGHAI, shanghai_date, working_day_from
from gateway.core.tenant import MODES, Tenant
from gateway.data_requests import retention
from gateway.db.transactions import READ_COMMITTED, SERIALIZABLE, Level, Transaction
from gateway.decision import links
from gateway.errors import InvalidRequest
from gateway.ledger.integrity import chain, trees
from gateway.loans import billing
from gateway.loans import closing as loan_closing
from gateway.merchants import business_clock
from gateway.messages import service as messages
from gateway.monitoring import metrics
from gateway.oauth.tokens import replay_guard
from gateway.outbox import service as outbox
from gateway.payments import deadlines
from gateway.payments.collections import service as collections
from gateway.payments.disputes import service as disputes
from gateway.payments.milestones import jobs as milestones
from gateway.payments.telling import due as instalments_due
from gateway.payments.telling import happened
from gateway.process import due
from gateway.roots import pushing
from gateway.settlement import closing, invoices, payouts, terms
from gateway.settlement import service as settlement
from gateway.web.context import Gateway
from gateway.webhooks.delivery import history, setbacks

if TYPE_CHECKING:
    from gateway.outbox.models import OutboxItem

T = TypeVar("T")
STEPS_A_SWEEP = 200
"""The most steps of one global job; what is left is done in the next sweep, which then follows at once."""


@dataclass(frozen=True, slots=True)
class TenantJob:
    """A job of one merchant in one mode. ``step`` does a bounded part and returns where to go on, None at the end.

    ``is_due`` reads whether there is something to do, by what ``step`` itself looks for: else nothing opens to write.
    """

    name: str
    step: Callable[[Transaction, Gateway, Tenant, str], str | None]
    is_due: due.Due
    level: Level = SERIALIZABLE


@dataclass(frozen=True, slots=True)
class GlobalJob:
    """A job of the whole gateway at the machine's time. ``step`` does a bounded part; true when there may be more."""

    name: str
    step: Callable[[Gateway], bool]


def _until_nothing(count: Callable[[Transaction, Gateway, Tenant], int]) -> Callable[..., str | None]:
    """A step that is repeated until it finds nothing more to do."""
    return lambda tx, gateway, tenant, after: "" if count(tx, gateway, tenant) else None


def _once(job: Callable[[Transaction, Gateway, Tenant], object]) -> Callable[..., str | None]:
    def step(tx: Transaction, gateway: Gateway, tenant: Tenant, after: str) -> None:
        job(tx, gateway, tenant)

    return step


def _today(tx: Transaction) -> date:
    return shanghai_date(tx.now)


TENANT_JOBS: tuple[TenantJob, ...] = (
    TenantJob(
        "expire checkouts",
        _until_nothing(lambda tx, gateway, tenant: checkouts.expire_due(tx, tenant)),
        due.to_expire,
    ),
    TenantJob(
        "remind of, void and expire payments",
        _until_nothing(lambda tx, gateway, tenant: deadlines.pass_due(tx, tenant)),
        due.to_pass,
    ),
    TenantJob(
        "bill and collect",
        _until_nothing(
            lambda tx, gateway, tenant: collections.bill_and_collect(tx, tenant, today=_today(tx))
        ),
        due.to_bill,
    ),
    TenantJob(
        "accrue late interest",
        lambda tx, gateway, tenant, after: collections.accrue_late(tx, tenant, today=_today(tx), after=after),
        due.late,
    ),
    TenantJob(
        "plan reminders",
        lambda tx, gateway, tenant, after: instalments_due.plan(tx, tenant, after=after),
        due.to_remind,
        READ_COMMITTED,
    ),
    TenantJob(
        "collect again",
        _once(lambda tx, gateway, tenant: collections.collect_again(tx, tenant, today=_today(tx))),
        due.late,
    ),
    TenantJob(
        "write off",
        _until_nothing(
            lambda tx, gateway, tenant: loan_closing.write_off_due(
                tx, tenant=tenant, days=gateway.settings.write_off_days
            )
        ),
        due.to_write_off,
    ),
    TenantJob(
        "mark defaults",
        _once(lambda tx, gateway, tenant: links.note_defaults(tx, tenant=tenant)),
        due.to_mark,
    ),
    TenantJob(
        "lose unanswered disputes",
        _once(lambda tx, gateway, tenant: disputes.lose_unanswered(tx, tenant)),
        due.to_lose,
    ),
    TenantJob(
        "stop stages",
        _until_nothing(lambda tx, gateway, tenant: milestones.stop_due(tx, tenant, gateway.settings)),
        due.to_stop,
    ),
    TenantJob(
        "release stages",
        _until_nothing(lambda tx, gateway, tenant: milestones.release_due(tx, tenant)),
        due.to_release,
        READ_COMMITTED,
    ),
    TenantJob(
        "close the batch",
        _once(lambda tx, gateway, tenant: _close(tx, gateway, tenant, on=_today(tx))),
        due.to_settle,
        READ_COMMITTED,
    ),
    TenantJob(
        "invoice what is owed",
        _once(
            lambda tx, gateway, tenant: invoices.open_due(
                tx, tenant, on=_today(tx), standard=terms.standard(gateway.settings)
            )
        ),
        due.to_invoice,
        READ_COMMITTED,
    ),
    TenantJob(
        "tell shoppers",
        _until_nothing(lambda tx, gateway, tenant: happened.tell(tx, tenant)),
        due.to_tell,
        READ_COMMITTED,
    ),
)
"""In this order: what falls due is announced before it is billed, collected before it is late, and what has happened is
told last.

Whoever has work for a job is found by ``tenants_with_work``, and a test clock stops for it by ``_next_stop``: a new job
has its line in both."""


def _whole(gateway: Gateway, job: Callable[[Transaction], object]) -> bool:
    """A global job that is done in one step."""
    gateway.db.write(job)
    return False


def _mend_setbacks(gateway: Gateway) -> bool:
    setbacks.mend(gateway.db)
    return False


def _extend_chain(gateway: Gateway) -> bool:
    chain.extend(gateway.db)
    return False


def _grow_trees(gateway: Gateway) -> bool:
    trees.grow(gateway.db)
    return False


CHAINS = (audit.CHAIN, chain.CHAIN, trees.TREES)
"""What is signed every few minutes."""


def sign_heads(gateway: Gateway, *, at_once: bool = False) -> None:
    """Sign where each chain stands; one that no longer holds what was signed is named, and stops no other."""
    failures: list[Exception] = []
    for signable in CHAINS:
        _note_failure(failures, partial(pushing.sign, gateway, signable, at_once=at_once))
    _raise(failures, "chains were not signed")


def sign_now(gateway: Gateway) -> None:
    """Chain what is new, make a tree over it and sign where everything stands, without waiting for its time."""
    chain.extend(gateway.db)
    trees.grow(gateway.db, at_once=True)
    sign_heads(gateway, at_once=True)


def _sign_heads(gateway: Gateway) -> bool:
    sign_heads(gateway)
    return False


GLOBAL_JOBS: tuple[GlobalJob, ...] = (
    GlobalJob("mend what a fast clock put off", _mend_setbacks),
    GlobalJob("forget spent proofs", lambda gateway: _whole(gateway, replay_guard.forget_expired)),
    GlobalJob("clear cured defaults", lambda gateway: _whole(gateway, links.clear_cured)),
    GlobalJob("delete what has served its purpose", retention.sweep),
    GlobalJob("delete old deliveries", lambda gateway: gateway.db.write(history.forget_old) > 0),
    GlobalJob(
        "delete what merchants answered",
        lambda gateway: history.forget_old_answers(gateway.db, days=gateway.settings.webhook_answer_days),
    ),
    GlobalJob("extend the chain of the ledger", _extend_chain),
    GlobalJob("make trees over the chain of the ledger", _grow_trees),
    GlobalJob("sign where the chains stand", _sign_heads),
)


def sweep(gateway: Gateway) -> bool:
    """All jobs for everybody who has something to do; true when something is left for the next sweep.

    A job that fails stops no other merchant's and no other job: what failed is raised when all have had their turn.
    """
    failures: list[Exception] = []
    left = False
    unfinished: set[tuple[str, str]] = set()
    for tenant in tenants_with_work(gateway):
        _note_failure(failures, partial(run_day, gateway, tenant, unfinished))
    for mode, tenant_job in product(MODES, TENANT_JOBS):
        if (tenant_job.name, mode) not in unfinished:
            metrics.job_done(tenant_job.name, mode, gateway.clock().timestamp())
    for job in GLOBAL_JOBS:
        left |= bool(_note_failure(failures, partial(_run_global, gateway, job)))
    _raise(failures, "jobs of the sweep failed")
    return left


def tenants_with_work(gateway: Gateway) -> list[Tenant]:
    """Merchants with something to do now, live before test; one whose clock is ahead of the machine's always may."""
    with gateway.db.read() as tx:
        today = shanghai_date(tx.wall)
        tenants = {
            *checkouts.tenants_with_due(tx),
            *deadlines.tenants_with_due(tx),
            *billing.tenants_with_work(tx, today=today),
            *closing.tenants_with_open_lines(tx, on=today),
            *invoices.tenants_with_debts(tx, on=today),
            *disputes.tenants_with_unanswered(tx),
            *milestones.tenants_with_due(tx, today=today),
            *instalments_due.tenants_with_work(tx, today=today),
            *business_clock.tenants(tx),
        }
        tenants -= {*business_clock.tenants(tx, status="advancing")}
    return sorted(tenants, key=lambda tenant: (tenant.mode, tenant.merchant_id))


def run_day(gateway: Gateway, tenant: Tenant, unfinished: set[tuple[str, str]] | None = None) -> None:
    """Run the jobs of one merchant's day that have something to do, each until it is done.

    ``unfinished`` gets the name and mode of those that a failure keeps from their end.
    """
    to_come = list(TENANT_JOBS)
    try:
        while to_come := _from_the_next(gateway, tenant, to_come):
            with metrics.job(to_come[0].name, tenant.mode):
                run_job(gateway, to_come[0], tenant)
            to_come = to_come[1:]
    finally:
        if unfinished is not None:
            unfinished |= {(job.name, str(tenant.mode)) for job in to_come}


def _from_the_next(gateway: Gateway, tenant: Tenant, jobs: list[TenantJob]) -> list[TenantJob]:
    """What is left of jobs from the first one on that has something to do now, after all before it have run."""
    if not jobs:
        return []
    with gateway.db.read() as tx:
        business_clock.enter(tx, tenant)
        return list(dropwhile(lambda job: not job.is_due(tx, gateway, tenant), jobs))


def run_job(gateway: Gateway, job: TenantJob, tenant: Tenant) -> None:
    """One job of one merchant, in steps with a transaction each at the merchant's business time."""
    after: str | None = ""
    while after is not None:
        step = partial(_step, job=job, gateway=gateway, tenant=tenant, after=after)
        after = _at(gateway, tenant, step, job.level)


def settle(gateway: Gateway, on: date) -> list[dict[str, Any]]:
    """Close every merchant's batch of ``on`` (Shanghai), each in its own transaction; returns the new ones.

    A day that has not come yet is closed in test mode only: live money is never paid early. Raises ``InvalidRequest``
    for a day without banking.
    """
    working_days = gateway.ports.working_days
    if not working_days.is_working_day(on):
        opens = working_day_from(on, working_days)
        raise InvalidRequest(
            f"{on} ({on:%A}) is not a banking day: nothing is settled or paid out. The next banking day is "
            f"{opens}.",
            param="date",
        )
    closing.refuse_closed_month(on, today=shanghai_date(gateway.clock()))
    early = on > shanghai_date(gateway.clock())
    with gateway.db.read() as tx:
        tenants = closing.tenants_with_open_lines(tx, on=on)
    closed = [
        _at(gateway, tenant, partial(_close, gateway=gateway, tenant=tenant, on=on), READ_COMMITTED)
        for tenant in tenants
        if tenant.mode == "test" or not early
    ]
    return [row for row in closed if row is not None]


def advance(gateway: Gateway, item: OutboxItem, *, drain: Callable[[Tenant], None]) -> None:
    """Take a test clock to its goal, stopping at noon of every day on the way that has something to do.

    ``drain`` carries out what waits, and then what each day has instructed for the merchant before the next begins.
    After a crash the clock goes on from where it stands.
    """
    clock_id = item.payload["test_clock"]
    with gateway.db.read() as tx:
        whose = Tenant.of(business_clock.by_id(tx, clock_id))
    drain(whose)
    while True:
        tenant = gateway.db.write(partial(_step_clock, gateway=gateway, clock_id=clock_id))
        run_day(gateway, tenant)
        drain(tenant)
        if gateway.db.write(lambda tx: business_clock.arrived(tx, clock_id)):
            return


def _step(tx: Transaction, *, job: TenantJob, gateway: Gateway, tenant: Tenant, after: str) -> str | None:
    return job.step(tx, gateway, tenant, after)


def _step_clock(tx: Transaction, *, gateway: Gateway, clock_id: str) -> Tenant:
    """Move the clock to its next stop, where its merchant's waiting rows fall due."""
    clock = business_clock.step(tx, clock_id, to=_next_stop(tx, gateway, clock_id))
    tenant = Tenant.of(clock)
    outbox.wake(tx, tenant)
    return tenant


def _next_stop(tx: Transaction, gateway: Gateway, clock_id: str) -> datetime:
    """The next noon at which the clock's merchant has something to do; ten years ahead when there is none.

    Where the day's batch closes after noon, it is that time.
    """
    clock = business_clock.by_id(tx, clock_id)
    tenant, now = Tenant.of(clock), business_clock.time_of(tx, clock)
    today = shanghai_date(now)
    moments, days = next_work(tx, gateway, tenant, today=today)
    # A moment up to noon is met at this noon, a later one at the next.
    half_a_day = timedelta(hours=12) - timedelta(microseconds=1)
    days += [shanghai_date(moment + half_a_day) for moment in moments]
    stop = max(min(days, default=today + timedelta(days=3653)), today)
    closes = closing.closes_at(tx, tenant, on=stop, standard=terms.standard(gateway.settings))
    at = datetime.combine(stop, max(time(12), closes), SHANGHAI)
    return at if at > now else at + timedelta(days=1)


def next_work(
    tx: Transaction, gateway: Gateway, tenant: Tenant, *, today: date
) -> tuple[list[datetime], list[date]]:
    """The moments (UTC) and days (Shanghai, from ``today``) at which the merchant's jobs have something to do next."""
    moments = (
        checkouts.next_work(tx, tenant),
        deadlines.next_work(tx, tenant),
        disputes.next_work(tx, tenant),
        milestones.next_release(tx, tenant),
        messages.next_moment(tx, tenant),
        payouts.watched(tx, tenant),
    )
    working_days, standard = gateway.ports.working_days, terms.standard(gateway.settings)
    dates = (
        billing.next_work(tx, tenant, today=today),
        instalments_due.next_work(tx, tenant),
        closing.next_work(tx, tenant, today=today, working_days=working_days, standard=standard),
        invoices.next_work(tx, tenant, today=today, standard=standard),
        milestones.next_stop(tx, tenant, gateway.settings),
    )
    return [moment for moment in moments if moment], [day for day in dates if day]


def _at(gateway: Gateway, tenant: Tenant, act: Callable[[Transaction], T], level: Level = SERIALIZABLE) -> T:
    """Run ``work`` in a transaction at the merchant's business time."""

    def at_its_time(tx: Transaction) -> T:
        business_clock.enter(tx, tenant)
        return act(tx)

    return gateway.db.write(at_its_time, level)


def _close(tx: Transaction, gateway: Gateway, tenant: Tenant, *, on: date) -> dict[str, Any] | None:
    row = closing.close_batch(
        tx,
        tenant,
        on=on,
        funder=gateway.settings.funder,
        working_days=gateway.ports.working_days,
        standard=terms.standard(gateway.settings),
    )
    return settlement.view(row) if row is not None else None


def _run_global(gateway: Gateway, job: GlobalJob) -> bool:
    with metrics.job(job.name, "all"):
        left = all(job.step(gateway) for _ in range(STEPS_A_SWEEP))
    metrics.job_done(job.name, "all", gateway.clock().timestamp())
    return left


def _raise(failures: list[Exception], told: str) -> None:
    """Raise what failed, all of it."""
    if len(failures) == 1:
        raise failures[0]
    if failures:
        raise ExceptionGroup(told, failures)


def _note_failure(failures: list[Exception], run: Callable[[], T]) -> T | None:
    try:
        return run()
    except Exception as failure:  # raised by the sweep, when the others have had their turn
        failures.append(failure)
        return None
