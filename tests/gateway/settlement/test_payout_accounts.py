"""A change of the payout account: who may ask for it, who hears of it, when it counts, and where payouts go."""

from __future__ import annotations

import importlib.util
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from gateway import cli
from gateway.core.tenant import Tenant
from gateway.data_requests import rotation
from gateway.db.progress import silent
from gateway.institution.port import Answer, Instruction
from gateway.process.worker import drain
from gateway.settlement import payout_accounts
from gateway.team import service as team
from tests.gateway.books import Books
from tests.one_database import database_url, on_both  # noqa: F401

# The login's fixtures serve here too; conftest modules cannot be imported by name.
_spec = importlib.util.spec_from_file_location(
    "logins_of_payout_accounts", Path(__file__).parents[1] / "oauth" / "conftest.py"
)
assert _spec is not None
assert _spec.loader is not None
_fixtures = importlib.util.module_from_spec(_spec)
__import__("sys").modules["logins_of_payout_accounts"] = _fixtures
_spec.loader.exec_module(_fixtures)
make_portal, portal = _fixtures.make_portal, _fixtures.portal

PATH = "/v1/payout_accounts"
CARD = {
    "kind": "bank_card",
    "number": "6222 0212 3456 7894",
    "holder": "灯塔数码有限公司",
    "bank": "中国工商银行",
}
ACCOUNT = {"kind": "bank_account", "number": "１１０９－0123 4567 890", "holder": "灯塔", "bank": "招商银行"}


@pytest.fixture
def owner(app: Flask, portal: Any) -> Any:
    """Calls of an owner, with a token of a login of just now unless one is given."""
    keys = itertools.count()

    def send(method: str, path: str, body: Any = None, token: str | None = None) -> Any:
        headers = {"Authorization": f"Bearer {token or portal.tokens()['access_token']}"}
        if method != "GET":
            headers["Idempotency-Key"] = f"account-{next(keys)}"
        return app.test_client().open(path, method=method, json=body, headers=headers)

    return send


def letters(app: Flask) -> list[dict[str, Any]]:
    gateway = app.extensions["fenqi"]
    while drain(gateway):
        pass
    mailbox = gateway.settings.data_dir / "test-messages.jsonl"
    return [json.loads(line) for line in mailbox.read_text("utf-8").splitlines()] if mailbox.exists() else []


def another_owner(app: Flask, merchant: str, role: str = "owner") -> None:
    app.extensions["fenqi"].db.write(
        lambda tx: (
            team.create_team_member(
                tx,
                merchant_id=merchant,
                email=f"{role}@second.example",
                name="李四",
                password="a password of one's own",
                role=role,
            )
            and None
        )
    )


@on_both
def test_the_first_account_counts_at_once_and_a_change_after_three_days(
    app: Flask, api: Any, owner: Any, clock: Any
) -> None:
    another_owner(app, api.credentials["merchant"])
    another_owner(app, api.credentials["merchant"], role="finance")
    first = owner("POST", PATH, CARD)
    assert first.status_code == 201, first.text
    assert (first.json["status"], first.json["number"]) == ("in_force", "****7894")
    assert first.json["holder"] == "灯*******"
    changed = owner("POST", PATH, {**ACCOUNT, "reason": "换开户行"}).json
    assert (changed["status"], changed["number"], changed["reason"]) == ("waiting", "****7890", "换开户行")
    assert changed["effective_at"] > changed["created_at"]
    told = letters(app)
    owners = {"owner1@shop.example", "wang@shop.example", "owner@second.example"}
    assert ({letter["to"] for letter in told}, len(told)) == (owners, 6)
    assert all("****78" in letter["text"] for letter in told)
    assert not [letter for letter in told if "1109" in letter["text"] or "6222" in letter["text"]]
    waits = owner("POST", PATH, {**CARD, "number": "6222021234567803"})
    assert (waits.status_code, waits.json["code"], waits.json["payout_account"]) == (
        409,
        "wrong_state",
        changed["id"],
    )
    clock.advance(hours=71, minutes=59)
    assert [row["status"] for row in owner("GET", PATH).json["data"]] == ["waiting", "in_force"]
    clock.advance(minutes=1)
    assert [row["status"] for row in owner("GET", PATH).json["data"]] == ["in_force", "replaced"]
    late = owner("POST", f"{PATH}/{changed['id']}/cancel")
    assert (late.status_code, late.json["code"]) == (409, "wrong_state")


def test_any_owner_cancels_within_the_cooling_off_and_all_hear_of_it(
    app: Flask, owner: Any, clock: Any
) -> None:
    owner("POST", PATH, CARD)
    changed = owner("POST", PATH, ACCOUNT).json
    letters(app)
    token = owner("GET", PATH) and None
    assert token is None
    canceled = owner("POST", f"{PATH}/{changed['id']}/cancel")
    assert (canceled.status_code, canceled.json["status"]) == (200, "canceled")
    assert canceled.json["canceled_by"].startswith("mem_")
    assert owner("POST", f"{PATH}/{changed['id']}/cancel").json["canceled_at"] == canceled.json["canceled_at"]
    assert "取消" in letters(app)[-1]["subject"]
    clock.advance(days=4)
    assert [row["status"] for row in owner("GET", PATH).json["data"]] == ["canceled", "in_force"]


def test_an_old_login_changes_nothing_but_cancels(portal: Any, owner: Any, clock: Any) -> None:
    owner("POST", PATH, CARD)
    changed = owner("POST", PATH, ACCOUNT).json
    token = portal.tokens()["access_token"]
    clock.advance(minutes=6)
    refused = owner("POST", PATH, ACCOUNT, token=token)
    assert (refused.status_code, refused.json["code"]) == (401, "step_up_required")
    assert owner("POST", f"{PATH}/{changed['id']}/cancel", token=token).status_code == 200


