"""What everybody can do in a step; each action is robust where what it is about does not exist (any more)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from gateway import daily, runtime
from gateway.checkout import deciding, reviewing, shopper
from gateway.checkout.deciding import chosen_plan
from gateway.checkout.states import REQUIRED_CONSENTS
from gateway.core.calendar import shanghai_date
from gateway.core.identifiers import resident_id_check_digit
from gateway.core.tenant import Tenant
from gateway.errors import CodeRefused, GatewayError, InvalidRequest, Unavailable
from gateway.loans import repayment
from gateway.merchants import test_clocks
from gateway.payments import collections, disputes, subsidies
from gateway.settlement import payouts
from gateway.webhooks import delivery
from gateway.webhooks.dispatch import Dispatcher
from tests.simulator.shops import Order

if TYPE_CHECKING:
    from tests.simulator.simulation import Simulation

Step = dict[str, Any]
Action = Callable[["Simulation", Step], None]
ACTIONS: dict[str, Action] = {}
CATEGORIES = ("3c", "3c", "furnishing", "education", "education")
"""Of the shops, by number."""


def person(number: int) -> dict[str, str]:
    """A shopper who does not exist; name and numbers are found nowhere but where they belong."""
    born = f"19{70 + number}0{1 + number % 9}1{number % 9}"
    stem = f"110105{born}{101 + 2 * number}"
    return {
        "name": "欧阳" + "甲乙丙丁戊己庚辛"[number % 8] + "隐",
        "id_number": stem + resident_id_check_digit(stem),
        "phone": f"1391357{2460 + number}",
    }


PEOPLE = 6
PERSONAL = [text for number in range(PEOPLE) for text in person(number).values()]


def action(name: str) -> Callable[[Action], Action]:
    def keep(perform: Action) -> Action:
        ACTIONS[name] = perform
        return perform

    return keep


def _order(sim: Simulation, step: Step) -> Order | None:
    return sim.shops.orders.get(step["order"])


def _paid(sim: Simulation, step: Step) -> Order | None:
    """The order, if it has become a payment."""
    order = _order(sim, step)
    if order is not None and order.payment is None and order.checkout is not None:
        _look(sim, order)
    return order if order is not None and order.payment is not None else None


def _look(sim: Simulation, order: Order) -> None:
    """The shop asks what has become of its checkout."""
    status, view = sim.shops.get(order.shop, f"/v1/checkouts/{order.checkout}")
    if status == 200:
        order.status, order.payment = view["status"], view["payment"]


def _part(step: Step, whole: int) -> int:
    """A part of an amount, by the step's share in hundredths, at least one fen."""
    return max(1, whole * step.get("share", 100) // 100)


# -- shops


@action("order")
def start(sim: Simulation, step: Step) -> None:
    amount, lines = step["amount"], step.get("lines", 1)
    discount, subsidy = step.get("discount", 0), step.get("subsidy", 0)
    whole = amount + discount + subsidy
    pieces = [whole // lines] * (lines - 1)
    items: list[dict[str, Any]] = [
        {"name": f"货{number}", "quantity": 1, "unit_price": price}
        for number, price in enumerate([*pieces, whole - sum(pieces)], start=1)
    ]
    name = step["name"]
    sim.shops.orders.setdefault(name, Order(name, step["shop"], amount, lines))
    body = {
        "amount": amount,
        "merchant_reference": name,
        "items": items,
        "category": CATEGORIES[step["shop"]],
        "merchant_discount": discount,
        "down_payment": step.get("down", 0),
        "return_url": "https://shop.example/return",
        "cancel_url": "https://shop.example/cart",
        "expires_in": step.get("life", 86_400),
    }
    if subsidy:
        items[0]["subsidy_category"] = "phone"
        body["government_subsidy"] = {"programme": "trade_in_2026", "amount": subsidy}
    sim.shops.act(step["shop"], "POST", "/v1/checkouts", body, step["key"], ("order", name))


@action("capture")
def capture(sim: Simulation, step: Step) -> None:
    order = _paid(sim, step)
    if order is None:
        return
    left = order.amount - step.get("down", 0) - sum(order.captures.values())
    body: dict[str, Any] = {"final": step.get("final", False)}
    if step.get("line") is not None:
        body["items"] = [{"line": 1 + step["line"] % order.lines, "quantity": 1}]
    elif step.get("share") is not None and left > 0:
        body["amount"] = _part(step, left)
    path = f"/v1/payments/{order.payment}/capture"
    sim.shops.act(order.shop, "POST", path, body, step["key"], ("capture", order.name))


@action("refund")
def refund(sim: Simulation, step: Step) -> None:
    order = _paid(sim, step)
    if order is None:
        return
    body: dict[str, Any] = {"payment": order.payment, "kind": step["kind"], "reason": "returned"}
    left = sum(order.captures.values()) - sum(order.refunds.values())
    if step.get("share") is not None and left > 0:
        body["amount"] = _part(step, left)
    if step.get("capture") is not None and order.captures:
        body["capture"] = sorted(order.captures)[step["capture"] % len(order.captures)]
    if step.get("reference"):
        body["refund_reference"] = step["reference"]
    sim.shops.act(order.shop, "POST", "/v1/refunds", body, step["key"], ("refund", order.name))


@action("void")
def void(sim: Simulation, step: Step) -> None:
    order = _paid(sim, step)
    if order is None:
        return
    body: dict[str, Any] = {"reason": "out of stock"}
    if step.get("share") is not None:
        body["amount"] = _part(step, order.amount)
    path = f"/v1/payments/{order.payment}/void"
    sim.shops.act(order.shop, "POST", path, body, step["key"], ("void", order.name))


@action("acknowledge")
def acknowledge(sim: Simulation, step: Step) -> None:
    order = _paid(sim, step)
    if order is not None:
        path, body = f"/v1/payments/{order.payment}/acknowledge", {"merchant_order_id": f"no-{order.name}"}
        sim.shops.act(order.shop, "POST", path, body, step["key"], ("acknowledge", order.name))


@action("deliver")
def report_delivery(sim: Simulation, step: Step) -> None:
    """The shop says when the parcel came, perhaps days later."""
    order = _paid(sim, step)
    if order is None:
        return
    at = sim.business_now(order.shop) - timedelta(hours=step.get("hours", 0))
    body = {"shipping": {"delivered_at": at.strftime("%Y-%m-%dT%H:%M:%SZ")}}
    path = f"/v1/payments/{order.payment}"
    sim.shops.act(order.shop, "PATCH", path, body, step["key"], ("deliver", order.name))


@action("cancel")
def cancel(sim: Simulation, step: Step) -> None:
    order = _order(sim, step)
    if order is not None and order.checkout is not None:
        path = f"/v1/checkouts/{order.checkout}/cancel"
        sim.shops.act(order.shop, "POST", path, {}, step["key"], ("cancel", order.name))


@action("again")
def again(sim: Simulation, step: Step) -> None:
    """A call is sent a second time under its key; with ``changed`` it is another call, which is refused."""
    calls = [call for call in sim.shops.calls.values() if call.at + timedelta(hours=20) > sim.world.clock.now]
    if not calls:
        return
    call = calls[step["which"] % len(calls)]
    before, answer = call.status, call.answer
    if step.get("changed"):
        if before is not None and 200 <= before < 300:
            sim.refused_with_another_body(call)
        return
    sim.shops.write(call)
    if before is not None and call.status is None:  # no answer this time: what was known stays known
        call.status, call.answer = before, answer
    elif before is not None and 200 <= before < 300 and (call.status, call.answer) != (before, answer):
        sim.fails(
            "replay_equal", f"{call.path} {call.key}: {before} {answer!r}, then {call.status} {call.answer!r}"
        )


@action("events")
def read_events(sim: Simulation, step: Step) -> None:
    sim.read_events(step["shop"])


@action("lists")
def read_lists(sim: Simulation, step: Step) -> None:
    sim.read_lists(step["shop"])


@action("stranger")
def stranger(sim: Simulation, step: Step) -> None:
    """A shop asks for, and acts on, what is another's."""
    order = _order(sim, step)
    if order is None or order.checkout is None or order.shop == step["shop"]:
        return
    sim.trespass(step["shop"], order, step["key"])


# -- shoppers


def _attempt(sim: Simulation, work: Callable[[Any], Any]) -> Any:
    """One transaction of a shopper or of an operator; a refusal is written down and is None."""
    try:
        return sim.gateway.db.write(work)
    except Unavailable:
        if not sim.world.points.happened:
            raise
    except GatewayError as refused:
        sim.shops.log.append(f"refused {type(refused).__name__}")
    return None


@action("apply")
def apply(sim: Simulation, step: Step) -> None:
    """A shopper chooses a term, says who they are by a code, reads, confirms, and waits for the decision."""
    order = _order(sim, step)
    if order is None or order.checkout is None:
        return
    gateway, checkout_id, who = sim.gateway, order.checkout, person(step["person"])
    code = gateway.ports["notifier"].new_code(sim.shops.tenant(order.shop).mode)
    _attempt(sim, lambda tx: shopper.queue_code(tx, gateway, checkout_id, phone=who["phone"], code=code))
    found = _attempt(
        sim,
        lambda tx: shopper.identify(tx, gateway, checkout_id, term=step["term"], code=code, **who),
    )
    if found is None or isinstance(found, CodeRefused):
        return
    order.person = step["person"]
    if _attempt(sim, lambda tx: shopper.disclose(tx, checkout_id)) is None:
        return
    sim.world.clock.advance(seconds=4)
    consents = {*REQUIRED_CONSENTS, *(("marketing",) if step.get("marketing") else ())}
    request = _attempt(
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
    if request is not None and not step.get("leaves"):
        deciding.answer(gateway, request.id)
        _look(sim, order)


@action("pay")
def pay(sim: Simulation, step: Step) -> None:
    """Money of the shopper arrives: what is owed, a part, more, or all that is left; perhaps received days ago."""
    order = _paid(sim, step)
    if order is None or not order.loans:
        return
    loan = order.loans[step.get("loan", 0) % len(order.loans)]
    tenant, reference = sim.shops.tenant(order.shop), f"rcpt-{step['key']}"

    def work(tx: Any) -> Any:
        test_clocks.enter(tx, tenant)
        if step["how"] == "early":
            done = repayment.settle_early(tx, tenant, loan_id=loan, reference=reference)
            collections.free_limit(tx, done)
            return done
        received = shanghai_date(tx.now) - timedelta(days=step.get("days", 0))
        amount = sim.amount_due(tx, loan) if step["how"] == "due" else step["amount"]
        return collections.receive(
            tx, tenant, loan_id=loan, amount_fen=max(1, amount), reference=reference, received_on=received
        )

    done = _attempt(sim, work)
    if done is not None:
        sim.receipts[(tenant.mode, reference)] = loan
        for _ in range(step.get("twice", 0)):
            _attempt(sim, work)


@action("miss")
def miss(sim: Simulation, step: Step) -> None:
    order = _paid(sim, step)
    if order is not None and order.loans and sim.shops.tenant(order.shop).mode == "test":
        path = f"/v1/test_helpers/loans/{order.loans[0]}/miss"
        sim.shops.act(
            order.shop, "POST", path, {"instalments": step["count"]}, step["key"], ("miss", order.name)
        )


@action("contest")
def contest(sim: Simulation, step: Step) -> None:
    order = _paid(sim, step)
    if order is None:
        return
    order.released = True
    tenant = sim.shops.tenant(order.shop)

    def work(tx: Any) -> Any:
        test_clocks.enter(tx, tenant)
        captured = sum(order.captures.values())
        amount = None if step.get("share") is None or not captured else _part(step, captured)
        return disputes.open_dispute(
            tx,
            tenant,
            payment_id=order.payment or "",
            capture_id=None,
            amount_fen=amount,
            reason="not received",
        )

    found = _attempt(sim, work)
    if found is not None:
        order.disputes.append(found.id)


@action("dispute")
def decide_dispute(sim: Simulation, step: Step) -> None:
    order = _paid(sim, step)
    if order is None or not order.disputes:
        return
    tenant, dispute = sim.shops.tenant(order.shop), order.disputes[-1]

    def work(tx: Any) -> Any:
        test_clocks.enter(tx, tenant)
        if step["outcome"] == "respond":
            return disputes.respond(tx, tenant, dispute, evidence="signed for")
        if step["outcome"] == "accept":
            return disputes.accept(tx, tenant, dispute)
        return disputes.resolve(tx, tenant, dispute, outcome=step["outcome"])

    _attempt(sim, work)


# -- the operator


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
    if _attempt(sim, work) is None and step["outcome"] == "approve":
        _attempt(sim, lambda tx: work(tx, person="same"))


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
        _attempt(sim, lambda tx: payouts.give_back(tx, chosen, failure="account_closed"))


@action("programme")
def programme_pays(sim: Simulation, step: Step) -> None:
    """The subsidy programme pays what it owes of a capture, or says once more that it has."""
    order = _paid(sim, step)
    if order is None:
        return
    tenant = sim.shops.tenant(order.shop)
    for row in sim.rows("SELECT id FROM subsidy_claim WHERE payment_id = :payment", payment=order.payment):

        def work(tx: Any, claim: str = row["id"]) -> Any:
            test_clocks.enter(tx, tenant)
            return subsidies.receive(tx, tenant, claim)

        _attempt(sim, work)


@action("rotate")
def rotate_secret(sim: Simulation, step: Step) -> None:
    """The shop asks for a new secret of its endpoint; the old one still signs for a day."""
    sim.rotate(step["shop"], step["key"])


# -- time and the worker


@action("pass")
def let_pass(sim: Simulation, step: Step) -> None:
    if step["minutes"] > 60:  # no shop waits for days before it sends again what it does not know
        for call in sim.shops.unknown():
            sim.shops.write(call)
    sim.world.clock.advance(minutes=step["minutes"])


@action("drain")
def drain(sim: Simulation, step: Step) -> None:
    runtime.drain_outbox(sim.gateway)


@action("sweep")
def sweep(sim: Simulation, step: Step) -> None:
    daily.sweep(sim.gateway)


@action("day")
def day_of_one(sim: Simulation, step: Step) -> None:
    """The jobs of one merchant's day, and what they instruct."""
    tenant = sim.shops.tenant(step["shop"])
    daily.run_day(sim.gateway, tenant)
    runtime.drain_money_of(sim.gateway, tenant)


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
        delivery.drain(sim.gateway)
        return
    pool = _AtOnce()
    dispatcher = Dispatcher(sim.gateway, pool)
    for _ in range(2):
        dispatcher.step()
        pool.work()
    dispatcher.write_down()


@action("clock")
def move_clock(sim: Simulation, step: Step) -> None:
    """A shop in test mode moves its own time ahead, and waits until the days have run."""
    shop, clocks = step["shop"], sim.shops.clocks
    if sim.shops.tenant(shop).mode != "test":
        return
    if shop not in clocks:
        made = sim.shops.act(shop, "POST", "/v1/test_clocks", {}, f"clock-of-{shop}", ("clock", ""))
        if not made.acknowledged:
            return
        clocks[shop] = made.json["id"]
    path = f"/v1/test_clocks/{clocks[shop]}/advance"
    sim.shops.act(shop, "POST", path, {"days": step["days"]}, step["key"], ("advance", ""))
    runtime.drain_outbox(sim.gateway)


def owner(sim: Simulation, step: Step) -> Tenant | None:
    """The one merchant whose rows a step may change; None where it is about several."""
    if "order" in step and step["do"] != "stranger":
        order = sim.shops.orders.get(step["order"])
        return sim.shops.tenant(order.shop) if order is not None else None
    if step["do"] in ("order", "day", "rotate", "events", "lists", "stranger"):
        return sim.shops.tenant(step["shop"])
    return None
