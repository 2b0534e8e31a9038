"""Codes are limited for whom they are sent to and guessed for: per day, with a growing wait, over all checkouts."""

from __future__ import annotations

import re
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text

from gateway.core.tenant import Tenant
from gateway.identity import code_limits
from gateway.identity.code_limits import GUESSED, LONGEST_WAIT, SENT
from gateway.identity.invented import invented_id_number
from gateway.web.rate_limits import Unlimited
from tests.gateway.shopper import enter, send
from tests.one_database import database_url, on_both  # noqa: F401

PHONE, OTHER = "13912345678", "13987654321"


@pytest.fixture
def gateway(app):
    """Without limits of addresses: an attacker has many."""
    here = app.extensions["fenqi"]
    here.counter = Unlimited()
    return here


@pytest.fixture
def pages(app, gateway):
    return app.test_client()


def code(pages, checkout, phone=PHONE, lang="zh-CN"):
    enter(pages, checkout)
    return send(pages, f"/checkout/{checkout['id']}/code?lang={lang}", {"phone": phone})


def guess(pages, checkout, phone=PHONE, id_number=None, digits="999999"):
    return send(
        pages,
        f"/checkout/{checkout['id']}/identity",
        {
            "term": "12",
            "name": "王小明",
            "id_number": id_number or invented_id_number(checkout["id"]),
            "phone": phone,
            "code": digits,
        },
    )


def evaluated(page):
    """Whether the code was compared: then the page says that it is wrong, or that another is needed."""
    return page.status_code == 422 and "验证码不正确" in page.text


def test_forty_checkouts_for_one_phone_send_ten_codes_and_take_twenty_guesses_a_day(
    gateway, pages, api, new_merchant, clock
):
    merchants = [api, new_merchant()]
    sent = guessed = 0
    for number in range(40):
        checkout = merchants[number % 2].checkout()
        sent += code(pages, checkout).status_code == 200
        guessed += sum(evaluated(guess(pages, checkout)) for _ in range(2))
        clock.advance(minutes=15)
        for one in merchants:
            one.login()
    assert sent == SENT.most == 10
    assert 0 < guessed <= GUESSED.most == 20
    clock.advance(hours=14)
    api.login()
    assert code(pages, api.checkout()).status_code == 200, "the next day begins anew"


def test_the_wait_grows_and_the_page_says_how_long_it_is(gateway, pages, api, clock):
    waits = []
    for _ in range(SENT.most):
        api.login()
        checkout = api.checkout()
        page = code(pages, checkout, lang="en")
        if page.status_code == 429:
            wait = int(page.headers["Retry-After"])
            waits.append(wait)
            count, unit = re.search(r"Try again in (\d+) (second|minute|hour)s?\.", page.text).groups()
            assert int(count) * {"second": 1, "minute": 60, "hour": 3600}[unit] >= wait
            assert "验证码操作过于频繁" in code(pages, checkout).text
            clock.advance(seconds=wait - 1)
            assert code(pages, checkout).status_code == 429
            clock.advance(seconds=1)
            page = code(pages, checkout)
        assert page.status_code == 200
    assert waits == [30, 60, 120, 240, 480, 960, 1920]
    assert max(waits) <= LONGEST_WAIT.total_seconds()
    clock.advance(hours=1)
    api.login()
    assert int(code(pages, api.checkout()).headers["Retry-After"]) > 72_000, "until the day is over"


def test_another_phone_and_the_other_mode_have_their_own_count(gateway, pages, api, new_merchant):
    for _ in range(SENT.free):
        assert code(pages, api.checkout()).status_code == 200
    checkout = api.checkout()
    assert code(pages, checkout).status_code == 429
    assert code(pages, checkout, f"+86 {PHONE}").status_code == 429, "however it is written"
    assert code(pages, checkout, OTHER).status_code == 200
    with gateway.db.read() as tx:
        code_limits.check(tx, gateway.vault, Tenant("mer_1", "live"), SENT, f"+86{PHONE}")