def test_a_shops_server_changes_nothing_and_a_stranger_sees_nothing(
    api: Any, owner: Any, new_merchant: Any
) -> None:
    first = owner("POST", PATH, CARD).json
    assert api.get(f"{PATH}/{first['id']}").json["number"] == "****7894"
    for path in (PATH, f"{PATH}/{first['id']}/cancel"):
        assert api.post(path, CARD if path == PATH else {}).status_code == 403
    stranger = new_merchant()
    assert stranger.get(f"{PATH}/{first['id']}").status_code == 404
    assert stranger.get(PATH).json["data"] == []
    live = new_merchant(mode="live")
    assert live.get(PATH).json["data"] == []


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"number": "6222021234567895"}, "number"),
        ({"number": "622202123456"}, "number"),
        ({"number": "62220212345678A4"}, "number"),
        ({"kind": "bank_account", "number": "1234567"}, "number"),
        ({"kind": "institution_account", "number": "a b"}, "number"),
        ({"holder": None}, "holder"),
        ({"bank": None}, "bank"),
        ({"kind": "wallet"}, "kind"),
        ({"number": "x" * 101}, "number"),
        ({"reason": "身份证110101199003074514"}, "reason"),
    ],
)
def test_bad_numbers_are_refused_by_name_and_nothing_changes(
    owner: Any, changes: dict[str, Any], param: str
) -> None:
    answer = owner("POST", PATH, {name: value for name, value in {**CARD, **changes}.items() if value})
    assert answer.status_code == 422, answer.text
    assert answer.json["errors"][0]["param"] == param
    assert owner("GET", PATH).json["data"] == []


class Listening:
    """Pays everything, and remembers to which account."""

    simulator = True

    def __init__(self) -> None:
        self.accounts: list[str | None] = []
        self.silent = False

    def look_up(self, instruction: Instruction) -> Answer | None:
        return None

    def carry_out(self, instruction: Instruction) -> Answer:
        if instruction.movement == "payout":
            self.accounts.append(instruction.account)
        if self.silent:
            raise OSError("no answer")
        return Answer("succeeded")


def test_a_payout_goes_to_the_account_of_its_first_sending_and_shows_it(books: Books, owner: Any) -> None:
    books.gateway.ports.institution = bank = Listening()
    first = owner("POST", PATH, CARD).json
    books.api.captured(3)
    books.pass_days(1)
    changed = owner("POST", PATH, ACCOUNT).json
    books.api.login()
    books.api.captured(3)
    bank.silent = True
    books.pass_days(1)
    assert bank.accounts == ["6222021234567894"] * 2
    bank.silent = False
    books.jump(
        5
    )  # the change counts by now; the payout that was sent without an answer stays with its account
    assert bank.accounts == ["6222021234567894"] * 3
    books.api.login()
    books.api.captured(3)
    books.pass_days(3)
    books.api.login()
    rows = books.api.get("/v1/payouts").json["data"]
    assert [row["account"] for row in rows] == [changed["id"], first["id"], first["id"]]
    assert bank.accounts[-1] == "110901234567890"
    books.sound()


def test_the_command_takes_the_same_way_with_a_reason(
    app: Flask, api: Any, clock: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = app.extensions["fenqi"].settings
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    merchant, data = api.credentials["merchant"], ["--data", str(settings.data_dir)]
    command = ["merchant", "payout-account", merchant]
    assert cli.main([*command, "acct_1", "--reason", "contract 7", *data]) == 0
    assert cli.main([*command, "acct_2", "--reason", "contract 8", *data]) == 0
    assert "owners are told" in capsys.readouterr().out
    assert cli.main([*command, "acct_3", "--reason", "x", *data]) == 1
    assert "waits until" in capsys.readouterr().err
    assert cli.main([*command, "acct_3", "--reason", "x", "--mode", "live", *data]) == 1
    assert "nothing can be sent in live mode" in capsys.readouterr().err
    with app.extensions["fenqi"].db.read() as tx:
        entries = tx.connection().execute(
            text("SELECT actor_kind, action, facts FROM audit_entry WHERE action = 'payout_account.request'")
        )
        assert [(row[0], "contract" in str(row[2])) for row in entries] == [("operator", True)] * 2
    assert api.get(PATH).json["data"][0]["requested_by"].startswith("operator:")


def test_numbers_are_sealed_and_a_new_master_key_reseals_them(app: Flask, api: Any, owner: Any) -> None:
    owner("POST", PATH, CARD)
    gateway = app.extensions["fenqi"]
    with gateway.db.read() as tx:
        sealed = tx.connection().execute(text("SELECT details_sealed FROM payout_account")).scalar_one()
    assert b"6222" not in bytes(sealed)
    before = gateway.vault.current_key_id
    rotation.rotate(gateway, resume=False, progress=silent)
    with gateway.db.read() as tx:
        assert not rotation.sealed_with(tx, before)
        tenant = Tenant(api.credentials["merchant"], "test")
        current = payout_accounts.in_force(tx, tenant)
        assert current is not None
        number = payout_accounts.number_for(tx, gateway.vault, tenant.merchant_id, current.id)
    assert number == "6222021234567894"


def test_the_cooling_off_is_a_setting(app: Flask, owner: Any) -> None:
    from dataclasses import replace  # noqa: PLC0415

    gateway = app.extensions["fenqi"]
    gateway.settings = replace(gateway.settings, payout_account_cooling_hours=0)
    owner("POST", PATH, CARD)
    assert owner("POST", PATH, ACCOUNT).json["status"] == "in_force"
