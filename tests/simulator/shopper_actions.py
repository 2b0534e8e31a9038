"""What shoppers do: apply, pay, contest."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from gateway.checkout import deciding, shopper
from gateway.checkout.deciding import chosen_plan
from gateway.checkout.states import REQUIRED_CONSENTS
from gateway.core.calendar import shanghai_date
from gateway.errors import CodeRefused
from gateway.loans import repayment
from gateway.merchants import business_clock
from gateway.payments.collections import service as collections
from gateway.payments.disputes import service as disputes
from gateway.payments.milestones import service as milestones
from tests.simulator.acting import Step, action, attempt, look, order_of, paid_order, part, person

if TYPE_CHECKING:
    from tests.simulator.simulation import Simulation


@action("apply")
def apply(sim: Simulation, step: Step) -> None:
    """A shopper chooses a term, says who they are by a code, reads, confirms, and waits for the decision."""
    order = order_of(sim, step)
    if order is None or order.checkout is None:
        return
    gateway, checkout_id, who = sim.gateway, order.checkout, person(step["person"])
    code = gateway.ports.notifier.new_code(sim.shops.tenant(order.shop).mode)
    attempt(sim, lambda tx: shopper.queue_code(tx, gateway, checkout_id, phone=who["phone"], code=code))
    found = attempt(
        sim,
        lambda tx: shopper.identify(tx, gateway, checkout_id, term=step["term"], code=code, **who),
    )
    if found is None or isinstance(found, CodeRefused):
        return
    order.person = step["person"]
    if attempt(sim, lambda tx: shopper.disclose(tx, checkout_id)) is None:
        return
    sim.world.clock.advance(seconds=4)
    consents = {*REQUIRED_CONSENTS, *(("marketing",) if step.get("marketing") else ())}
    begun = attempt(
        sim,
        lambda tx: shopper.confirm(
            tx,
            gateway,
            checkout_id,
            quote_hash=chosen_plan(shopper.in_progress(tx, checkout_id))["quote_hash"],
            consents=consents - {step.get("without")},
            shopper_id=found.shopper_id,
        ),
    )
    if begun is not None and not step.get("leaves"):
        deciding.answer(gateway, begun.request.id, begun=begun)
        look(sim, order)


@action("pay")
def pay(sim: Simulation, step: Step) -> None:
    """Money of the shopper arrives: what is owed, a part, more, or all that is left; perhaps received days ago."""
    order = paid_order(sim, step)
    if order is None or not order.loans:
        return
    loan = order.loans[step.get("loan", 0) % len(order.loans)]
    tenant, reference = sim.shops.tenant(order.shop), f"rcpt-{step['key']}"

    def work(tx: Any) -> Any:
        business_clock.enter(tx, tenant)
        if step["how"] == "early":
            done = repayment.settle_early(tx, tenant, loan_id=loan, reference=reference)
            collections.free_limit(tx, done)
            return done
        received = shanghai_date(tx.now) - timedelta(days=step.get("days", 0))
        amount = sim.amount_due(tx, loan) if step["how"] == "due" else step["amount"]
        return collections.receive(
            tx, tenant, loan_id=loan, amount_fen=max(1, amount), reference=reference, received_on=received
        )

    done = attempt(sim, work)
    if done is not None:
        sim.receipts[(tenant.mode, reference)] = loan
        for _ in range(step.get("twice", 0)):
            attempt(sim, work)


@action("doubt")
def doubt(sim: Simulation, step: Step) -> None:
    """The shopper says that a stage is not done, as the page of stages takes it."""
    order = paid_order(sim, step)
    if order is None or not order.stages:
        return
    tenant, milestone = sim.shops.tenant(order.shop), order.stages[step["which"] % len(order.stages)]

    def work(tx: Any) -> Any:
        business_clock.enter(tx, tenant)
        return milestones.contest(
            tx, tenant, payment_id=order.payment or "", milestone_id=milestone, reason="no lesson"
        )

    attempt(sim, work)


@action("contest")
def contest(sim: Simulation, step: Step) -> None:
    order = paid_order(sim, step)
    if order is None:
        return
    order.released = True
    tenant = sim.shops.tenant(order.shop)

    def work(tx: Any) -> Any:
        business_clock.enter(tx, tenant)
        captured = sum(order.captures.values())
        amount = None if step.get("share") is None or not captured else part(step, captured)
        return disputes.open_dispute(
            tx,
            tenant,
            payment_id=order.payment or "",
            capture_id=None,
            amount_fen=amount,
            reason="not received",
        )

    found = attempt(sim, work)
    if found is not None:
        order.disputes.append(found.id)
