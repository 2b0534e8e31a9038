"""A job of one merchant, and a clock of one merchant, change no row of anybody else: over all tables and all jobs.

A new job or table is covered without a line here. A table that leads to no merchant makes the first test fail until it
is declared as nobody's, with a reason, in ``ownership.py``; a job that finds nothing to do here fails, too.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from sqlmodel import col, select

from gateway.checkout import service as checkouts
from gateway.checkout.models import Checkout
from gateway.core.order_lines import OrderedLine
from gateway.core.tenant import Tenant
from gateway.db.transactions import READ_COMMITTED, Transaction
from gateway.decision import limits
from gateway.identity.models import Shopper
from gateway.oauth import service as oauth
from gateway.payments import service as payments
from gateway.payments.disputes import service as disputes
from gateway.payments.models import Payment
from gateway.process import daily, worker
from gateway.process.daily import GLOBAL_JOBS, TENANT_JOBS, TenantJob
from gateway.settlement import terms
from tests.gateway.conftest import Api, api, app, clock, new_merchant  # noqa: F401
from tests.house.ownership import Picture, picture, unattributed

pytestmark = pytest.mark.long(9)

OVERDUE, OWING, WRITTEN_OFF = timedelta(weeks=18), timedelta(weeks=19), timedelta(weeks=57)
"""Mondays again: long enough for every deadline and every instalment, and for a write-off."""


class Town:
    """Three merchants, each with everything that a job may touch.

    Two are in test mode, one of them live too, and a third is live only.
    """

    def __init__(self, app: Flask, make: Any) -> None:  # noqa: F811
        self.app, self.gateway = app, app.extensions["fenqi"]
        self.mover, self.neighbour, self.live = make(), make(), make(mode="live")
        for merchant in (self.mover, self.neighbour):
            self._trade(merchant)
        self.tenant = Tenant(self.mover.credentials["merchant"], "test")
        for merchant in (self._also_live(self.mover), self.live):
            self._trade_live(merchant)
        self.sold = self.mover.captured(3)["id"]
        standard = terms.standard(self.gateway.settings)
        self.gateway.db.write(
            lambda tx: terms.agree(
                tx, self.tenant, valid_from=None, changes={"invoice_after_days": 30}, standard=standard
            )
        )
        self.clock = self.mover.post("/v1/test_clocks", {}).json["id"]
        while worker.drain(self.gateway):
            pass
        daily.sweep(self.gateway)
        while worker.drain(self.gateway):  # what the sweep tells everybody's shoppers
            pass

    def picture(self) -> Picture:
        return picture(self.gateway.db.engine)

    def jump(self, ahead: timedelta) -> None:
        """Move the mover's clock without running a job."""
        with self.gateway.db.engine.begin() as connection:
            connection.execute(
                text("UPDATE test_clock SET offset_seconds = :ahead"), {"ahead": int(ahead.total_seconds())}
            )

    def owe(self) -> None:
        """Let the mover owe what it was paid: it gives money back that has left."""
        self.mover.login()
        refund = {"payment": self.sold, "reason": "sent back", "kind": "return"}
        assert self.mover.post("/v1/refunds", refund).status_code == 201

    def run(self, job: TenantJob) -> None:
        """A job of the mover, and what it has instructed."""
        daily.run_job(self.gateway, job, self.tenant)
        worker.drain_of_clock(self.gateway, self.tenant)

    def _also_live(self, merchant: Api) -> Api:
        """A client in live mode for a merchant of test mode."""
        owner = merchant.credentials["merchant"]
        client_id, secret = self.gateway.db.write(
            lambda tx: oauth.create_client(tx, self.gateway.vault, merchant_id=owner, mode="live")
        )
        found = Api(
            self.app.test_client(), {"merchant": owner, "client_id": client_id, "client_secret": secret}
        )
        found.login()
        return found

    def _trade(self, merchant: Api) -> None:
        """An open checkout, an authorisation, a loan whose payer will miss all, and a dispute."""
        merchant.checkout()
        merchant.approved()
        loan = merchant.captured(3)["captures"][0]["loan"]
        answer = merchant.post(f"/v1/test_helpers/loans/{loan}/miss", {"instalments": 3})
        assert answer.status_code == 200
        disputed = merchant.captured(3)
        answer = merchant.post("/v1/test_helpers/disputes", {"payment": disputed["id"]})
        assert answer.status_code == 201
        self._stage(merchant)

    def _stage(self, merchant: Api) -> None:
        """A course of which one part was taught, and the next is due when the first jump has passed."""
        path = f"/v1/payments/{merchant.approved(3, amount=60_000)['id']}"
        due = (self.gateway.clock() + OVERDUE).date().isoformat()
        body = {"kind": "lesson", "amount": 20_000}
        taught = merchant.post(f"{path}/milestones", body).json["id"]
        merchant.post(f"{path}/milestones", {**body, "due": due})
        merchant.post(f"{path}/capture")
        assert merchant.post(f"{path}/milestones/{taught}/claim").status_code == 200

    def _trade_live(self, merchant: Api) -> None:
        """The same in live mode, where no helper plays the shopper: the payments stand like those of test mode."""
        tenant = Tenant(merchant.credentials["merchant"], "live")
        with self.gateway.db.read() as tx:
            model = tx.exec(select(Payment).order_by(col(Payment.amount_fen).desc(), Payment.id)).first()
            person = tx.exec(select(Shopper).order_by(Shopper.id)).first()
            order = tx.exec(select(Checkout).where(Checkout.status == "open").order_by(Checkout.id)).first()
        assert model is not None
        assert person is not None
        assert order is not None
        self.gateway.db.write(partial(self._start, tenant=tenant, order=order))
        _, shipped = [
            self.gateway.db.write(
                partial(self._authorise, tenant=tenant, model=model, person=person, number=number)
            )
            for number in range(2)
        ]
        answer = merchant.post(f"/v1/payments/{shipped}/capture")
        assert answer.status_code == 200, answer.text
        self.gateway.db.write(partial(self._dispute, tenant=tenant, payment_id=shipped), READ_COMMITTED)

    def _start(self, tx: Transaction, *, tenant: Tenant, order: Checkout) -> None:
        columns = {
            **order.model_dump(),
            "id": tx.new_id("chk"),
            "mode": "live",
            "merchant_id": tenant.merchant_id,
        }
        tx.add(Checkout(**columns))

    def _authorise(
        self, tx: Transaction, *, tenant: Tenant, model: Payment, person: Shopper, number: int
    ) -> str:
        shopper_id = tx.new_id("shp")
        mine = {"id": shopper_id, "mode": "live", "id_number_lookup": shopper_id, "phone_lookup": shopper_id}
        tx.add(Shopper(**{**person.model_dump(), **mine}))
        tx.flush()
        limits.grant(
            tx, shopper_id=shopper_id, funder=model.funder, limit_fen=model.amount_fen, decision_id=shopper_id
        )
        payment = payments.authorize(
            tx,
            tenant,
            checkout_id=tx.new_id("chk"),
            shopper_id=shopper_id,
            merchant_reference=f"live-{number}",
            funder=model.funder,
            plan=model.plan,
            price=model.price,
            metadata={},
            ordered=[OrderedLine("Phone", "3c", None, 1, model.amount_fen, 0)],
        )
        assert payment is not None
        return payment.id

    def _dispute(self, tx: Transaction, *, tenant: Tenant, payment_id: str) -> None:
        disputes.open_dispute(
            tx, tenant, payment_id=payment_id, capture_id=None, amount_fen=None, reason="never came"
        )


