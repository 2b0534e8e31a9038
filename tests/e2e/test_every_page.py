"""Every page of the product in a browser: axe, the width of a phone, large text, the keyboard, the policy of contents.

All pages are reached by links and forms alone, so each works without JavaScript. A usual run judges one state of each
page; ``FENQI_EVERY_PAGE=1`` judges every state in both languages, both schemes and three widths (minutes).
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from gateway.process import server, style
from tests.e2e import checkout_pages, people_pages, shopper_pages
from tests.e2e.every_page import Page, Town, Walk
from tests.e2e.judge import AXE, CHROMIUM, EVERY, FEW, judges
from tests.gateway.conftest import api, app, books, clock, new_merchant  # noqa: F401
from tests.merchant_portal.conftest import Person
from tests.one_database import database_url  # noqa: F401

pytest.importorskip("playwright", reason="the playwright package is missing: ./run test installs it")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.long(30),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt install chromium, or set CHROMIUM"),
    pytest.mark.skipif(not AXE.exists(), reason="no axe-core: npm ci in sdk/js-snippet, as ./run test does"),
]
STORIES: tuple[Callable[[Walk, Town], None], ...] = (
    checkout_pages.checkout_open,
    checkout_pages.results,
    checkout_pages.after_approval,
    checkout_pages.framed,
    shopper_pages.own_place,
    shopper_pages.cards,
    people_pages.doors,
    people_pages.desk,
    people_pages.till,
    people_pages.accounts,
    people_pages.around,
)
"""In this order: the later ones see what the earlier ones left."""
NO_PAGES = {
    "static": "files",
    "pages.": "files, and the snippet's",
    "monitoring.": "for probes and programs",
    "oauth.": "for programs",
    "operators_oauth.": "for programs",
    "api_reference": "walked as 'API reference', an endpoint without a blueprint",
    "checkout_documents.": "PDF files",
    "checkout_entry.enter": "leads on to the order",
    "checkout_result.contract": "the text as it was signed, as plain text",
    "checkout_method.come_back": "leads on to the card",
    "my_test.download_copy": "a file",
    "my_test.contract_file": "a PDF file",
    "my_test.amendment_file": "a PDF file",
    "my_test.settled_file": "a PDF file",
    "my_test.loans_address": "leads on to the list",
    "my_test.come_back_with_method": "leads on to the card",
    "login.begin": "leads to the gateway",
    "login.callback": "leads back to the page",
    "people.renewed": "leads to the login",
    "people.confirm": "leads to the login",
    "views.settlement_csv": "a file",
    "views.settlement_statement": "a file",
    "views.signing_keys": "a file",
    "exports.file": "a file",
    "exports.certificate": "a file",
    "exports.months": "leads on to the month",
}
"""Endpoints that answer a GET without a page, and why."""

NARROWEST = 320
"""A window of 640 px at 200 % is one of 320: text is doubled in the wider ones."""


@pytest.fixture
def walk(app, books, clock, tmp_path):  # noqa: F811
    """Every page, as it was answered."""
    portal = server.portal(app)
    app._got_first_request = False  # the merchant has logged in already
    style.register(app)
    town = Town(app, portal, books, clock, Person(app, portal), tmp_path)
    done = Walk({"gateway": app, "portal": portal})
    for story in STORIES:
        town.api.login()
        story(done, town)
    return done


def not_walked(walk: Walk) -> list[str]:
    """Endpoints with a page that no story has opened."""
    found = set()
    for name, site in walk.sites.items():
        for rule in site.url_map.iter_rules():
            endpoint = rule.endpoint.replace("my.", "my_test.")
            if (
                "GET" not in (rule.methods or ())
                or rule.rule.startswith("/v1/")
                or endpoint.endswith("form_address")
            ):
                continue
            if (name, endpoint) not in walk.met and not any(endpoint.startswith(one) for one in NO_PAGES):
                found.add(f"{name}: {rule.rule} ({endpoint})")
    return sorted(found)


def some(walk: Walk, turn: int, language: str) -> list[Page]:
    """Of each kind, named by what stands before the comma, one page; each kind in one of the two turns."""
    names = {name.partition(",")[0]: name for name, _ in reversed(walk.pages)}
    found = []
    for place, (_, name) in enumerate(sorted(names.items())):
        page = walk.pages.get((name, language))
        alone = sum(one == name for one, _ in walk.pages) == 1
        if page and (alone or place % len(FEW) == turn):
            found.append(page)
    return found


def test_every_page_is_walked_and_has_no_fault(walk):
    assert not not_walked(walk), "a story must open these, or NO_PAGES say why not"
    every, axe, said = bool(os.environ.get("FENQI_EVERY_PAGE")), AXE.read_text("utf-8"), []
    with judges(EVERY if every else FEW) as tabs:
        for turn, (name, language, judge) in enumerate(tabs):
            pages = [page for page in walk.pages.values() if page.language == language]
            for page in pages if every else some(walk, turn, language):
                judge.open(page)
                faults = judge.faults(axe)
                if every:
                    faults += judge.keyboard() + (judge.larger() if judge.width > NARROWEST else [])
                said += [f"{name}: {page.name}: {fault}" for fault in faults]
    assert not said, "\n".join(said)