def test_phone_of_the_sandbox_is_never_used_up_by_another_shop_nor_by_right_codes(
    gateway, pages, api, new_merchant
):
    shared = "13800000001"
    for _ in range(SENT.free):
        assert code(pages, api.checkout(), shared).status_code == 200
    assert code(pages, api.checkout(), shared).status_code == 429, "as any phone"
    neighbour = new_merchant()
    for _ in range(SENT.most + 1):
        checkout = neighbour.checkout()
        assert code(pages, checkout, shared).status_code == 200
        assert guess(pages, checkout, shared, digits="000000").status_code == 303


def test_an_id_number_is_not_guessed_for_by_many_phones(gateway, pages, api):
    person, outcomes = invented_id_number("somebody"), []
    for number in range(20):
        checkout, phone = api.checkout(), f"139{number:08}"
        assert code(pages, checkout, phone).status_code == 200
        outcomes.append(guess(pages, checkout, phone, person).status_code)
    assert outcomes == [422] * 10 + [429] * 10


def test_a_right_code_is_refused_while_the_phone_waits_and_forgives_the_wrong_ones_after(
    gateway, pages, api, clock
):
    right = "000000"  # of the sandbox
    checkout = api.checkout()
    assert code(pages, checkout).status_code == 200
    for _ in range(GUESSED.free):
        assert evaluated(guess(pages, checkout))
    later = api.checkout()
    assert code(pages, later).status_code == 200
    waiting = guess(pages, later, digits=right)
    assert (waiting.status_code, waiting.headers["Retry-After"]) == (429, "60")
    clock.advance(seconds=60)
    done = guess(pages, later, digits=right)
    assert done.status_code == 303, done.text
    with gateway.db.read() as tx:
        code_limits.check(tx, gateway.vault, Tenant("mer_1", "test"), GUESSED, f"+86{PHONE}")


def test_no_phone_and_no_id_number_stands_in_the_counts_and_old_ones_are_swept(gateway, pages, api, clock):
    checkout = api.checkout()
    code(pages, checkout)
    guess(pages, checkout)

    def counts():
        with gateway.db.read() as tx:
            return [str(dict(row)) for row in tx.execute(text("SELECT * FROM code_count")).mappings()]

    assert len(counts()) == 3
    assert not re.search(rf"{PHONE}|{invented_id_number(checkout['id'])}", str(counts()))
    clock.now += timedelta(days=1)
    assert gateway.db.write(lambda tx: code_limits.forget_old(tx, limit=2)) == 2
    assert gateway.db.write(lambda tx: code_limits.forget_old(tx, limit=2)) == 1
    assert counts() == []


@on_both
def test_parallel_wrong_codes_are_all_counted_and_no_more_are_looked_at_than_one_by_one(
    app, gateway, pages, api
):
    checkouts, guesses = [api.checkout() for _ in range(SENT.free)], []
    for number in range(21):
        checkout, browser = checkouts[number % SENT.free], app.test_client()
        enter(browser, checkout)
        guesses.append((browser, checkout))
    for checkout in checkouts:
        assert code(pages, checkout).status_code == 200
    start = threading.Barrier(len(guesses))

    def send(one):
        start.wait()
        answer = guess(*one)
        while answer.status_code == 503:  # a lost race, as the page says: try again
            answer = guess(*one)
        return answer.status_code

    with ThreadPoolExecutor(len(guesses)) as pool:
        answers = Counter(pool.map(send, guesses))
    assert answers == {422: GUESSED.free, 429: len(guesses) - GUESSED.free}
    with gateway.db.read() as tx:
        tried = tx.execute(text("SELECT sum(attempts) FROM one_time_code")).scalar_one()
        count = code_limits._row(tx, gateway.vault, Tenant("mer_1", "test"), GUESSED, f"+86{PHONE}")
    assert (tried, count.times) == (GUESSED.free, GUESSED.free)
