"""What shops do: orders, captures, refunds and what else they ask for; calls sent again; what is another's."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from gateway.process import worker
from tests.simulator.acting import Step, action, order_of, paid_order, part
from tests.simulator.shops import Order

if TYPE_CHECKING:
    from tests.simulator.simulation import Simulation

CATEGORIES = ("3c", "3c", "furnishing", "education", "education")
"""Of the shops, by number."""


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
    order = paid_order(sim, step)
    if order is None:
        return
    left = order.amount - step.get("down", 0) - sum(order.captures.values())
    body: dict[str, Any] = {"final": step.get("final", False)}
    if step.get("line") is not None:
        body["items"] = [{"line": 1 + step["line"] % order.lines, "quantity": 1}]
    elif step.get("share") is not None and left > 0:
        body["amount"] = part(step, left)
    path = f"/v1/payments/{order.payment}/capture"
    sim.shops.act(order.shop, "POST", path, body, step["key"], ("capture", order.name))


@action("refund")
def refund(sim: Simulation, step: Step) -> None:
    order = paid_order(sim, step)
    if order is None:
        return
    body: dict[str, Any] = {"payment": order.payment, "kind": step["kind"], "reason": "returned"}
    left = sum(order.captures.values()) - sum(order.refunds.values())
    if step.get("share") is not None and left > 0:
        body["amount"] = part(step, left)
    if step.get("capture") is not None and order.captures:
        body["capture"] = sorted(order.captures)[step["capture"] % len(order.captures)]
    if step.get("reference"):
        body["refund_reference"] = step["reference"]
    sim.shops.act(order.shop, "POST", "/v1/refunds", body, step["key"], ("refund", order.name))


@action("void")
def void(sim: Simulation, step: Step) -> None:
    order = paid_order(sim, step)
    if order is None:
        return
    body: dict[str, Any] = {"reason": "out of stock"}
    if step.get("share") is not None:
        body["amount"] = part(step, order.amount)
    path = f"/v1/payments/{order.payment}/void"
    sim.shops.act(order.shop, "POST", path, body, step["key"], ("void", order.name))


@action("acknowledge")
def acknowledge(sim: Simulation, step: Step) -> None:
    order = paid_order(sim, step)
    if order is not None:
        path, body = f"/v1/payments/{order.payment}/acknowledge", {"merchant_order_id": f"no-{order.name}"}
        sim.shops.act(order.shop, "POST", path, body, step["key"], ("acknowledge", order.name))


@action("extend")
def extend(sim: Simulation, step: Step) -> None:
    """The shop lets an authorisation last longer, for ``days`` from now or as long as it may."""
    order = paid_order(sim, step)
    if order is None:
        return
    body: dict[str, Any] = {}
    if "days" in step:
        until = sim.business_now(order.shop) + timedelta(days=step["days"])
        body["authorization_expires_at"] = until.strftime("%Y-%m-%dT%H:%M:%SZ")
    path = f"/v1/payments/{order.payment}/extend"
    sim.shops.act(order.shop, "POST", path, body, step["key"], ("extend", order.name))


@action("stage")
def stage(sim: Simulation, step: Step) -> None:
    """A part of what can still be captured waits for lessons."""
    order = paid_order(sim, step)
    if order is not None:
        path = f"/v1/payments/{order.payment}/milestones"
        body = {"kind": "lesson", "amount": part(step, order.amount), "description": f"课 {step['key']}"}
        sim.shops.act(order.shop, "POST", path, body, step["key"], ("stage", order.name))


@action("claim")
def claim(sim: Simulation, step: Step) -> None:
    """The shop says that a stage is done."""
    order = paid_order(sim, step)
    if order is not None and order.stages:
        path = (
            f"/v1/payments/{order.payment}/milestones/{order.stages[step['which'] % len(order.stages)]}/claim"
        )
        sim.shops.act(order.shop, "POST", path, {"text": "taught"}, step["key"], ("claim", order.name))


@action("deliver")
def report_delivery(sim: Simulation, step: Step) -> None:
    """The shop says when the parcel came, perhaps days later."""
    order = paid_order(sim, step)
    if order is None:
        return
    at = sim.business_now(order.shop) - timedelta(hours=step.get("hours", 0))
    body = {"shipping": {"delivered_at": at.strftime("%Y-%m-%dT%H:%M:%SZ")}}
    path = f"/v1/payments/{order.payment}"
    sim.shops.act(order.shop, "PATCH", path, body, step["key"], ("deliver", order.name))


@action("cancel")
def cancel(sim: Simulation, step: Step) -> None:
    order = order_of(sim, step)
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
    order = order_of(sim, step)
    if order is None or order.checkout is None or order.shop == step["shop"]:
        return
    sim.trespass(step["shop"], order, step["key"])


@action("miss")
def miss(sim: Simulation, step: Step) -> None:
    order = paid_order(sim, step)
    if order is not None and order.loans and sim.shops.tenant(order.shop).mode == "test":
        path = f"/v1/test_helpers/loans/{order.loans[0]}/miss"
        sim.shops.act(
            order.shop, "POST", path, {"instalments": step["count"]}, step["key"], ("miss", order.name)
        )


@action("rotate")
def rotate_secret(sim: Simulation, step: Step) -> None:
    """The shop asks for a new secret of its endpoint; the old one still signs for a day."""
    sim.rotate(step["shop"], step["key"])


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
    worker.drain_outbox(sim.gateway)
