"""What everybody can do in a step; each action is robust where what it is about does not exist (any more)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.core.tenant import Tenant
from tests.simulator import shop_actions, shopper_actions, worker_actions
from tests.simulator.acting import ACTIONS, PEOPLE, PERSONAL, Step

if TYPE_CHECKING:
    from tests.simulator.simulation import Simulation

__all__ = [
    "ACTIONS",
    "PEOPLE",
    "PERSONAL",
    "Step",
    "owner",
    "shop_actions",
    "shopper_actions",
    "worker_actions",
]


def owner(sim: Simulation, step: Step) -> Tenant | None:
    """The one merchant whose rows a step may change; None where it is about several."""
    if "order" in step and step["do"] != "stranger":
        order = sim.shops.orders.get(step["order"])
        return sim.shops.tenant(order.shop) if order is not None else None
    if step["do"] in ("order", "day", "rotate", "events", "lists", "stranger"):
        return sim.shops.tenant(step["shop"])
    return None
