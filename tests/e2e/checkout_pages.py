"""The pages of a checkout: the way to the confirmation, its mistakes, its results, and all of it inside a frame."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode, urlsplit

from gateway.decision.funder import Ruling
from gateway.merchants import service as merchants
from tests.e2e.every_page import LANGUAGES, Town, Walk
from tests.gateway.checkout import test_entry as entry
from tests.gateway.checkout.test_counter_offers import TOO_MUCH, confirmed
from tests.gateway.checkout.test_framed_pages import FRAME, SHOP, forms, register
from tests.gateway.checkout.test_stage_pages import staged
from tests.gateway.shopper import enter, go_on_by_code, identify


class Silent:
    """A lender that does not answer."""

    simulator = True

    def check(self, mode: str) -> None:
        """Anything goes."""

    def decide(self, submission: Any) -> Ruling:
        """Never answer."""
        raise TimeoutError

    def look_up(self, submission: Any) -> Ruling | None:
        """Never answer."""
        raise TimeoutError


@contextmanager
def silent_lender(gateway: Any) -> Iterator[None]:
    """For a while, the lender does not answer."""
    usual, gateway.ports.funder = gateway.ports.funder, Silent()
    yield
    gateway.ports.funder = usual


def checkout_open(walk: Walk, town: Town) -> None:
    """The way to the confirmation, with its mistakes."""
    api, clock = town.api, town.clock
    checkout = api.checkout(
        items=[
            {"name": "星河 X2 手机 256GB 曜石黑", "quantity": 1, "unit_price": 549_900},
            {"name": "快充充电器", "quantity": 2, "unit_price": 25_000},
        ]
    )
    at, pages = f"/checkout/{checkout['id']}", town.browser()
    enter(pages, checkout)
    walk.see("checkout: choose", pages, at)
    for _ in LANGUAGES:
        pages.post(f"{at}/identity", data={**entry.TYPED, "phone": "1", "id_number": "2", "code": "1"})
    walk.see("checkout: choose, mistakes", pages, at)
    pages.post(f"{at}/code", data=entry.TYPED)
    walk.see("checkout: choose, code sent", pages, at)
    pages.post(f"{at}/identity", data={**entry.TYPED, "code": "000000"})
    walk.see("checkout: review", pages, f"{at}/review")
    pages.post(f"{at}/confirm", data={"quote_hash": entry.plan_of(checkout)["quote_hash"]})
    walk.see("checkout: review, error", pages, f"{at}/review")
    walk.see("checkout: choose, known", pages, at)
    other = town.browser()
    enter(other, checkout)
    walk.see("checkout: choose, of another", other, at)
    stranger = town.browser()
    walk.see("checkout: other device", stranger, f"{at}/continue")
    walk.see("checkout: other device, mistakes", stranger, f"{at}/continue", {"phone": "1", "code": "1"})
    clock.advance(seconds=5)
    entry.confirm(pages, checkout)
    walk.see("result: approved", pages, f"{at}/result")
    walk.see("checkout: consents", pages, f"{at}/consents")
    api.login()
    subsidy = api.checkout(down_payment=100_000)
    enter(pages, subsidy)
    walk.see("checkout: choose, down payment", pages, f"/checkout/{subsidy['id']}")
    big = api.checkout(amount=20_000)
    enter(pages, big)
    walk.see("checkout: choose, small amount", pages, f"/checkout/{big['id']}")
    few = f"/plans?{urlencode({'key': api.credentials['publishable_key'], 'amount': '1000'})}"
    walk.see("plans: none", pages, few)
    walk.see(
        "plans", pages, f"/plans?{urlencode({'key': api.credentials['publishable_key'], 'amount': '599900'})}"
    )
    for name in ("credit_service", "bureau_query", "funder_sharing", "marketing"):
        version = re.search(rf"/agreements/{name}/([^?\"]+)", pages.get(f"{at}/review").text + _review(town))
        if version:
            walk.see(f"agreement: {name}", pages, f"/agreements/{name}/{version[1]}")


def _review(town: Town) -> str:
    checkout, pages = town.api.checkout(), town.browser()
    identify(pages, checkout, entry.TYPED)
    return str(pages.get(f"/checkout/{checkout['id']}/review").text)


def results(walk: Walk, town: Town) -> None:
    """The page of the result in each state up to the decision."""
    api = town.api
    for state, phone in (("declined", "13800000002"), ("under review", "13800000003")):
        at, pages = town.played(phone), town.browser()
        go_on_by_code(pages, at.rpartition("/")[2], phone)
        walk.see(f"result: {state}", pages, f"{at}/result")
        if state == "declined":
            pages.post(f"{at}/human-review")
            walk.see("result: declined, person asked", pages, f"{at}/result")
        else:
            pages.post(f"{at}/cancel")
            walk.see("result: canceled", pages, f"{at}/result")
    town.gateway.ports.scorer.load()
    merchant = api.credentials["merchant"]
    town.gateway.db.write(lambda tx: merchants.agree_down_payment(tx, merchant, percent=60))
    item = {"name": "电视", "quantity": 1, "unit_price": TOO_MUCH}
    checkout, pages = api.checkout(amount=TOO_MUCH, items=[item]), town.browser()
    confirmed(pages, api, town.clock, checkout, 12)
    page = walk.see("result: declined, counter-offer", pages, f"/checkout/{checkout['id']}/result")
    assert "data-counter-offer" in page.text
    checkout, pages = api.checkout(), town.browser()
    with silent_lender(town.gateway):
        entry.reviewed(pages, checkout, town.clock)
        entry.confirm(pages, checkout)
        walk.see("result: deciding", pages, f"/checkout/{checkout['id']}/result")
    checkout, pages = api.checkout(), town.browser()
    enter(pages, checkout)
    pages.post(f"/checkout/{checkout['id']}/identity", data={"term": "full"})
    walk.see("result: pay in full", pages, f"/checkout/{checkout['id']}/result")
    checkout, pages = api.checkout(), town.browser()
    entry.reviewed(pages, checkout, town.clock)
    town.clock.advance(days=2)
    api.login()
    walk.keep("error: expired", pages.get(f"/checkout/{checkout['id']}?lang=en"))
    walk.keep("error: expired", pages.get(f"/checkout/{checkout['id']}?lang=zh-CN"))


def after_approval(walk: Walk, town: Town) -> None:
    """The page of the result once the shop has shipped, taken back or given up, and the stages of a course."""
    api, books = town.api, town.books
    payment = api.captured(term=12)
    pages = town.browser()
    go_on_by_code(pages, payment["checkout"])
    at = f"/checkout/{payment['checkout']}"
    walk.see("result: running", pages, f"{at}/result")
    refund = {"payment": payment["id"], "amount": 150_000, "kind": "price_adjustment", "reason": "scratch"}
    assert api.post("/v1/refunds", refund).status_code == 201
    page = walk.see("result: running, amended", pages, f"{at}/result")
    amendment = re.search(r'href="(/checkout/[^"]+/amendments/[^"]+)"', page.text)
    assert amendment is not None
    walk.see("checkout: amendment", pages, amendment[1])
    contract = pages.get(f"{at}/contract")
    if contract.mimetype == "text/html":
        walk.see("checkout: contract", pages, f"{at}/contract")
    api.post("/v1/refunds", {"payment": payment["id"], "amount": 449_900, "reason": "returned"})
    walk.see("result: refunded", pages, f"{at}/result")
    gone = api.approved(term=3)
    api.post(f"/v1/payments/{gone['id']}/void", {"reason": "sold out"})
    go_on_by_code(pages, gone["checkout"])
    walk.see("result: voided", pages, f"/checkout/{gone['checkout']}/result")
    checkout, _, stage = staged(books)
    go_on_by_code(pages, checkout["id"])
    address = f"/checkout/{checkout['id']}/stages"
    walk.see("checkout: stages", pages, address)
    pages.post(f"{address}/contest", data={"milestone": stage, "reason": "只上了三节课"})
    walk.see("checkout: stages, contested", pages, address)


def framed(walk: Walk, town: Town) -> None:
    """The pages inside a page of the shop."""
    register(town.app, town.api, SHOP)
    checkout, pages = town.api.checkout(), town.browser()
    at = f"/checkout/{checkout['id']}"
    for language in reversed(LANGUAGES):
        opened = pages.get(f"{urlsplit(checkout['url']).path}?{urlencode({**FRAME, 'lang': language})}")
        walk.keep("framed: choose", opened)
    key = forms(pages.get(f"{urlsplit(checkout['url']).path}?{urlencode(FRAME)}"))[f"{at}/identity"]
    pages.post(f"{at}/code", data={**entry.TYPED, **key})
    review = pages.post(f"{at}/identity", data={**entry.TYPED, **key, "code": "000000"})
    walk.keep("framed: review", review)
    proof = forms(review)[f"{at}/confirm"]
    walk.see("framed: review", pages, f"{at}/review", proof)
    town.clock.advance(seconds=5)
    entry.confirm(pages, checkout, **proof)
    walk.see("framed: result", pages, f"{at}/result", proof)
