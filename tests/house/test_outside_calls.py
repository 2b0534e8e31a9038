"""Nothing outside is called while a transaction is open, and lost races repeat no call: for every port there is.

A new port is covered without a line here: it is guarded, it is watched, and the story fails until it reaches it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from gateway.db.transactions import SERIALIZABLE, Database
from gateway.decision.bureau import SimulatedBureau
from gateway.identity.invented import invented_id_number
from gateway.process.daily import sweep
from gateway.process.worker import drain
from gateway.roots.targets import Folder
from gateway.web.ports import LOCAL, Guarded, OutsideCallInTransaction, Ports
from tests.gateway.conftest import api, app, clock, new_merchant  # noqa: F401
from tests.gateway.oauth.conftest import make_portal, portal  # noqa: F401
from tests.gateway.shopper import enter
from tests.one_database import database_url  # noqa: F401

LOST = 3
"""So many commits of every write lose their race before one wins."""


class LostRace(Exception):
    """What PostgreSQL says when another transaction won."""

    sqlstate = "40001"


@pytest.fixture
def lost_races(monkeypatch: Any) -> None:
    write = Database.write

    def racing(self: Database, work: Any, level: Any = SERIALIZABLE) -> Any:
        left = [LOST]

        def losing(tx: Any) -> Any:
            result = work(tx)
            tx.flush()
            if left[0]:
                left[0] -= 1
                raise OperationalError("COMMIT", {}, LostRace())
            return result

        return write(self, losing, level)

    monkeypatch.setattr(Database, "write", racing)


class Watched:
    """A port that notes each call: the step of the story, the method, and the reference or what else was given."""

    def __init__(self, name: str, port: Any, calls: list[tuple[str, ...]], step: list[str]) -> None:
        self._name, self._port, self._calls, self._step = name, port, calls, step

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(self._port, attribute)
        if not callable(value):
            return value

        def call(*arguments: Any, **options: Any) -> Any:
            given = [*arguments, *options.values()]
            reference = options.get("reference") or next(
                (one.reference for one in given if hasattr(one, "reference")), repr(given)
            )
            self._calls.append((self._step[0], self._name, attribute, reference))
            return value(*arguments, **options)

        return call


@pytest.fixture
def gateway(app: Any, tmp_path: Path) -> Any:  # noqa: F811
    gateway = app.extensions["fenqi"]
    gateway.ports.bureau = SimulatedBureau()
    gateway.settings = replace(gateway.settings, roots_to=str(tmp_path))
    gateway.ports.roots_target = Folder(tmp_path)
    return gateway


def outside(gateway: Any) -> list[str]:
    return [name for name in vars(gateway.ports) if name not in LOCAL]


def test_each_click_calls_each_port_once_however_often_its_transaction_loses(
    gateway: Any,
    api: Any,  # noqa: F811
    app: Any,  # noqa: F811
    clock: Any,  # noqa: F811
    portal: Any,  # noqa: F811
    lost_races: None,
) -> None:
    calls: list[tuple[str, ...]] = []
    step = [""]
    person = portal.tokens()["access_token"]
    for name in outside(gateway):
        setattr(gateway.ports, name, Watched(name, getattr(gateway.ports, name), calls, step))

    step[0] = "endpoint"
    endpoint = {"url": "http://127.0.0.1:9/hook", "enabled_events": ["payout.paid"]}
    assert api.post("/v1/webhook_endpoints", endpoint).status_code == 201
    step[0] = "invitation"
    invited = app.test_client().post(
        "/v1/team",
        json={"email": "li@shop.example", "name": "Li", "role": "viewer"},
        headers={"Authorization": f"Bearer {person}"},
    )
    assert invited.status_code == 201, invited.text
    _buy(api, app, clock, step)
    step[0] = "complete"
    payment = api.captured(3)
    for day, days in enumerate((1, 1, 31, 1)):
        step[0] = f"worker {day}"
        clock.advance(days=days)
        sweep(gateway)
        drain(gateway)
    api.login()
    step[0] = "refund"
    refunded = api.post("/v1/refunds", {"payment": payment["id"], "reason": "sent back"})
    assert refunded.json["status"] == "pending", refunded.text
    drain(gateway)

    repeated = {call: times for call, times in Counter(calls).items() if times > 1}
    assert repeated == {}
    assert {name for _, name, _, _ in calls} == set(outside(gateway))
    movements = [method for _, name, method, _ in calls if name == "institution"]
    assert movements == ["look_up", "carry_out"] * 3, "a payout, a collection, and a return"
    asked = [
        (step, name, method) for step, name, method, _ in calls if name in ("bureau", "funder", "notifier")
    ]
    assert sorted(asked) == sorted(
        [
            ("invitation", "notifier", "check"),
            ("code", "notifier", "new_code"),
            ("code", "notifier", "send_code"),
            ("code", "notifier", "send_invitation"),
            ("confirm", "funder", "check"),
            ("confirm", "bureau", "report"),
            ("confirm", "funder", "decide"),
            ("complete", "bureau", "report"),
            ("complete", "funder", "decide"),
            *[("worker 0", "notifier", "send_message")] * 2,
            ("worker 3", "notifier", "send_message"),
        ]
    )
    messages = [call[3] for call in calls if call[2] == "send_message"]
    assert len(messages) == len(set(messages)), "each under a reference of its own"
    references = [call[3] for call in calls if call[2] in ("report", "decide")]
    assert Counter(references).most_common() == [(one, 2) for one in dict.fromkeys(references)]


def _buy(api: Any, app: Any, clock: Any, step: list[str]) -> None:  # noqa: F811
    """A whole purchase on the shopper's pages."""
    pages, checkout = app.test_client(), api.checkout()
    path = f"/checkout/{checkout['id']}"
    typed = {
        "term": "12",
        "name": "王小明",
        "id_number": invented_id_number("shopper"),
        "phone": "13800000001",
        "code": "000000",
    }
    enter(pages, checkout)
    step[0] = "code"
    assert pages.post(f"{path}/code", data=typed).status_code == 303
    drain(app.extensions["fenqi"])
    assert pages.post(f"{path}/identity", data=typed).status_code == 303
    pages.get(f"{path}/review")
    clock.advance(seconds=5)
    plan = next(plan for plan in checkout["plans"] if plan["term"] == 12)
    consents = dict.fromkeys(("credit_service", "bureau_query", "funder_sharing"), "yes")
    step[0] = "confirm"
    pages.post(f"{path}/confirm", data={"quote_hash": plan["quote_hash"], **consents})
    assert 'data-status="approved"' in pages.get(f"{path}/result").text


