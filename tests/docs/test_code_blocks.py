"""Every block of code that we print runs as it is pasted, in a clone beside a fresh demo."""

from __future__ import annotations

import doctest
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import requests

import fenqi
from gateway import cli
from gateway.app import gateway_of
from gateway.config import from_environment
from gateway.db.transactions import Transaction
from gateway.operators import service as operators
from scoring import cli as scoring_cli
from tests.docs.clone import Demo, buy, started
from tests.docs.fences import ROOT, Block, Desk, blocks_of, pages

pytestmark = pytest.mark.long(30)

SHELLS, PYTHON, BROWSER = {"console", "bash"}, {"python"}, {"html", "css", "js", "http"}
ELSEWHERE = {
    "{toctree}": "./run docs",
    "{eval-rst}": "./run docs",
    "text": "not code: formulas and trees",
    "yaml": "for Prometheus; what deploy/ holds is read by tests/house/test_monitoring.py",
    "json": "what the command above it prints",
    "pycon": "run below, by doctest",
}
BARE = {"README.md", "README.zh-CN.md", "CONTRIBUTING.md", "docs/quickstart.md"}
"""Pages that are read first, in a shell that knows nothing; the others in the shell that the quickstart sets up."""
PAGES = {str(path.relative_to(ROOT)): blocks_of(path) for path in pages()}
RUNNABLE = [
    name
    for name, blocks in PAGES.items()
    if any(b.language in SHELLS | PYTHON and not b.not_run for b in blocks)
]
CHROMIUM = os.environ.get("CHROMIUM") or next(
    filter(None, (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))), ""
)


@pytest.fixture(scope="module")  # and no longer: its worker looks for work many times a second
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demo at work in a clone, as ``./run demo`` starts it."""
    with started(tmp_path_factory.mktemp("clone")) as found:
        yield found


def test_every_block_has_a_language_that_is_run_or_known() -> None:
    unknown = [
        f"{block.where}: {block.language or 'no language'}"
        for blocks in PAGES.values()
        for block in blocks
        if block.language not in SHELLS | PYTHON | BROWSER | ELSEWHERE.keys()
    ]

    assert unknown == []
    assert len(RUNNABLE) >= 12


def test_few_blocks_are_not_run_and_each_says_why() -> None:
    left_out = [block for blocks in PAGES.values() for block in blocks if block.not_run]

    assert len(left_out) <= 12, [block.where for block in left_out]
    for block in left_out:
        for command, _ in block.commands:
            must_parse(command)


def must_parse(command: str) -> None:
    """A command of ours that is not run has at least the options that it is printed with."""
    line = words_of(command)
    if line and line[0] in ("fenqi-gateway", "fenqi-score"):
        (cli.parser() if line[0] == "fenqi-gateway" else scoring_cli._parser()).parse_args(line[1:])


@pytest.mark.parametrize(
    "name", [name for name, blocks in PAGES.items() if any(b.language == "pycon" for b in blocks)]
)
def test_examples_of_a_page_print_what_stands_below_them(name: str) -> None:
    examples = "\n".join(block.text for block in PAGES[name] if block.language == "pycon")
    said: list[str] = []

    result = doctest.DocTestRunner(verbose=False).run(
        doctest.DocTestParser().get_doctest(examples, {}, name, name, 0), out=said.append
    )

    assert not result.failed, "".join(said)
    assert result.attempted > 0


@pytest.mark.parametrize("name", RUNNABLE)
def test_blocks_of_a_page_run_as_pasted(name: str, demo: Demo, tmp_path: Path) -> None:
    desk = Desk(demo.clone, tmp_path / "state")
    try:
        if name not in BARE:
            type_in(desk, PRELUDE, demo)
        if name in HAPPENED:
            desk.python(HAPPENED[name])
        if any(" operators add " in block.text for block in PAGES[name]):
            remove_operators(demo)
        for block in PAGES[name]:
            if block.not_run:
                continue
            try:
                if block.language in SHELLS:
                    type_in(desk, block, demo, but=elsewhere(name))
                elif block.language in PYTHON:
                    for _ in range(2 if name in REPEATABLE else 1):
                        desk.python(filled(AROUND.get(name, "") + block.text, demo))
            except AssertionError as failure:
                pytest.fail(f"{block.where}\n{failure}", pytrace=False)
    finally:
        desk.close()


PRELUDE = next(block for block in PAGES["docs/quickstart.md"] if ".venv/bin/activate" in block.text)
AROUND = {
    "sdk/python/README.md": ("seen_before = lambda id: False\nhandle = lambda type, data: None\n"),
}
"""What the reader's own program has around a block."""
HAPPENED = {
    "docs/statements.md": (
        "import subprocess\nimport fenqi\nfrom datetime import date\nclient = fenqi.Fenqi()\n"
        "checkout = client.checkouts.create(amount=100_000, merchant_reference='proved', category='3c',\n"
        "    items=[{'name': 'Phone', 'quantity': 1, 'unit_price': 100_000}],\n"
        "    return_url='https://shop.example/return', cancel_url='https://shop.example/cart')\n"
        "client.test_helpers.complete_checkout(checkout.id, term=3, phone='13800000001')\n"
        "payment = client.payments.capture(client.checkouts.retrieve(checkout.id).payment)\n"
        "on = payment.captures[0].settlement_date\n"
        "for command in (['settle', '--date', on], ['ledger', 'sign']):\n"
        "    subprocess.run(['fenqi-gateway', *command, '--data', 'var/demo'], check=True, capture_output=True)\n"
    )
}
"""What must have happened in the demo before a page, in Python."""
REPEATABLE = {"docs/quickstart.md"}
"""Pages that tell their readers to run it again."""
TRANSLATIONS = {"README.zh-CN.md": "README.md"}


