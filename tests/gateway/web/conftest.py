"""A merchant that has at least one of everything, for tests that call every route."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from gateway.app import APIS, gateway_of
from gateway.config import from_environment
from gateway.core.calendar import shanghai_date
from gateway.core.roles import ROLE_SCOPES
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.oauth import service as oauth
from gateway.process import daily
from gateway.process.onboarding import onboard
from gateway.process.worker import drain
from gateway.settlement import payout_accounts
from gateway.settlement.models import MerchantInvoice
from gateway.settlement.payout_accounts import Wanted
from gateway.team import invitations, sessions
from gateway.team.models import LoginSession, Passkey, TeamMember
from gateway.web.operations import Operation
from tests.gateway.books import Books
from tests.gateway.conftest import Api
from tests.gateway.plans.agreeing import Desk, card
from tests.gateway.web.real_server import START, wait_for
from tests.ports import free_port
from tests.warm import Process, python

IDENTIFIER = re.compile(r"\b[a-z]{2,4}_[0-9A-HJKMNP-TV-Z]{26}\b")
PEOPLES = ("/v1/team", "/v1/account")
OF_BOTH_MODES = (*PEOPLES, "/v1/rate_cards")
"""Paths of what is the merchant's in both modes."""
PARAMETER = re.compile(r"<(\w+)>")


@dataclass
class World:
    """A merchant with one object of each kind; ``ids`` by path parameter."""

    api: Api
    ids: dict[str, str]

    def seen(self) -> dict[str, Any]:
        """What the merchant's own lists and objects say, except who it is and its clock, which goes on by itself."""
        shown = {}
        for path in (operation.path for operation in operations() if operation.method == "GET"):
            if path not in ("/v1/plans", "/v1/me", "/v1/test_clocks/<clock_id>"):
                where = PARAMETER.sub(lambda match: self.ids[match[1]], path)
                answer = for_people(self.api, path).get(where)
                assert answer.status_code == 200, answer.text
                shown[path] = answer.json
        return shown

    def identifiers(self) -> set[str]:
        """Every identifier in what the merchant sees."""
        return set(IDENTIFIER.findall(json.dumps(self.seen()))) | set(self.ids.values())


def operations() -> Iterator[Operation]:
    for api in APIS:
        yield from api.operations


