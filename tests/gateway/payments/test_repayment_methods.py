"""A repayment card: given on the bank's page, collected from, refused with a reason, changed and removed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text
from sqlmodel import select
from werkzeug.serving import make_server

from gateway.institution.fake_bank.server import application
from gateway.institution.fake_bank.store import Store
from gateway.institution.fake_bank_client import FakeBank
from gateway.payments.methods.models import RepaymentMethod
from gateway.payments.models import Collection
from tests.gateway.books import Books
from tests.gateway.shopper import go_on_by_code
from tests.one_database import database_url  # noqa: F401
from tests.ports import free_port

GOOD, UNIONPAY, POOR, ASKS = "4242 4242 4242 4242", "６２２２０２００００００００００", "4000000000009995", "4000002500003155"


class Bank:
    """The fake bank in a thread, and a tester's browser on its page."""

    def __init__(self, folder: Path) -> None:
        app = application(Store(folder))
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._server = make_server("127.0.0.1", port, app, threaded=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.browser, self.store = app.test_client(), app

    def give(self, page: str, number: str, expiry: str = "12/49", act: str = "save") -> Any:
        """Type a card on the page; returns the answer."""
        assert page.startswith(f"{self.url}/setup/")
        return self.browser.post(
            urlsplit(page).path, data={"number": number, "expiry": expiry, "act": act}
        )

    def down(self, down: bool) -> None:
        self.browser.post("/control/down", json={"down": down})

    def stop(self) -> None:
        self._server.shutdown()


@pytest.fixture
def bank(tmp_path: Path, app: Any) -> Iterator[Bank]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    found = Bank(tmp_path / "bank")
    app.extensions["fenqi"].ports.institution = FakeBank(found.url)
    yield found
    found.stop()


class Shopper:
    """A shopper's browser on the page of an approved order."""

    def __init__(self, app: Any, books: Books, phone: str = "13800000001") -> None:
        api = books.api
        self.books, self.app = books, app
        self.checkout = api.checkout(amount=600_000)
        done = api.post(
            f"/v1/test_helpers/checkouts/{self.checkout['id']}/complete", {"term": 3, "phone": phone}
        )
        self.payment = done.json["payment"]
        self.pages = app.test_client()
        self.result = go_on_by_code(self.pages, self.checkout["id"], phone)
        self.page = f"/checkout/{self.checkout['id']}/method"

    def begin(self) -> str:
        answer = self.pages.post(f"{self.page}/begin")
        assert answer.status_code == 303, answer.text
        return str(answer.location)

    def come_back(self) -> Any:
        return self.pages.get(f"{self.page}/return", follow_redirects=True)

    def attach(self, bank: Bank, number: str) -> Any:
        taken = bank.give(self.begin(), number)
        assert taken.status_code == 303, taken.text
        assert taken.location.startswith(f"{self.books.gateway.settings.public_url}{self.page}/return")
        return self.come_back()

    def methods(self) -> list[RepaymentMethod]:
        with self.books.gateway.db.read() as tx:
            return list(tx.exec(select(RepaymentMethod).order_by(RepaymentMethod.id)))  # type: ignore[arg-type]

    def collections(self) -> list[Collection]:
        with self.books.gateway.db.read() as tx:
            return list(tx.exec(select(Collection).order_by(Collection.id)))  # type: ignore[arg-type]


def test_a_card_is_given_collected_from_changed_and_removed(app: Any, books: Books, bank: Bank) -> None:
    shopper = Shopper(app, books)
    assert "添加还款卡" in shopper.result.text
    form = shopper.pages.get(shopper.page)
    assert bank.url in form.headers["Content-Security-Policy"]
    assert "Visa" in shopper.attach(bank, GOOD).text
    assert books.api.post(f"/v1/payments/{shopper.payment}/capture").status_code == 200
    books.pass_days(31)
    (first,) = shopper.collections()
    (visa,) = shopper.methods()
    assert (first.status, first.method_id) == ("succeeded", visa.id)
    changed = shopper.attach(bank, UNIONPAY).text
    assert "银联" in changed
    assert "4242" not in changed
    books.work()
    old, new = shopper.methods()
    assert (old.status, old.ended_because, old.token_sealed, old.detached_at is None) == (
        "detached",
        "replaced",
        None,
        False,
    )
    assert (new.status, new.kind, new.last4) == ("active", "mandate", "0000")
    shopper.pages.post(f"{shopper.page}/remove")
    assert "银联" not in shopper.pages.get(shopper.page).text
    books.pass_days(31)
    second = shopper.collections()[1]
    assert (second.status, second.failure, second.method_id) == ("failed", "no_payment_method", None)
    told = shopper.pages.get(shopper.page)
    assert "没有可用的还款卡，未能扣款。" in told.text
    assert "Next attempt" in shopper.pages.get(f"{shopper.page}?lang=en").text
    shopper.attach(bank, GOOD)
    books.pass_days(3)
    assert [row.status for row in shopper.collections()] == ["succeeded", "failed", "succeeded"]
    books.sound()