@pytest.fixture
def town(app: Flask, new_merchant: Any) -> Town:  # noqa: F811
    return Town(app, new_merchant)


def test_every_table_leads_to_a_merchant_or_says_why_not() -> None:
    assert unattributed() == []


def test_no_job_of_one_merchant_touches_anybody_else(town: Town) -> None:
    acted = set()
    for ahead in (OVERDUE, OWING, WRITTEN_OFF):
        town.jump(ahead)
        if ahead == OWING:
            town.owe()
        after = town.picture()
        for job in TENANT_JOBS:
            town.run(job)
            before, after = after, town.picture()
            assert after.changed_of_others(before, town.tenant) == [], job.name
            acted |= {job.name} if after.changed_since(before) else set()
    idle = {job.name for job in TENANT_JOBS} - acted
    assert idle == set(), (
        "these jobs had nothing to do, so this test says nothing of them: give the town more"
    )
    _a_job_that_forgets_whose_it_is_is_found(town)


def test_neither_global_jobs_nor_an_advance_of_one_clock_touch_anybody_else(
    town: Town,
    clock: Any,  # noqa: F811
) -> None:
    before = town.picture()
    answer = town.mover.post(f"/v1/test_clocks/{town.clock}/advance", {"days": 31})
    assert answer.status_code == 200, answer.text
    while worker.drain(town.gateway):
        pass
    after = town.picture()
    assert after.changed_of_others(before, town.tenant) == []
    assert {row[0] for row in after.changed_since(before)} >= {"checkout", "payment", "loan_bill", "event"}
    made = [town.neighbour.checkout(), town.mover.checkout()]
    after = town.picture()
    for job in GLOBAL_JOBS:
        job.step(town.gateway)
        before, after = after, town.picture()
        changed = after.changed_since(before)
        assert [row for row, owners in changed.items() if owners] == [], job.name
    daily.sweep(town.gateway)
    for merchant, checkout in zip((town.neighbour, town.mover), made, strict=True):
        assert merchant.get(f"/v1/checkouts/{checkout['id']}").json["status"] == "open"
    clock.advance(days=8)
    daily.sweep(town.gateway)
    for owner in (town.tenant.merchant_id, town.live.credentials["merchant"]):
        assert live_events(town, owner) == [
            "checkout.expired",
            "dispute.lost",
            "payment.unacknowledged",
            "payment.unacknowledged",
            "payment.voided",
            "settlement.closed",
            "settlement.closed",
        ], "what a clock does in test mode, the worker does in live mode"


def live_events(town: Town, merchant: str) -> list[str]:
    """The types of what happened by itself to a merchant in live mode."""
    query = text("SELECT DISTINCT type, id FROM event WHERE mode = 'live' AND merchant_id = :merchant")
    with town.gateway.db.engine.connect() as connection:
        types = [type for type, _ in connection.execute(query, {"merchant": merchant})]
    by_hand = ("payment.authorized", "payment.captured", "dispute.opened", "refund.succeeded")
    return sorted(type for type in types if type not in by_hand)


def _a_job_that_forgets_whose_it_is_is_found(town: Town) -> None:
    def expire_everybodys(tx: Transaction, gateway: Any, tenant: Tenant, after: str) -> None:
        for checkout in tx.exec(select(Checkout).where(Checkout.status == "open")):
            checkouts.move(tx, checkout, "expired")

    before = town.picture()
    town.run(replace(TENANT_JOBS[0], step=expire_everybodys))
    found = town.picture().changed_of_others(before, town.tenant)
    hurt = "\n".join(line for line in found if line.startswith("checkout"))
    for owner in (
        (town.tenant.merchant_id, "live"),
        (town.neighbour.credentials["merchant"], "test"),
        (town.live.credentials["merchant"], "live"),
    ):
        assert str(owner) in hurt