def remove_operators(demo: Demo) -> None:
    """A page that adds the first operator finds none; each page has names of its own, which are given once."""
    gateway = gateway_of(from_environment(data_dir=str(demo.clone / "var/demo")))

    def remove(tx: Transaction) -> None:
        for row in operators.everybody(tx, 100):
            if row.removed_at is None:
                operators.remove(tx, row.name)

    gateway.db.write(remove)


def type_in(desk: Desk, block: Block, demo: Demo, but: Collection[tuple[str, ...]] = ()) -> None:
    """Run the commands of a block, and compare what they print with what the page shows."""
    commands = block.commands if block.language == "console" else [(block.text, "")]
    for command, shown in commands:
        if is_door(command) or (not shown and words_of(command) in but):
            continue
        printed = desk.shell(filled(command, demo))
        for line in shown.splitlines():
            assert re.search(pattern_of(line), printed), f"the page shows {line!r}, printed was {printed!r}"


def elsewhere(name: str) -> set[tuple[str, ...]]:
    """Commands of ours that the same page in the other language has word for word, and that are run there."""
    if name not in TRANSLATIONS:
        return set()
    blocks = [one for one in PAGES[TRANSLATIONS[name]] if one.language == "console" and not one.not_run]
    commands = [words_of(command) for block in blocks for command, _ in block.commands]
    return {words for words in commands if words[0] in ("fenqi-gateway", "fenqi-score")}


def words_of(command: str) -> tuple[str, ...]:
    return tuple(shlex.split(command.replace("\\\n", " "), comments=True))


def is_door(command: str) -> bool:
    """``./run NAME``: the very thing that stands around this test; it must be listed by ``./run``."""
    words = command.split()
    if words[0] != "./run":
        return False
    assert f"./run {words[1]} " in usage()
    return True


@cache
def usage() -> str:
    """What ``./run`` says of itself."""
    return subprocess.run([ROOT / "run", "help"], capture_output=True, text=True, check=True).stdout


def pattern_of(line: str) -> str:
    """A printed line with any figures and words where the page has figures and dots."""
    escaped = re.escape(line.strip())
    return re.sub(r"\d+", r"\\d+", escaped).replace("…", ".*")


def filled(text: str, demo: Demo) -> str:
    """The text with what a reader puts in: identifiers of their own for those that end in dots."""
    phones = demo.phones
    for placeholder, value in {
        "mer_01…": phones["merchant"],
        "mer_…": phones["merchant"],
        "ci_…": demo.shop("furniture")["client_id"],
        "whsec_new…": phones["webhook_secret"],
        "whsec_old…": phones["webhook_secret"],
        "pk_test_…": phones["publishable_key"],
        "https://GATEWAY": demo.url,
        "https://shop.example/hooks": f"{demo.url}/shops/phones/hooks",
        "/somewhere/else/": "./",
        "--out november.jsonl.gz": "--out exported.jsonl.gz",
        "scores monitor --mode live": "scores monitor --mode test",
        "privacy find --mode live": "privacy find --mode test",
        "/models/autumn": "./models/november",
        "/models/small": "./models/november",
    }.items():
        text = text.replace(placeholder, value)
    if "shp_…" in text:
        text = text.replace("shp_…", row_of(demo, "SELECT id FROM shopper LIMIT 1"))
    if "rcd_…" in text:
        text = text.replace("rcd_…", row_of(demo, "SELECT id FROM rate_card ORDER BY id DESC LIMIT 1"))
    if "stp_…" in text:
        text = text.replace(
            "stp_…", row_of(demo, "SELECT id FROM settlement_terms_proposal ORDER BY id DESC LIMIT 1")
        )
    if "dec_01…" in text:
        text = text.replace(
            "dec_01…", row_of(demo, "SELECT id FROM credit_decision WHERE fraud_score IS NOT NULL LIMIT 1")
        )
    return text


def row_of(demo: Demo, query: str) -> str:
    import sqlite3  # noqa: PLC0415

    with sqlite3.connect(demo.clone / "var/demo/fenqi.sqlite") as connection:
        found = connection.execute(query).fetchone()
    return str(found[0])


