"""Planted personal data comes out nowhere: not in logs, answers or events, nor in any byte of the database."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
import time
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
import requests
from sqlalchemy import text

from gateway.cli import main
from gateway.core.identifiers import resident_id_check_digit
from gateway.db.tables import metadata
from gateway.process.worker import drain
from tests.gateway.shopper import enter
from tests.one_database import database_url  # noqa: F401
from tests.ports import free_port
from tests.warm import Program

pytestmark = pytest.mark.long(10)

NAME = "欧阳卡纳丽"
STEM = "11010519870612377"
ID_NUMBER = STEM + resident_id_check_digit(STEM)
PHONE = "13912348765"
APPROVED_PHONE, DECLINED_PHONE = "13800000001", "13800000002"
CARD = "6222021234567894"
CONSENTS = {"credit_service": "yes", "bureau_query": "yes", "funder_sharing": "yes", "marketing": "yes"}


def disguises(secret: str) -> list[bytes]:
    """A secret as it is, encoded, and hashed without a key."""
    raw = secret.encode()
    hashes = [hashlib.new(name, raw) for name in ("md5", "sha1", "sha256", "sha512")]
    escaped = json.dumps(secret)[1:-1].encode()
    in_base64 = [base64.b64encode(b"x" * shift + raw)[2 * (shift > 0) * 2 : -4] for shift in range(3)]
    return [
        raw,
        raw.lower(),
        raw[::-1],
        raw.hex().encode(),
        escaped,
        quote(secret).encode(),
        *in_base64,
        *(found.hexdigest().encode() for found in hashes),
        *(base64.b64encode(found.digest())[:-2] for found in hashes),
        *(found.digest() for found in hashes),
    ]


PLANTED = {
    secret: sorted({form.lower() for form in disguises(secret)})
    for secret in (NAME, ID_NUMBER, PHONE, f"+86{PHONE}", CARD)
}


def found_in(content: bytes) -> list[str]:
    """Which planted secrets stand in ``content``, in any disguise and in any case of its letters."""
    lowered = content.lower()
    return [f"{secret} as {form!r}" for secret, forms in PLANTED.items() for form in forms if form in lowered]


def rows_of(gateway) -> bytes:
    """Every row of every table, as text and as the bytes it holds."""
    parts: list[bytes] = []
    with gateway.db.read() as tx:
        for table in metadata().tables.values():
            for row in tx.connection().execute(table.select()):
                parts.append(repr(tuple(row)).encode())
                parts.append(json.dumps([str(value) for value in row], ensure_ascii=False).encode())
                parts += [bytes(value) for value in row if isinstance(value, bytes | memoryview)]
    return b"\n".join(parts)


def purchase(call, checkout: dict, phone: str) -> list[str]:
    """A shopper on the pages, with mistakes on the way; returns the answers after the form."""
    path = f"/checkout/{checkout['id']}"
    plan = checkout["plans"][-1]
    form = {"term": str(plan["term"]), "name": NAME, "id_number": ID_NUMBER, "phone": phone, "code": "000000"}
    call("GET", urlsplit(checkout["url"]).path)
    call("POST", f"{path}/code", form)
    call("POST", f"{path}/identity", {**form, "code": "111111"})
    call("POST", f"{path}/identity", {**form, "id_number": ID_NUMBER[:-1] + "0"})
    call("POST", f"{path}/identity", {**form, "phone": "12"})
    answers = [call("POST", f"{path}/identity", form), call("GET", f"{path}/review")]
    wait = getattr(call, "read", time.sleep)
    wait(3.2)
    answers.append(call("POST", f"{path}/confirm", {"quote_hash": plan["quote_hash"], **CONSENTS}))
    answers += [call("GET", f"{path}/{step}") for step in ("result", "contract", "consents")]
    answers.append(call("POST", f"{path}/human-review", {}))
    return answers


class Pages:
    """The pages over a test client."""

    def __init__(self, client, clock) -> None:
        self.client, self.clock = client, clock

    def __call__(self, method: str, path: str, form: dict | None = None) -> str:
        return self.client.open(path, method=method, data=form).text

    def read(self, seconds: float) -> None:
        self.clock.advance(seconds=seconds)


def wrong_requests(post) -> list[str]:
    """Requests that plant personal data where it does not belong; the answers are problems."""
    order = {
        "amount": 599_900,
        "merchant_reference": "canary-x",
        "items": [{"name": "Phone", "quantity": 1, "unit_price": 599_900}],
        "category": "3c",
        "return_url": "https://shop.example/return",
        "cancel_url": "https://shop.example/cart",
    }
    planted = [
        {**order, "metadata": {"note": secret}} for secret in (ID_NUMBER, PHONE, CARD, f"call {PHONE} now")
    ]
    planted += [{**order, "metadata": {PHONE: "x"}}, {**order, ID_NUMBER: 1}, {**order, "category": PHONE}]
    item = order["items"][0]
    planted += [{**order, "items": [{**item, "name": f"for {PHONE}"}]}]
    planted += [{**order, "amount": CARD}, {**order, "return_url": f"nonsense {CARD}"}]
    return [post("/v1/checkouts", body) for body in planted]


@pytest.fixture
def gateway(app):
    return app.extensions["fenqi"]


def test_nothing_personal_comes_out(app, api, gateway, clock, caplog, new_merchant):
    caplog.set_level(logging.DEBUG)
    merchant = new_merchant(webhook_url="http://127.0.0.1:9/hook")
    pages = Pages(app.test_client(), clock)
    seen: list[str] = []
    for phone in (PHONE, APPROVED_PHONE, DECLINED_PHONE):
        checkout = merchant.checkout()
        seen += purchase(pages, checkout, phone)
        found = merchant.get(f"/v1/checkouts/{checkout['id']}")
        seen.append(found.text)
        assert found.json["status"] in ("approved", "declined", "under_review")
        if phone == APPROVED_PHONE:
            captured = merchant.post(f"/v1/payments/{found.json['payment']}/capture")
            seen += [captured.text, merchant.get(f"/v1/payments/{found.json['payment']}").text]
    problems = wrong_requests(lambda path, body: merchant.post(path, body).text)
    assert all('"status": 4' in answer for answer in problems), problems
    seen += problems
    seen.append(merchant.get(f"/v1/checkouts/{PHONE}").text)
    seen.append(merchant.get(f"/v1/no/{ID_NUMBER}").text)
    seen.append(merchant.post("/v1/refunds", {"payment": PHONE, "reason": "x"}).text)
    refused = merchant.post("/v1/refunds", {"payment": "pay_1", "reason": f"call {PHONE}"})
    assert refused.json["code"] == "validation_failed"
    seen.append(refused.text)
    drain(gateway)
    events = merchant.get("/v1/events?limit=100")
    assert events.json["data"]
    seen.append(events.text)
    assert found_in("\n".join(seen).encode()) == []
    assert found_in(caplog.text.encode()) == []
    assert found_in(rows_of(gateway)) == []
    with gateway.db.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM shopper WHERE found_to_be IS NULL")).scalar_one() == 1


def test_an_unexpected_error_tells_nothing_personal(app, api, gateway, caplog, monkeypatch):
    from gateway.checkout import shopper  # noqa: PLC0415

    def explode(tx, here, checkout_id, **form):
        tx.execute(text("SELECT * FROM no_such_table WHERE phone = :p"), {"p": form["phone"]})

    monkeypatch.setattr(shopper, "identify", explode)
    checkout = api.checkout()
    form = {"term": "12", "name": NAME, "id_number": ID_NUMBER, "phone": PHONE, "code": "000000"}
    browser = app.test_client()
    enter(browser, checkout)
    answer = browser.post(f"/checkout/{checkout['id']}/identity", data=form)
    assert answer.status_code in (500, 503)
    assert "no_such_table" in caplog.text or answer.status_code == 503
    monkeypatch.setattr(shopper, "identify", lambda *_, **form: 1 / 0 if form else None)
    logging.getLogger("gateway.any").warning("a note with %s and %s", PHONE, {"id": ID_NUMBER, "card": CARD})
    try:
        raise ValueError(f"cannot read {ID_NUMBER}")
    except ValueError:
        logging.getLogger("third.party").exception("failed for +86%s", PHONE)
    assert "139****8765" in caplog.text
    assert found_in((caplog.text + answer.text).encode()) == []


def test_the_finder_finds():
    """A canary that is never found proves nothing: the finder sees each disguise."""
    for secret in PLANTED:
        sample = base64.b64encode(b"ab" + secret.encode() + b"cd")
        assert found_in(secret.encode())
        assert found_in(b"..." + sample)
        assert found_in(hashlib.sha256(secret.encode()).hexdigest().upper().encode())


@pytest.mark.slow
def test_a_real_server_leaves_nothing_personal_behind(tmp_path: Path, monkeypatch, capsys):
    """The server as a process: its output and every byte of its data folder, the write-ahead log included."""
    data, port = tmp_path / "data", free_port()
    url = f"http://127.0.0.1:{port}"
    for name in [name for name in os.environ if name.startswith(("FENQI_", "DATABASE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FENQI_DATA_DIR", str(data))
    monkeypatch.setenv("FENQI_PUBLIC_URL", url)
    monkeypatch.setenv("FENQI_DISCLOSURE_READING_SECONDS", "0")
    assert main(["migrate"]) == main(["keys", "init"]) == 0
    capsys.readouterr()
    names = ["--name", "商户", "--name-en", "Shop"]
    assert main(["merchant", "create", *names, "--category", "3c", "--email", "o@s.example"]) == 0
    credentials = json.loads(capsys.readouterr().out)
    output = tmp_path / "output"
    server = Program(["serve", "--port", str(port)], os.environ, output)
    try:
        told = talk(url, credentials)
    finally:
        server.terminate()
        server.wait(15)
    assert main(["ledger", "export", "--format", "csv", "--out", str(tmp_path / "books.csv")]) == 0
    printed = "".join(capsys.readouterr()).encode()
    found = {"answers": found_in(told.encode()), "output": found_in(output.read_bytes() + printed)}
    files = [path for path in [*data.rglob("*"), tmp_path / "books.csv"] if path.is_file()]
    assert any(path.name.startswith("fenqi.sqlite") for path in files)
    found |= {str(path): found_in(path.read_bytes()) for path in files}
    assert {place: what for place, what in found.items() if what} == {}


def talk(url: str, credentials: dict) -> str:
    """A purchase and its mistakes over HTTP; returns everything that the server answered."""
    session = requests.Session()
    for _ in range(600):  # a busy machine starts slowly
        try:
            if session.get(f"{url}/healthz", timeout=1).ok:
                break
        except requests.RequestException:
            time.sleep(0.1)
    pair = (credentials["client_id"], credentials["client_secret"])
    token = session.post(f"{url}/oauth/token", data={"grant_type": "client_credentials"}, auth=pair).json()
    bearer = {"Authorization": f"Bearer {token['access_token']}"}

    def post(path: str, body: dict) -> str:
        key = {"Idempotency-Key": f"canary-{len(told)}-{time.monotonic_ns()}"}
        return session.post(url + path, json=body, headers={**bearer, **key}).text

    told: list[str] = []
    order = {
        "amount": 599_900,
        "merchant_reference": "canary-1",
        "items": [{"name": "Phone", "quantity": 1, "unit_price": 599_900}],
        "category": "3c",
        "return_url": "https://shop.example/return",
        "cancel_url": "https://shop.example/cart",
    }
    checkout = json.loads(post("/v1/checkouts", order))

    shopper = requests.Session()

    def page(method: str, path: str, form: dict | None = None) -> str:
        return shopper.request(method, url + path, data=form, timeout=10).text

    page.read = lambda _seconds: None  # type: ignore[attr-defined]
    told += purchase(page, checkout, PHONE)
    told += wrong_requests(post)
    told.append(session.get(f"{url}/v1/checkouts/{checkout['id']}", headers=bearer).text)
    told.append(session.get(f"{url}/v1/events", headers=bearer).text)
    told.append(session.get(f"{url}/v1/checkouts/{PHONE}?q={ID_NUMBER}", headers=bearer).text)
    return "\n".join(told)
