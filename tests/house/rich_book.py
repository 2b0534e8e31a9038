"""One small book in which nearly everything has happened that can: for tests that look at all of a database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Flask
from sqlmodel import select

from gateway.audit.service import Actor
from gateway.checkout import consents
from gateway.checkout.models import Checkout
from gateway.core.sandbox_numbers import PAYOUT_FAILS
from gateway.core.tenant import Tenant
from gateway.data_requests import erasure
from gateway.decision import commands as lists
from gateway.decision import reviews
from gateway.decision.shadow import Challenger
from gateway.identity.invented import invented_id_number
from gateway.ledger.integrity import chain
from gateway.loans import repayment
from gateway.merchants import commands as merchants
from gateway.oauth import service as oauth
from gateway.payments import service as payments
from gateway.payments.collections import service as collections
from gateway.payments.milestones import commands as milestones
from gateway.payments.milestones.models import MilestoneStop
from gateway.plans.cards import service as rate_cards
from gateway.process.daily import sign_heads, sweep
from gateway.process.worker import drain
from gateway.settlement import payout_accounts
from gateway.settlement.payout_accounts import Wanted
from gateway.team import authenticators, factors
from gateway.team.models import LoginSession, TeamMember
from tests import older_release
from tests.gateway.books import Books
from tests.gateway.conftest import Api
from tests.gateway.plans.agreeing import TODAY, Desk
from tests.gateway.scorer import loaded_scorer
from tests.gateway.scores.case import CASE

APPROVED, DECLINED, REVIEWED = "13800000001", "13800000002", "13800000003"
OPERATOR = Actor("operator", "li.lei")


class RichBook:
    """A phone shop and a school in test mode and a shop in live mode, with a year behind them."""

    def __init__(self, app: Flask, books: Books, new_merchant: Any, people: Any) -> None:
        self.app, self.gateway, self.books, self.people = app, app.extensions["fenqi"], books, people
        self.gateway.ports.challengers = [Challenger("next", loaded_scorer(), 10_000)]
        self.shop: Api = books.api
        self.school: Api = new_merchant("education")
        self.live: Api = new_merchant(mode="live", webhook_url="https://hooks.shop.example/live")
        self.first_day()
        self.first_month()
        self.year()
        self.last_day()

    def post(self, path: str, body: Any = None, api: Api | None = None) -> Any:
        """POST that must work; the answer's JSON."""
        answer = (api or self.shop).post(path, body)
        assert answer.status_code < 300, (path, answer.text)
        return answer.json

    def bought(self, term: int = 3, api: Api | None = None, **order: Any) -> dict[str, Any]:
        payment: dict[str, Any] = (api or self.shop).captured(term, amount=60_000, **order)
        return payment

    def loan_of(self, payment: dict[str, Any]) -> str:
        return str(payment["captures"][0]["loan"])

    def refund(self, payment: dict[str, Any], kind: str, amount: int | None = None, **more: Any) -> None:
        body = {"payment": payment["id"], "kind": kind, "reason": "as agreed", **more}
        self.post("/v1/refunds", body if amount is None else {**body, "amount": amount})

    def repay(self, payment: dict[str, Any], **body: Any) -> None:
        self.post(f"/v1/test_helpers/loans/{self.loan_of(payment)}/repay", body)

    def played(self, phone: str, **order: Any) -> dict[str, Any]:
        """A checkout that is not approved at once."""
        checkout = self.shop.checkout(**order)
        who = {"term": 3, "phone": phone, "name": "王小明", "id_number": invented_id_number(phone)}
        done: dict[str, Any] = self.post(f"/v1/test_helpers/checkouts/{checkout['id']}/complete", who)
        return done

    # -- days

    def first_day(self) -> None:
        self.agreements()
        self.shop.login()
        self.post("/v1/webhook_endpoints", {"url": "http://127.0.0.1:9/hook"})
        self.in_parts = self.order_in_parts()
        self.refunded = self.bought()
        self.refund(self.refunded, "price_adjustment", 5_000)
        self.refund(self.refunded, "goodwill", 3_000)
        self.refund(self.bought(api=self.shop), "unwind")
        lesson = self.bought(api=self.school, category="education")
        self.post(
            "/v1/refunds",
            {"payment": lesson["id"], "kind": "unused_lessons", "reason": "moved", "amount": 9_000},
            self.school,
        )
        self.subsidised = self.trade_in()
        self.disputed = [self.dispute() for _ in range(3)]
        self.given_up, self.late = self.bought(), self.bought()
        self.miss(self.given_up, 3)
        self.miss(self.late, 1)
        self.early, self.paid = self.bought(12), self.bought()
        self.repay(self.paid, amount=30_000)
        self.refund(self.paid, "return")
        self.post(f"/v1/payments/{self.shop.approved(3)['id']}/void", {"reason": "canceled", "amount": 1_000})
        self.post(f"/v1/test_helpers/payments/{self.shop.approved(3)['id']}/expire")
        self.payout_that_fails()
        self.lessons()
        self.applications()
        self.live.checkout()
        self.books.work()

    def first_month(self) -> None:
        self.books.pass_days(1)
        self.shop.login()
        paid = [row for row in self.shop.get("/v1/payouts").json["data"] if row["status"] == "paid"]
        self.post(f"/v1/test_helpers/payouts/{paid[0]['id']}/return", {})
        self.post(f"/v1/test_helpers/disputes/{self.disputed[0]}/resolve", {"outcome": "won"})
        self.post(f"/v1/test_helpers/disputes/{self.disputed[1]}/resolve", {"outcome": "lost"})
        claim = self.subsidised["captures"][0]["government_subsidy"]["id"]
        self.post(f"/v1/test_helpers/subsidy_claims/{claim}/pay")
        self.refund(self.bought(), "return")
        self.books.jump(12)
        self.shop.login()
        self.gateway.db.write(self._settle_early)
        self.books.jump(35)
        self.shop.login()
        self.repay(self.late, amount=25_000)
        self.refund(self.in_parts, "return", items=[{"line": 1, "quantity": 1}])

    def year(self) -> None:
        self.books.jump(260)
        self.shop.login()
        self.repay(self.given_up, amount=10_000)
        self.books.work()

    def last_day(self) -> None:
        """What is fresh: a loan just drawn, people, a score, an erasure, a clock; and every head signed."""
        self.shop.login()
        hook = self.post("/v1/webhook_endpoints", {"url": "http://127.0.0.1:9/new"})["id"]
        self.bought()
        self.dispute()
        self.post(f"/v1/webhook_endpoints/{hook}/test")
        self.books.work()
        partner = self.partner()
        self.post("/v1/scores", {"reference": "case-1", "application": CASE}, partner)
        session = self.people.allow_everything(self.app, self.shop)
        self.people.add_people(self.app, self.shop, session)
        self.gateway.db.write(lambda tx: self._authenticator(tx, session))
        self.rights()
        self.school.login()
        self.post("/v1/test_clocks", {"name": "autumn"}, self.school)
        while drain(self.gateway):
            pass
        sweep(self.gateway)
        chain.extend(self.gateway.db)
        sign_heads(self.gateway, at_once=True)

    # -- parts

    def agreements(self) -> None:
        db, shop = self.gateway.db, self.shop.credentials["merchant"]
        db.write(lambda tx: older_release.name_payout_account(tx, shop, "acct_6222021234567890"))
        for number in ("acct_1", "acct_2"):
            wanted = Wanted("institution_account", number, reason="contract 7")
            self.gateway.db.write(lambda tx, wanted=wanted: self._payout_account(tx, wanted))
        merchants.reserve(db, OPERATOR, shop, rate="0.05", days=10)
        merchants.acknowledgement(db, OPERATOR, shop, days=9)
        desk = Desk(self.app, self.school.credentials["merchant"])
        card = desk.read(lambda tx: rate_cards.as_it_stands(tx, desk.merchant, TODAY))
        desk.agreed(card)
        desk.propose(card, first=30)
        school = Tenant(self.school.credentials["merchant"], "test")
        changes = {"minimum_payout_fen": 50_000, "reserve_rate": "0.1", "reserve_days": 20}
        desk.agree_on_terms(school, changes)
        desk.propose_terms(school, {"t_plus": 2})

    def order_in_parts(self) -> dict[str, Any]:
        """Two pieces of one line and one of another, shipped in two parcels."""
        items = [
            {"name": "Phone", "quantity": 2, "unit_price": 100_000},
            {"name": "Case", "quantity": 1, "unit_price": 20_000},
        ]
        payment = self.shop.approved(3, amount=220_000, items=items)
        path = f"/v1/payments/{payment['id']}"
        self.post(f"{path}/acknowledge", {"merchant_order_id": "shop-77"})
        box = {"items": [{"line": 1, "quantity": 1, "serial_numbers": ["SN-1"]}]}
        self.post(f"{path}/capture", {**box, "delivery": {"carrier": "SF", "tracking_number": "SF1"}})
        shipped: dict[str, Any] = self.post(f"{path}/capture")
        return shipped

    def trade_in(self) -> dict[str, Any]:
        item = {"name": "Phone", "quantity": 1, "unit_price": 599_900, "subsidy_category": "phone"}
        programme = {"programme": "trade_in_2026", "amount": 50_000}
        payment: dict[str, Any] = self.shop.captured(
            12, amount=549_900, items=[item], government_subsidy=programme
        )
        return payment

    def dispute(self) -> str:
        return str(self.post("/v1/test_helpers/disputes", {"payment": self.bought()["id"]})["id"])

    def miss(self, payment: dict[str, Any], instalments: int) -> None:
        self.post(f"/v1/test_helpers/loans/{self.loan_of(payment)}/miss", {"instalments": instalments})

    def payout_that_fails(self) -> None:
        checkout = self.school.checkout(category="education", amount=70_000)
        played = {"term": 3, "phone": PAYOUT_FAILS}
        path = f"/v1/test_helpers/checkouts/{checkout['id']}/complete"
        payment = self.post(path, played, self.school)["payment"]
        self.post(f"/v1/payments/{payment}/capture", api=self.school)

    def lessons(self) -> None:
        """A course in five stages: taught, contested, decided, taken back, not begun; and captures that wait."""
        db, school = self.gateway.db, self.school.credentials["merchant"]
        payment = self.school.approved(3, category="education", amount=100_000)["id"]
        path = f"/v1/payments/{payment}"
        stages = [
            self.post(f"{path}/milestones", {"kind": "lesson", "amount": 18_000}, self.school)["id"]
            for _ in range(5)
        ]
        self.post(f"{path}/capture", api=self.school)
        for stage in stages[:3]:
            self.post(f"{path}/milestones/{stage}/claim", {"text": "taught"}, self.school)
        for stage in stages[1:3]:
            self.post(f"/v1/test_helpers/payments/{payment}/milestones/{stage}/contest", api=self.school)
            self.post(f"{path}/milestones/{stage}/respond", {"text": "it was"}, self.school)
        milestones.release(db, OPERATOR, stages[2], person="desk", reason="attendance list")
        unused = {"payment": payment, "kind": "unused_lessons", "reason": "moved", "amount": 20_000}
        self.post("/v1/refunds", unused, self.school)
        for mode in ("test", "live"):
            milestones.stop(db, OPERATOR, school, mode, person="desk", reason="no teacher")
        with db.read() as tx:
            stops = list(tx.exec(select(MilestoneStop.id).where(MilestoneStop.mode == "test")))
        milestones.lift(db, OPERATOR, stops[0], person="desk", reason="teaches again")
        merchants.delivery_hold(db, OPERATOR, school, days=10)
        merchants.frame_origins(db, OPERATOR, school, "test", add=("https://school.example",))
        self.bought(api=self.school, category="education")

    def applications(self) -> None:
        """Checkouts that came to nothing yet, lists, and a request for a person."""
        self.shop.checkout()
        canceled = self.shop.checkout()
        self.post(f"/v1/checkouts/{canceled['id']}/cancel")
        reviewed = self.played(REVIEWED)
        self.post(f"/v1/test_helpers/checkouts/{reviewed['id']}/resolve", {"outcome": "approve"})
        self.played("13800000013"), self.played(REVIEWED)
        self.declined = self.played(DECLINED)
        self.gateway.db.write(self._ask_a_person)
        for kind in ("blocked", "watched"):
            lists.add(
                self.gateway,
                OPERATOR,
                mode="test",
                kind=kind,
                of="phone",
                value="13912345678",
                note="case 17",
            )
        with self.gateway.db.read() as tx:
            entry = lists.lists.in_force(tx, "test")[0]
        lists.end(self.gateway, OPERATOR, entry.id)

    def partner(self) -> Api:
        db, merchant = self.gateway.db, self.shop.credentials["merchant"]
        merchants.agree_scopes(db, OPERATOR, merchant, give=("scores:write",))
        client_id, secret = db.write(
            lambda tx: oauth.create_client(
                tx, self.gateway.vault, merchant_id=merchant, mode="test", scopes=("scores:write",)
            )
        )
        partner = Api(
            self.app.test_client(), {"merchant": merchant, "client_id": client_id, "client_secret": secret}
        )
        partner.login()
        return partner

    def rights(self) -> None:
        """One person is erased, one waits for it, one takes a consent back."""
        gone = self.played(DECLINED, category="3c")
        waits = self.bought()
        with self.gateway.db.read() as tx:
            people = [self._shopper(tx, row["id"]) for row in (gone, self.declined)]
            holder = payments.get(
                tx, Tenant(self.shop.credentials["merchant"], "test"), waits["id"]
            ).shopper_id
        for shopper in (people[0], holder):
            self.gateway.db.write(lambda tx, shopper=shopper: erasure.ask(tx, self.gateway.settings, shopper))
        self.gateway.db.write(
            lambda tx: consents.withdraw(tx, holder, "funder_sharing", channel="staff") and None
        )

    # -- transactions

    def _payout_account(self, tx: Any, wanted: Wanted) -> None:
        tenant = Tenant(self.shop.credentials["merchant"], "test")
        waits = payout_accounts.waiting(tx, tenant)
        if waits is not None:
            payout_accounts.cancel(tx, tenant, waits.id, canceled_by="operator:test")
        payout_accounts.request_change(tx, self.gateway, tenant, wanted, asked_by="operator:test")

    def _settle_early(self, tx: Any) -> None:
        tenant = Tenant(self.shop.credentials["merchant"], "test")
        done = repayment.settle_early(tx, tenant, loan_id=self.loan_of(self.early), reference="early-1")
        collections.free_limit(tx, done)

    def _shopper(self, tx: Any, checkout_id: str) -> str:
        return str(tx.get_one(Checkout, checkout_id).shopper_id)

    def _ask_a_person(self, tx: Any) -> None:
        row = tx.get_one(Checkout, self.declined["id"])
        reviews.request(tx, checkout_id=row.id, due_at=tx.now + timedelta(days=1))

    def _authenticator(self, tx: Any, session: str) -> None:
        me = tx.get_one(TeamMember, tx.get_one(LoginSession, session).member_id)
        authenticators.begin(tx, self.gateway.vault, me)
        factors.new_recovery_codes(tx, self.gateway.vault, me.id)