def name(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


def for_people(api: Api, path: str) -> Api:
    """Who asks for ``path``: an owner where only people may, else the merchant's server."""
    return replace(api, token=api.credentials["person"]) if path.startswith(PEOPLES) else api


def allow_everything(app: Flask, api: Api) -> str:
    """Give the caller's token every scope there is, and the merchant an owner who has just logged in; returns who.

    What is asked here is whose the objects are.
    """
    here = app.extensions["fenqi"]
    keys = here.ports.signing_keys
    _, claims = keys.verified(api.token)
    scopes = sorted({scope for operation in operations() for scope in operation.scope})
    api.token = keys.sign({**claims, "scope": " ".join(scopes)})
    api.credentials["person"], session = token_of_person(app, api, "owner", ROLE_SCOPES["owner"])
    return session


def token_of_person(app: Flask, api: Api, role: str, scopes: Iterable[str]) -> tuple[str, str]:
    """A token of somebody on the caller's team who has just logged in by the portal, and their session."""
    here = app.extensions["fenqi"]
    keys = here.ports.signing_keys
    _, claims = keys.verified(api.token)

    def log_in(tx: Transaction) -> tuple[str, dict[str, Any]]:
        person = add_person(tx, api, role)
        login = sessions.Login(
            ("pwd", "otp", "mfa"), tx.wall, "browser", "http://gateway.test/portal", person.id
        )
        session = sessions.begin(tx, here.vault, person, login)
        client = oauth.portal_client(
            tx, redirect_uris=["https://gateway.test/portal/callback"], mode=claims["mode"]
        )
        who = {"sub": person.id, "client_id": client.id, "sid": session}
        return session, {**who, **sessions.claims(tx, session, person)}

    session, who = here.db.write(log_in)
    return keys.sign({**claims, **who, "scope": " ".join(scopes)}), session


def add_person(tx: Transaction, api: Api, role: str) -> TeamMember:
    """Somebody on the caller's team."""
    address = f"{tx.new_id('mem').lower()}@shop.example"
    person = TeamMember(
        id=tx.new_id("mem"),
        merchant_id=api.credentials["merchant"],
        email=address,
        name="李雷",
        role=role,
        password="$argon2id$ of no password",
        created_at=tx.wall,
    )
    tx.add(person)
    tx.flush()
    return person


def add_people(app: Flask, api: Api, session: str) -> dict[str, str]:
    """A colleague, an invitation, a passkey and a session; returns their identifiers by path parameter."""

    def work(tx: Transaction) -> dict[str, str]:
        me = tx.get_one(LoginSession, session).member_id
        passkey = Passkey(
            id=tx.new_id("pk"),
            member_id=me,
            credential_id=tx.new_id("cred"),
            public_key=b"none",
            sign_count=0,
            name="Phone",
            created_at=tx.wall,
        )
        tx.add(passkey)
        invited = {"email": "hm@shop.example", "name": "韩梅梅", "role": "viewer"}
        invitation, _ = invitations.invite(
            tx, app.extensions["fenqi"].vault, tx.get_one(TeamMember, me), **invited
        )
        colleague = add_person(tx, api, "viewer")
        found = {"member_id": colleague, "invitation_id": invitation, "passkey_id": passkey}
        return {**{name: row.id for name, row in found.items()}, "session_id": session}  # type: ignore[attr-defined]

    found: dict[str, str] = app.extensions["fenqi"].db.write(work)
    return found


def add_invoice(app: Flask, tenant: Tenant) -> str:
    """An invoice of what the merchant owes."""

    def write(tx: Transaction) -> str:
        id, day = tx.new_id("ivc"), shanghai_date(tx.now)
        of_tenant = {"merchant_id": tenant.merchant_id, "mode": tenant.mode}
        row = MerchantInvoice(
            id=id, number=1, amount_fen=1_000, opened_on=day, due_on=day, created_at=tx.now, **of_tenant
        )
        tx.add(row)
        return id

    return str(app.extensions["fenqi"].db.write(write))


@pytest.fixture
def world(app: Flask, books: Books) -> World:
    """A merchant that has at least one of everything, and a test clock."""
    api = books.api
    phone = {"name": "Phone", "quantity": 1, "unit_price": 599_900, "subsidy_category": "phone"}
    programme = {"programme": "trade_in_2026", "amount": 50_000}
    payment = api.approved(amount=549_900, items=[phone], government_subsidy=programme)
    path = f"/v1/payments/{payment['id']}"
    stage = made(api.post(f"{path}/milestones", {"kind": "delivery", "amount": 100_000}))
    payment = api.post(f"{path}/capture").json
    capture = payment["captures"][0]
    refund = {"payment": payment["id"], "amount": 10_000, "kind": "price_adjustment", "reason": "scratch"}
    contested = {"payment": payment["id"], "capture": capture["id"], "reason": "not_received"}
    ids = {
        "payment_id": payment["id"],
        "capture_id": capture["id"],
        "loan_id": capture["loan"],
        "claim_id": capture["government_subsidy"]["id"],
        "milestone_id": stage,
        "refund_id": made(api.post("/v1/refunds", refund)),
    }
    books.pass_days(3)
    api.login()
    session = allow_everything(app, api)
    daily.sign_now(books.gateway)
    ids["dispute_id"] = made(api.post("/v1/test_helpers/disputes", contested))
    for noun in ("settlement", "payout", "event"):
        ids[f"{noun}_id"] = api.get(f"/v1/{noun}s").json["data"][0]["id"]
    ids["checkout_id"] = api.checkout()["id"]
    hook = {"url": "http://127.0.0.1:9/hook"}
    ids["endpoint_id"] = made(api.post("/v1/webhook_endpoints", hook))
    ids["delivery_id"] = api.post(f"/v1/webhook_endpoints/{ids['endpoint_id']}/test").json["id"]
    ids["clock_id"] = made(api.post("/v1/test_clocks", {"name": "autumn"}))
    ids["export_id"] = made(api.post("/v1/exports", {"kind": "payments", "format": "csv"}))
    drain(app.extensions["fenqi"])
    ids["month"] = "2026-10"
    ids["invoice_id"] = add_invoice(app, books.tenant)
    ids["card_id"] = Desk(app, api.credentials["merchant"]).agreed(card(), first=30)
    ids |= add_people(app, api, session) | add_reconciliation(app, api)
    ids["account_id"] = add_payout_accounts(app, books.tenant)
    return World(api, ids)


def add_payout_accounts(app: Flask, tenant: Tenant) -> str:
    """An account that counts, and another one that waits; returns the identifier of the latter."""
    here = app.extensions["fenqi"]

    def ask(number: str) -> str:
        wanted = Wanted("institution_account", number)
        return here.db.write(
            lambda tx: payout_accounts.request_change(tx, here, tenant, wanted, asked_by="operator:test").id
        )

    return [ask(number) for number in ("acct_1", "acct_2")][-1]


def add_reconciliation(app: Flask, api: Api) -> dict[str, str]:
    """A file that was compared, with one row that does not agree."""
    id = upload(api, "A-1")
    columns = {"reference": "order", "amount": "amount", "date": "date"}
    assert api.post(f"/v1/reconciliations/{id}/confirm", {"columns": columns}).status_code == 200
    drain(app.extensions["fenqi"])
    [item, *_] = api.get(f"/v1/reconciliations/{id}/items").json["data"]
    return {"reconciliation_id": id, "item_id": item["id"]}


def upload(api: Api, reference: str) -> str:
    """A file of one order, with headings of its own so that it waits for its columns; its identifier."""
    file = io.BytesIO(f"order,amount,date,{reference}\n{reference},1.00,2026-11-23,\n".encode())
    form = {"kind": "shop_orders", "file": (file, "orders.csv")}
    headers = {"Authorization": f"Bearer {api.token}"}
    return made(api.client.post("/v1/reconciliations", data=form, headers=headers))


def made(answer: TestResponse) -> str:
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


@pytest.fixture(scope="session")
def front(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[dict[str, Any]]:
    """A server behind one proxy, with deadlines short enough to be waited for, and a merchant of it."""
    folder = tmp_path_factory.mktemp("front")
    shutil.copy(sqlite_template, folder / "fenqi.sqlite")
    environ = {
        **os.environ,
        "DATABASE_URL": "",
        "FENQI_DATA_DIR": str(folder),
        "FENQI_PUBLIC_URL": "https://pay.example.test",
        "FENQI_PROXIES": "1",
        "FENQI_WORKER_IN_PROCESS": "0",
    }
    credentials = onboard(
        gateway_of(from_environment(environ)),
        name="门店",
        name_en="Shop",
        category="3c",
        mode="test",
        email="owner@shop.example",
        webhook_url=None,
    )
    port = free_port()
    server = Process(python, START.format(port=port), environ=environ, log=folder / "server.log")
    try:
        wait_for(port)
        yield {"port": port, "folder": folder, **credentials}
    finally:
        server.terminate()
        server.wait(timeout=30)