@pytest.mark.browser
def test_blocks_for_web_pages_work_in_a_browser(demo: Demo) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="the playwright package is missing")
    if not CHROMIUM:
        pytest.skip("no Chromium: apt install chromium, or set CHROMIUM")
    blocks = [
        block
        for blocks in PAGES.values()
        for block in blocks
        if block.language in BROWSER and not block.not_run
    ]
    of = {language: [block for block in blocks if block.language == language] for language in BROWSER}
    policy = filled("; ".join(block.text.partition(":")[2].strip() for block in of["http"]), demo)
    url = buy(demo, phone="13800000002")
    with playwright.sync_playwright() as engine:
        chromium = engine.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for block in of["html"]:
            assert_page_works(chromium, block, demo, policy)
        line = next(block for block in of["html"] if "fenqi-message" in block.text)
        page = opened(chromium, line, demo, policy)
        for block in of["css"]:
            read = "text => { const all = new CSSStyleSheet(); all.replaceSync(text); return all.cssRules.length }"
            assert page.evaluate(read, block.text) >= 2, block.where
        for block in of["js"]:
            page = opened(chromium, line, demo, policy)
            page.wait_for_function("typeof Fenqi !== 'undefined'")
            run = (
                f"url => {{ window.done = (async () => {{ {block.text}\n }})().then(() => 'done', String) }}"
            )
            page.evaluate(run.replace("pk_test_…", demo.phones["publishable_key"]), url)
            if "modal" in block.text:
                page.locator("dialog.ready .close").click()
                page.wait_for_url("**/orders/7?seen=closed")
            else:  # decided already: it is not for this browser
                page.wait_for_url(f"{url.partition('/open/')[0]}**")
        chromium.close()
    assert of["html"]
    assert of["js"]
    assert policy


def assert_page_works(chromium: Any, block: Block, demo: Demo, policy: str) -> None:
    page = opened(chromium, block, demo, policy)
    page.wait_for_function("typeof Fenqi !== 'undefined'")
    if "fenqi-message" in block.text:
        page.wait_for_selector("fenqi-message:has-text('分期')")
    if "fenqi-button" in block.text:
        page.wait_for_function("document.querySelector('fenqi-button').shadowRoot !== null")
    for link in page.query_selector_all("a[href]"):
        assert requests.get(link.get_attribute("href"), timeout=10).ok, block.where


def opened(chromium: Any, block: Block, demo: Demo, policy: str) -> Any:
    """A page of a shop with the block in it, the script beside it where the block has none, under the policy."""
    import base64  # noqa: PLC0415
    import hashlib  # noqa: PLC0415

    text = filled(block.text, demo)
    if "sha384-…" in text:
        version = re.findall(r"/js/(v[0-9.]+)/", text)[0]
        script = requests.get(f"{demo.url}/js/{version}/fenqi.js", timeout=10).content
        text = text.replace(
            "sha384-…", "sha384-" + base64.b64encode(hashlib.sha384(script).digest()).decode()
        )
    if "<script" not in text:
        text = f'<script src="{demo.url}/js/v1/fenqi.js" defer></script>' + text
    page = chromium.new_page()
    page.set_default_timeout(20_000)
    headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy}
    page.route(
        "**/pasted", lambda route: route.fulfill(headers=headers, body=f"<!doctype html><body>{text}</body>")
    )
    page.goto(f"{demo.url}/pasted")
    return page


def test_phone_shop_ships_and_refunds(demo: Demo) -> None:
    shop, browser = f"{demo.url}/shops/phones", requests.Session()

    def press(page: str, action: str, **values: str) -> requests.Response:
        token = re.search(r'name="csrf" value="([^"]+)"', browser.get(f"{shop}{page}", timeout=20).text)
        assert token is not None, page
        sent = {"csrf": token[1], **values}
        return browser.post(f"{shop}{action}", data=sent, allow_redirects=False, timeout=20)

    sent = press("/p/xinghe-12", "/p/xinghe-12/split")
    entered = browser.get(sent.headers["Location"], timeout=20)
    checkout = entered.url.split("/")[-1].split("?")[0]
    row = demo.phones
    with fenqi.Fenqi(row["client_id"], row["client_secret"], base_url=demo.url) as client:
        found = client.checkouts.list(limit=1).data[0]
        assert (found.id, found.url) == (checkout, None)
        client.test_helpers.complete_checkout(found.id, phone="13800000001")
        browser.get(f"{shop}/return", params={"checkout": found.id}, timeout=20).raise_for_status()
        number = found.merchant_reference
        entered = press("/desk/login", "/desk/login", password=row["desk_password"])
        assert entered.headers["Location"] == f"{shop}/desk"
        for action in ("ship", "refund"):
            assert press("/desk", f"/desk/{number}/{action}").status_code == 303

        payment = client.payments.retrieve(str(client.checkouts.retrieve(found.id).payment))

    assert (payment.captured_amount, payment.refunded_amount) == (599_900, 599_900)
    assert number in browser.get(f"{shop}/desk", timeout=20).text
