"""The portal's page of payout accounts: an owner asks for a change and cancels it; others look."""

from __future__ import annotations

import re

from gateway.core.tenant import Tenant
from gateway.settlement import payout_accounts
from gateway.settlement.payout_accounts import Wanted
from tests.one_database import database_url  # noqa: F401

PATH = "/payout-account"
GIVEN = {"kind": "bank_card", "number": "6222 0212 3456 7894", "holder": "灯塔有限公司", "bank": "工商银行"}


def send(desk, path=PATH, **fields):
    csrf = re.search(r'name="csrf" value="([^"]+)"', desk.get(PATH).text)
    assert csrf
    return desk.post(path, data={"csrf": csrf[1], **fields})


def test_an_owner_names_an_account_and_cancels_the_change_of_it(desk, clock):
    assert send(desk, **GIVEN).status_code == 303
    page = desk.get(PATH).text
    assert "****7894" in page
    assert "6222" not in page
    assert "使用中" in page
    assert send(desk, **{**GIVEN, "kind": "institution_account", "number": "acct_2"}).status_code == 303
    page = desk.get(PATH).text
    assert "待生效" in page
    cancel = re.search(r'action="(?:/portal)?(/payout-account/pac_\w+/cancel)"', page)
    assert cancel
    assert send(desk, cancel[1]).status_code == 303
    assert "已取消" in desk.get(PATH).text


def test_a_wrong_number_is_said_in_words_and_not_shown_again(desk):
    answer = send(desk, **{**GIVEN, "number": "6222021234567895"})
    assert answer.status_code == 422
    assert "账号有误" in answer.text
    assert "6222021234567895" not in answer.text
    assert "灯塔有限公司" in answer.text


def test_an_old_login_goes_through_the_login_first(desk, clock):
    clock.advance(minutes=6)
    answer = send(desk, **GIVEN)
    assert answer.status_code in (302, 303)
    assert "prompt=login" in answer.location


def test_the_page_is_complete_in_english(desk, app, api):
    gateway, tenant = app.extensions["fenqi"], Tenant(api.credentials["merchant"], "test")
    for number in ("acct_1", "acct_2"):
        wanted = Wanted("institution_account", number)
        gateway.db.write(
            lambda tx, wanted=wanted: (
                payout_accounts.request_change(tx, gateway, tenant, wanted, asked_by="operator:x") and None
            )
        )
    page = desk.get(f"{PATH}?lang=en")
    assert page.status_code == 200
    shown = re.sub(r"商户\d+|中文", "", page.text)
    assert not [char for char in shown if "一" <= char <= "鿿"]
    assert "In force" in shown
    assert "Waiting" in shown
