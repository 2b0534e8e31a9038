"""What the operator and the worker do, and what time does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from gateway.checkout import reviewing
from gateway.core.calendar import shanghai_date
from gateway.errors import InvalidRequest, Unavailable
from gateway.merchants import business_clock
from gateway.payments import subsidies
from gateway.payments.disputes import service as disputes
from gateway.process import daily, worker
from gateway.settlement import payouts
from gateway.webhooks.delivery import sending
from gateway.webhooks.delivery.dispatch import Dispatcher
from tests.simulator.acting import Step, action, attempt, paid_order

if TYPE_CHECKING:
    from tests.simulator.simulation import Simulation


@action("dispute")
def decide_dispute(sim: Simulation, step: Step) -> None:
    order = paid_order(sim, step)
    if order is None or not order.disputes:
        return
    tenant, dispute = sim.shops.tenant(order.shop), order.disputes[-1]

    def work(tx: Any) -> Any:
        business_clock.enter(tx, tenant)
        if step["outcome"] == "respond":
            return disputes.respond(tx, tenant, dispute, evidence="signed for")
        if step["outcome"] == "accept":
            return disputes.accept(tx, tenant, dispute)
        return disputes.resolve(tx, tenant, dispute, outcome=step["outcome"])

    attempt(sim, work)


@action("review")
def review(sim: Simulation, step: Step) -> None:
    """A person decides what waits: the oldest in review."""
    with sim.gateway.db.read() as tx:
        waiting = [row.id for row in reviewing.waiting(tx, None, after=None, limit=5)]
    if not waiting:
        return
    checkout_id = waiting[step["which"] % len(waiting)]
    work = partial(
        reviewing.resolve, gateway=sim.gateway, checkout_id=checkout_id, outcome=step["outcome"], by="lin"
    )
    if attempt(sim, work) is None and step["outcome"] == "approve":
        attempt(sim, lambda tx: work(tx, person="same"))


@action("settle")
def settle(sim: Simulation, step: Step) -> None:
    try:
        daily.settle(sim.gateway, shanghai_date(sim.world.clock.now) + timedelta(days=step.get("ahead", 0)))
    except InvalidRequest:
        sim.shops.log.append("a day without banking")
    except Unavailable:
        if not sim.world.points.happened:
            raise


@action("bounce")
def bounce(sim: Simulation, step: Step) -> None:
    """A paid payout comes back from the bank."""
    found = sim.rows("SELECT id FROM payout WHERE status = 'paid' ORDER BY id")
    if found:
        chosen = found[step["which"] % len(found)]["id"]
        sim.bounced.add(chosen)
        attempt(sim, lambda tx: payouts.give_back(tx, chosen, failure="account_closed"))


@action("programme")
def programme_pays(sim: Simulation, step: Step) -> None:
    """The subsidy programme pays what it owes of a capture, or says once more that it has."""
    order = paid_order(sim, step)
    if order is None:
        return
    tenant = sim.shops.tenant(order.shop)
    for row in sim.rows("SELECT id FROM subsidy_claim WHERE payment_id = :payment", payment=order.payment):

        def work(tx: Any, claim: str = row["id"]) -> Any:
            business_clock.enter(tx, tenant)
            return subsidies.receive(tx, tenant, claim)

        attempt(sim, work)


@action("pass")
def let_pass(sim: Simulation, step: Step) -> None:
    if step["minutes"] > 60:  # no shop waits for days before it sends again what it does not know
        for call in sim.shops.unknown():
            sim.shops.write(call)
    sim.world.clock.advance(minutes=step["minutes"])


@action("drain")
def drain(sim: Simulation, step: Step) -> None:
    worker.drain_outbox(sim.gateway)


@action("sweep")
def sweep(sim: Simulation, step: Step) -> None:
    daily.sweep(sim.gateway)


@action("day")
def day_of_one(sim: Simulation, step: Step) -> None:
    """The jobs of one merchant's day, and what they instruct."""
    tenant = sim.shops.tenant(step["shop"])
    daily.run_day(sim.gateway, tenant)
    worker.drain_of_clock(sim.gateway, tenant)


class _AtOnce:
    """An executor that runs every second call at once and loses none."""

    def __init__(self) -> None:
        self.waiting: list[Any] = []

    def submit(self, call: Callable[..., Any], /, *arguments: Any) -> None:
        self.waiting.append(lambda: call(*arguments))

    def work(self) -> None:
        for call in self.waiting:
            call()
        self.waiting = []


@action("hooks")
def deliver(sim: Simulation, step: Step) -> None:
    """Webhooks leave, by the dispatcher of the worker or by the plain loop."""
    if step.get("plain"):
        sending.drain(sim.gateway)
        return
    pool = _AtOnce()
    dispatcher = Dispatcher(sim.gateway, pool)
    for _ in range(2):
        dispatcher.step()
        pool.work()
    dispatcher.write_down()
