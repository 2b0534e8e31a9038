"""Payouts while worker and bank are killed in the middle: nothing is paid twice, and every claim is somewhere."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

import fenqi
from gateway.app import gateway_of
from gateway.config import from_environment
from gateway.process.onboarding import onboard
from tests import fake_banks
from tests.crash import place as place_of_crashes
from tests.crash.place import Place, running
from tests.warm import Program

pytestmark = pytest.mark.long(20)

FAULTS = ("prompt", "unknown", "return", "twice", "slow")
SECONDS = 400
"""A busy machine takes longer for everything."""


@pytest.mark.slow
def test_nothing_is_paid_twice_when_worker_and_bank_are_killed(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place_of_crashes, "launched", Program)
    with (
        fake_banks.running(tmp_path / "bank") as bank,
        running(database_url, workers=1, FENQI_FAKE_BANK_URL=bank.url) as place,
    ):
        client = shop_of(place)
        clock = client.test_clocks.create(name="payouts").id
        for number, fault in enumerate(FAULTS):
            bank.next(fault, days=1)
            bought(client, number)
            client.test_clocks.advance(clock, days=1)
            if number in (1, 3):
                time.sleep(0.3)
                bank.kill()
                bank.start()
            if number == 2:
                time.sleep(0.2)
                place.worker.lose(place.end_leases)
            client.test_clocks.wait(clock, timeout=SECONDS)
        moved_on(client, clock, 4)
        wrong = [row for row in client.payouts.list().data if row.problem]
        assert len(wrong) == 1
        bank.control("correct", reference=references(place)[wrong[0].id])
        moved_on(client, clock, 3)

        rows = list(client.payouts.list(page_size=100))
        assert {row.status for row in rows} == {"paid", "returned"}
        booked = {row.id: row.amount if row.status == "paid" else 0 for row in rows}
        moved, names = bank.moved(), references(place)
        assert {id: moved[names[id]] for id in booked} == booked
        assert len({row["reference"] for row in bank.journal()}) == len(bank.journal())
        ended = place.run("ledger", "verify")
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert place.run("verify", "--only", "facts").returncode == 0


def shop_of(place: Place) -> fenqi.Fenqi:
    """A merchant's server at the gateway."""
    made = onboard(
        gateway_of(from_environment(place.environ)),
        name="灯塔",
        name_en="Lighthouse",
        category="3c",
        mode="test",
        email="owner@a.example",
        webhook_url=None,
    )
    return fenqi.Fenqi(made["client_id"], made["client_secret"], base_url=place.url)


def bought(client: fenqi.Fenqi, number: int) -> None:
    """One phone, captured in full."""
    checkout = client.checkouts.create(
        amount=100_000 + number,
        merchant_reference=f"order-{number}",
        category="3c",
        items=[{"name": "Phone", "quantity": 1, "unit_price": 100_000 + number}],
        return_url="https://shop.example/return",
        cancel_url="https://shop.example/cart",
    )
    client.test_helpers.complete_checkout(checkout.id, term=3, phone="13800000001")
    client.payments.capture(str(client.checkouts.retrieve(checkout.id).payment))


def moved_on(client: fenqi.Fenqi, clock: str, days: int) -> None:
    for _ in range(days):
        client.test_clocks.advance(clock, days=1)
        client.test_clocks.wait(clock, timeout=SECONDS)


def references(place: Place) -> dict[str, Any]:
    return {row["id"]: row["reference"] for row in place.rows("SELECT id, reference FROM payout")}
