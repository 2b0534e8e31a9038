"""Races of jobs and of what people ask for, beside those of a purchase."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from gateway.data_requests import erasure
from gateway.db.transactions import READ_COMMITTED, Transaction
from gateway.identity.invented import invented_id_number
from gateway.ledger import service as ledger
from gateway.ledger.booking import postings
from gateway.outbox import service as outbox
from gateway.process import daily
from gateway.process.worker import drain
from gateway.settlement import service as settlement
from gateway.webhooks.delivery import queue
from tests.gateway.meeting import meet
from tests.gateway.scenes import DECLINED, Scenes, Wrong, unless

MONDAY = date(2026, 12, 7)


class JobScenes(Scenes):
    """The same shop, and what its gateway does for it."""

    def a_refund_and_the_close_of_its_batch(self) -> Wrong:
        payment = self.bought(capture=True)
        self.weeks += 1
        on = MONDAY + timedelta(weeks=self.weeks)
        body = {"payment": payment["id"], "amount": 100_000, "kind": "goodwill", "reason": "scratch"}
        meet(self.db, self.sent("/v1/refunds", body), lambda: daily.settle(self.gateway, on))
        lines = self.rows(
            "SELECT kind, batch_id FROM settlement_line WHERE payment_id = :payment", payment=payment["id"]
        )
        return unless(len({batch for _, batch in lines}) == 1 and len(lines) == 2, lines)

    def an_unwinding_and_the_close_of_its_batch(self) -> Wrong:
        payment = self.bought(capture=True)
        self.weeks += 1
        on = MONDAY + timedelta(weeks=self.weeks)
        body = {"payment": payment["id"], "kind": "return", "reason": "sent back"}
        meet(self.db, self.sent("/v1/refunds", body), lambda: daily.settle(self.gateway, on))
        lines = self.rows(
            "SELECT kind, batch_id FROM settlement_line WHERE payment_id = :payment", payment=payment["id"]
        )
        return unless(len({batch for _, batch in lines}) == 1 and len(lines) == 2, lines)

    def a_payout_that_comes_back_and_the_close_of_a_batch(self) -> Wrong:
        def close() -> None:
            self.weeks += 1
            daily.settle(self.gateway, MONDAY + timedelta(weeks=self.weeks))

        def close_later() -> None:
            self.books.clock.advance(seconds=1)
            close()

        self.bought(capture=True)
        close()
        while drain(self.gateway):
            pass
        self.bought(capture=True)
        [(payout,), *_] = self.rows("SELECT id FROM payout WHERE status = 'paid'")
        back = self.sent(f"/v1/test_helpers/payouts/{payout}/return", {"reason": "closed"})
        meet(self.db, back, close_later)
        lines = self.rows("SELECT batch_id FROM settlement_line WHERE object_id = :payout", payout=payout)
        close()
        return unless(lines == [(None,)], lines)

    def two_who_take_what_is_available(self) -> Wrong:
        self.turns += 1
        shop, about = self.books.tenant.merchant_id, f"dp_{self.turns}"
        won = postings.dispute_won(dispute=about, merchant=shop, amount_fen=100)
        event = ledger.Event("dispute_won", ("dispute", about), won)
        self.db.write(lambda tx: ledger.book(tx, self.books.tenant, event))

        def take(tx: Transaction, dispute: str) -> int:
            bearing = settlement.bearing_settled(tx, self.books.tenant, net_fen=100)
            lines = postings.dispute_opened(
                dispute=dispute,
                merchant=shop,
                available_fen=bearing.available_fen,
                receivable_fen=bearing.receivable_fen,
            )
            ledger.book(tx, self.books.tenant, ledger.Event("dispute_opened", ("dispute", dispute), lines))
            return bearing.available_fen

        taken = meet(
            self.db,
            *(
                lambda name=f"{about}{side}": self.db.write(lambda tx: take(tx, name), READ_COMMITTED)
                for side in "ab"
            ),
        )
        return unless(sum(taken) == 100, taken)

    def an_erasure_and_a_new_application(self) -> Wrong:
        self.turns += 1
        person = invented_id_number(f"erased {self.turns}")
        declined, again = self.api.checkout()["id"], self.api.checkout()["id"]
        self.complete(declined, person, DECLINED)()
        [(who,)] = self.rows("SELECT shopper_id FROM checkout WHERE id = :id", id=declined)

        def erase(tx: Transaction) -> Any:
            return erasure.ask(tx, self.gateway.settings, who)

        meet(self.db, lambda: self.db.write(erase, READ_COMMITTED), self.complete(again, person, DECLINED))
        [(erased_at,)] = self.rows(
            "SELECT erased_at FROM shopper JOIN checkout ON shopper.id = checkout.shopper_id WHERE checkout.id = :id",
            id=again,
        )
        return unless(erased_at is None, erased_at)

    def two_workers_and_one_row_of_the_outbox(self) -> Wrong:
        self.turns += 1
        topic = f"meeting.{self.turns}"
        self.db.write(lambda tx: outbox.put(tx, topic, {}, tenant=self.books.tenant))

        def claim() -> int:
            return len(outbox.claim(self.db, [topic], limit=1))

        taken = meet(self.db, claim, claim)
        return unless(sum(taken) == 1, taken)

    def two_workers_and_one_delivery(self) -> Wrong:
        self.turns += 1
        made = self.api.post("/v1/webhook_endpoints", {"url": f"http://127.0.0.1:9/{self.turns}"}).json
        self.api.checkout()
        self.bought()

        def claim() -> int:
            run = self.db.write(lambda tx: queue.claim(tx, made["id"]), READ_COMMITTED)
            return len(run.deliveries) if run else 0

        taken = meet(self.db, claim, claim)
        self.api.call("DELETE", f"/v1/webhook_endpoints/{made['id']}")
        return unless(min(taken) == 0 < max(taken), taken)
