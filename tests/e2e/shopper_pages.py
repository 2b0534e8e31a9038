"""The pages of the shopper's own place, of the repayment card, and of the pretended bank."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from gateway.complaints import service as complaints
from gateway.institution.fake_bank_client import FakeBank
from tests.e2e.every_page import Town, Walk
from tests.gateway.checkout import test_entry as entry
from tests.gateway.my.visitors import bought, log_in
from tests.gateway.payments.test_repayment_methods import Bank
from tests.gateway.shopper import go_on_by_code


def own_place(walk: Walk, town: Town) -> None:
    """The shopper's own place."""
    api, books, pages = town.api, town.books, town.browser()
    walk.see("my: login", pages, "/my/test/login")
    walk.see("my: login, live", pages, "/my/login")
    walk.see("my: login, mistakes", pages, "/my/test/login", {"phone": "1", "code": "1"})
    pages.post("/my/test/login/code", data={"phone": "13800000001"})
    pages.post("/my/test/login", data={"phone": "13800000001", "code": "000000"})
    walk.see("my: who", pages, "/my/test/login/who")
    late = bought(api)
    loan = late["captures"][0]["loan"]
    books.post(f"/v1/test_helpers/loans/{loan}/miss", {"instalments": 1})
    books.pass_days(40)
    api.login()
    fresh = bought(api, amount=129_900)
    bought(api, amount=88_800, ship=False)
    ended = bought(api, amount=100_000)
    api.post(f"/v1/test_helpers/loans/{ended['captures'][0]['loan']}/repay", {"early_settlement": True})
    log_in(pages)
    walk.see("my: loans", pages, "/my/test")
    walk.see("my: loan, overdue", pages, f"/my/test/loans/{loan}")
    at = f"/my/test/loans/{fresh['captures'][0]['loan']}"
    walk.see("my: loan", pages, at)
    walk.see("my: dispute", pages, f"{at}/dispute")
    walk.see("my: dispute, mistakes", pages, f"{at}/dispute", {"reason": "", "amount": "x", "text": "x"})
    walk.see("my: payoff", pages, f"{at}/payoff")
    walk.see("my: contract", pages, f"{at}/contract")
    walk.see("my: schedule", pages, f"{at}/schedules/1")
    pages.post(f"/my/test/loans/{loan}/pay")
    walk.see("my: loan, paying", pages, f"/my/test/loans/{loan}?done=paying")
    books.work()
    page = pages.get(f"/my/test/loans/{loan}").text
    receipt = re.search(r"/my/test/receipts/(rpy_\w+)", page)
    assert receipt is not None
    walk.see("my: receipt", pages, receipt.group())
    walk.see("my: messages", pages, "/my/test/messages")
    walk.see("my: help", pages, "/my/test/help")
    walk.see("my: help, mistakes", pages, "/my/test/help", {"kind": "", "loan": "x", "text": "x"})
    said = {"kind": "complaint", "loan": loan, "text": "收到的手机有划痕，商家不肯换货"}
    number = pages.post("/my/test/help", data=said).location.partition("#")[2]
    pages.post("/my/test/help", data={"kind": "hardship", "loan": "", "text": "失业了，想延期还款"})
    town.gateway.db.write(
        lambda tx: complaints.answer(tx, town.gateway.vault, number, words="已安排换货。", by="李经理")
    )
    walk.see("my: help, history", pages, "/my/test/help")
    walk.see("my: data", pages, "/my/test/data")
    walk.see("my: again", pages, "/my/test/again?next=data")
    log_in(town.browser())
    walk.see("my: devices", pages, "/my/test/devices")
    api.login()
    town.played("13800000002")
    nobody = log_in(town.browser(), phone="13800000002", id_number=entry.TYPED["id_number"])
    walk.see("my: no loans", nobody, "/my/test")


def cards(walk: Walk, town: Town) -> None:
    """The repayment card, and the page of the (fake) bank."""
    bank = Bank(town.tmp_path / "bank")
    usual, town.gateway.ports.institution = town.gateway.ports.institution, FakeBank(bank.url)
    try:
        town.api.login()
        payment = town.api.captured(term=3)
        pages = town.browser()
        go_on_by_code(pages, payment["checkout"])
        at = f"/checkout/{payment['checkout']}"
        walk.see("method: none", pages, f"{at}/method")
        address = urlsplit(pages.post(f"{at}/method/begin").location).path
        walk.see("bank: form", bank.browser, address, site="bank")
        walk.see(
            "bank: mistakes", bank.browser, address, {"number": "1", "expiry": "13/20", "act": "save"}, "bank"
        )
        walk.see(
            "bank: asks",
            bank.browser,
            address,
            {"number": "4000002500003155", "expiry": "12/49", "act": "save"},
            "bank",
        )
        walk.see("method: pending", pages, f"{at}/method")
        bank.give(bank.url + address, "4242 4242 4242 4242")
        pages.get(f"{at}/method/return", follow_redirects=True)
        walk.see("method: there", pages, f"{at}/method")
        walk.see("bank: over", bank.browser, address, site="bank")
        walk.see("result: running, card", pages, f"{at}/result")
        bought(town.api, term=3)
        mine = log_in(town.browser())
        walk.see("my: method, none", mine, "/my/test/method")
        bank.give(mine.post("/my/test/method/begin").location, "4000 0000 0000 9995")
        mine.get("/my/test/method/return")
        town.books.pass_days(32)
        log_in(mine)
        walk.see("my: method, unpaid", mine, "/my/test/method")
    finally:
        bank.stop()
        town.gateway.ports.institution = usual
