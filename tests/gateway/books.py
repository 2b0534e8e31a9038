"""The books of one merchant's gateway, for tests in which days pass."""

from __future__ import annotations

import math
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from flask import Flask
from sqlalchemy import func, text
from sqlmodel import col, select

from gateway.core.calendar import shanghai_date
from gateway.core.tenant import Tenant
from gateway.ledger import service as ledger
from gateway.ledger.booking.accounts import CHART
from gateway.ledger.integrity.verify import verify
from gateway.merchants.models import Merchant
from gateway.outbox.models import OutboxItem
from gateway.process.daily import next_work, run_day, tenants_with_work
from gateway.process.worker import drain
from gateway.proof import facts
from gateway.proof.book_agreements import AGREEMENTS
from gateway.webhooks.models import WebhookDelivery

TABLE_OF = {"return": "shopper_return", "settlement": "settlement_batch", "invoice": "merchant_invoice"}
"""What entries are about, where it is not called like its table."""
WAITING = (
    select(func.min(OutboxItem.next_at)).where(col(OutboxItem.done_at).is_(None)),
    select(func.min(WebhookDelivery.next_at)).where(WebhookDelivery.status == "pending"),
)


class Books:
    """The books of one merchant's gateway, and time that passes day by day."""

    def __init__(self, app: Flask, api: Any, clock: Any) -> None:
        self.gateway, self.api, self.clock = app.extensions["fenqi"], api, clock
        self.tenant = Tenant(api.credentials["merchant"], "test")
        self._logged_in_at: Any = None

    def pass_days(self, days: int) -> None:
        """Let days pass, each with its jobs and everything they instruct; those that have nothing to do at once."""
        while days > 0:
            pause = min(days, self._days_to_next_work())
            self.clock.advance(days=pause)
            self.work()
            days -= pause

    def _days_to_next_work(self) -> int:
        """How far ahead the jobs, the outbox or a webhook have something to do for anybody."""
        with self.gateway.db.read() as tx:
            now, today = tx.wall, shanghai_date(tx.wall)
            moments, dates = [moment for query in WAITING if (moment := tx.exec(query).one())], []
            for merchant_id in tx.exec(select(Merchant.id)):
                for mode in ("test", "live"):
                    found = next_work(tx, self.gateway, Tenant(merchant_id, mode), today=today)
                    moments, dates = moments + found[0], dates + found[1]
        ahead = [math.ceil((moment - now) / timedelta(days=1)) for moment in moments]
        ahead += [(day - today).days for day in dates]
        return max(min(ahead, default=1), 1)

    def until(self, day: str) -> None:
        self.pass_days((date.fromisoformat(day) - self.clock.now.date()).days)

    def jump(self, days: int) -> None:
        """Let days pass at once; the jobs run on the last."""
        self.clock.advance(days=days)
        self.work()

    def jump_to(self, day: str) -> None:
        self.jump((date.fromisoformat(day) - self.clock.now.date()).days)

    def work(self) -> None:
        """The day of each merchant who has something to do, as the sweep has it, and everything that it instructs."""
        for tenant in tenants_with_work(self.gateway):
            run_day(self.gateway, tenant)
        while drain(self.gateway):
            pass

    def of(self, kind: str) -> int:
        """Balance of a kind of account, all owners, on its normal side (fen)."""
        owner = {"merchant": self.tenant.merchant_id, "funder": self.gateway.settings.funder, "none": ""}
        name = owner.get(CHART[kind].owner, "payment_institution")
        with self.gateway.db.read() as tx:
            return ledger.balance_of(tx, "test", kind, name)

    def sound(self) -> None:
        with self.gateway.db.read() as tx:
            report, recomputed = verify(tx, AGREEMENTS), facts.verify(tx)
        assert report.ok, [check for check in report.checks if not check.ok]
        assert recomputed.ok, recomputed.sentences
        self._entries_are_about_rows()

    def _entries_are_about_rows(self) -> None:
        """What an entry is about is a row: whoever asks for the entries of an object finds all of them."""
        with self.gateway.db.read() as tx:
            found = (
                tx.connection()
                .execute(text("SELECT DISTINCT object_type, object_id FROM ledger_entry"))
                .all()
            )
            for kind, ids in groupby(sorted(found), key=lambda row: str(row[0])):
                wanted = {str(row[1]) for row in ids}
                known = text(f"SELECT id FROM {TABLE_OF.get(kind, kind)}")
                assert wanted <= {*tx.connection().execute(known).scalars()}, kind

    def loan(self, payment: dict[str, Any]) -> dict[str, Any]:
        self._log_in()
        return self.api.get(f"/v1/loans/{payment['captures'][-1]['loan']}").json

    def post(self, path: str, body: Any = None) -> Any:
        self._log_in()
        return self.api.post(path, body)

    def _log_in(self) -> None:
        """Fetch a token where time has passed since the last one."""
        if self._logged_in_at != self.clock.now:
            self.api.login()
            self._logged_in_at = self.clock.now

    def limit_held(self) -> int:
        return self.figure("SELECT SUM(held_fen) FROM credit_limit")

    def shopper(self) -> str:
        """Who has the only loan."""
        return self.figure("SELECT DISTINCT shopper_id FROM loan")

    def figure(self, sql: str) -> Any:
        """The one value that a query has."""
        with self.gateway.db.read() as tx:
            return tx.connection().execute(text(sql)).scalar_one()
