"""What the actions are made of: their register, the people, and a shop's order as far as it has come."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gateway.core.identifiers import resident_id_check_digit
from gateway.db.transactions import READ_COMMITTED
from gateway.errors import GatewayError, Unavailable
from tests.simulator.shops import Order

if TYPE_CHECKING:
    from tests.simulator.simulation import Simulation

Step = dict[str, Any]
Action = Callable[["Simulation", Step], None]
ACTIONS: dict[str, Action] = {}


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


def order_of(sim: Simulation, step: Step) -> Order | None:
    return sim.shops.orders.get(step["order"])


def paid_order(sim: Simulation, step: Step) -> Order | None:
    """The order, if it has become a payment."""
    order = order_of(sim, step)
    if order is not None and order.payment is None and order.checkout is not None:
        look(sim, order)
    return order if order is not None and order.payment is not None else None


def look(sim: Simulation, order: Order) -> None:
    """The shop asks what has become of its checkout."""
    status, view = sim.shops.get(order.shop, f"/v1/checkouts/{order.checkout}")
    if status == 200:
        order.status, order.payment = view["status"], view["payment"]


def part(step: Step, whole: int) -> int:
    """A part of an amount, by the step's share in hundredths, at least one fen."""
    return max(1, whole * step.get("share", 100) // 100)


def attempt(sim: Simulation, work: Callable[[Any], Any]) -> Any:
    """One transaction of a shopper or of an operator; a refusal is written down and is None."""
    try:
        return sim.gateway.db.write(work, READ_COMMITTED)
    except Unavailable:
        if not sim.world.points.happened:
            raise
    except GatewayError as refused:
        sim.shops.log.append(f"refused {type(refused).__name__}")
    return None