@pytest.mark.parametrize("kind", ["write", "read"])
def test_every_method_of_every_port_refuses_while_a_transaction_is_open(gateway: Any, kind: str) -> None:
    methods = [
        (name, attribute)
        for name in outside(gateway)
        for attribute in dir(gateway.ports.unguarded(name))
        if not attribute.startswith("_") and callable(getattr(gateway.ports.unguarded(name), attribute))
    ]
    assert {name for name, _ in methods} == set(outside(gateway))

    def call_all(tx: Any) -> None:
        for name, attribute in methods:
            with pytest.raises(OutsideCallInTransaction, match=f"{name}.{attribute}"):
                getattr(getattr(gateway.ports, name), attribute)()

    if kind == "write":
        gateway.db.write(call_all)
    else:
        with gateway.db.read() as tx:
            call_all(tx)
    with pytest.raises(TypeError):  # outside, the call itself is made
        gateway.ports.funder.decide()


def test_a_new_port_is_guarded_without_a_word(gateway: Any) -> None:
    @dataclass
    class MorePorts(Ports):
        letters: Any

    ports = MorePorts(**vars(gateway.ports), letters=print)  # type: ignore[call-arg]
    assert isinstance(ports.letters, Guarded)
    with pytest.raises(OutsideCallInTransaction, match="letters"):
        gateway.db.write(lambda tx: ports.letters("x"))


def test_what_is_local_says_why_and_exists(gateway: Any) -> None:
    assert set(LOCAL) <= set(vars(gateway.ports))
    assert all(reason.strip() for reason in LOCAL.values())
