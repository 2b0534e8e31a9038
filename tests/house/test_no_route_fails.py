"""No request of a stranger is a server error: every route of the API, of the pages, of the portal and of a shop.

Routes are taken from the applications, fields of a form from its page, and further names from what the code asks the
request for; so a new route, form or parameter is tried without a line here.
"""

from __future__ import annotations

import base64
import functools
import html
import importlib.util
import itertools
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit

import pytest
from flask import Flask, Request
from flask.testing import FlaskClient
from marshmallow import Schema, ValidationError, fields
from werkzeug.datastructures import EnvironHeaders, ImmutableMultiDict
from werkzeug.security import generate_password_hash

import fenqi
from fenqi.wsgi import wsgi_session
from gateway.app import APIS, OPERATOR_APIS
from gateway.documents import typesetting
from gateway.process import server
from gateway.web.rate_limits import InProcess
from tests.gateway.operators.desk import two
from tests.gateway.plans.agreeing import price
from tests.gateway.shopper import enter, go_on_by_code

pytestmark = pytest.mark.long(25)

ROOT = Path(__file__).parents[2]
OURS = tuple(f"{ROOT / room}/" for room in ("gateway", "merchant_portal", "examples"))
DESK_PASSWORD = "desk of the phone shop"
PEOPLES = ("/v1/team", "/v1/account")
DEEP = "[" * 4_000
"""Deeper than a parser goes, and short enough for any form."""
TOKEN = f"{base64.urlsafe_b64encode(DEEP.encode()).decode().rstrip('=')}.e30.e30"
TEXTS = (
    "",
    "é",
    "\x00",
    "a\nb",
    DEEP,
    TOKEN,
    '{"id": {}, "rawId": [], "response": 7, "type": null}',
    "null",
    "9" * 30,
    "1e999",
    "é.é.é",
    "http://[::1",
    "https://shop.example:99999/back",
    "//evil.example",
    "x" * 4000,
)
"""What strangers write into a field of text."""
BESIDE_OTHERS = ("é", "\x00", DEEP, "null")
"""What they write into it while the other fields that the code asks for are there, too."""
NOBODYS = "x"
"""A field that no code asks for: one request with it tells those that are asked for."""
FIRST_TEXTS = 3
"""After so many of them the others are left out where the same lines have been given them by another route."""
VALUES = (
    None,
    True,
    0,
    -1,
    10**30,
    1.5,
    "",
    "é",
    "\ud800",
    "a\x00b",
    "x" * 5000,
    [],
    {},
    [[]],
    [{}],
    [None],
    {"é": 1},
)
"""What they write into a field of JSON."""
BODIES = (
    b"[" * 50_000,
    b'{"a":' * 10_000,
    b"\xff\xfe",
    b"null",
    b"[]",
    b'"x"',
    b"7",
    b"{",
    b'{"a": NaN}',
    b'{"a": 1, "a": 2}',
    b'{"a": "\\ud800"}',
    "{é}".encode(),
    b"x" * 70_000,
)
LATIN = "é".encode().decode("latin-1")
HEADERS = (
    {"HTTP_AUTHORIZATION": f"Bearer {LATIN}"},
    {"HTTP_AUTHORIZATION": "Bearer a.b.c"},
    {"HTTP_AUTHORIZATION": f"Bearer {TOKEN}", "HTTP_DPOP": TOKEN},
    {"HTTP_AUTHORIZATION": f"Basic {LATIN}"},
    {"HTTP_AUTHORIZATION": "Basic Og=="},
    {"HTTP_AUTHORIZATION": "DPoP x", "HTTP_DPOP": f"{LATIN}.{LATIN}.{LATIN}"},
    {"HTTP_COOKIE": f"fenqi_portal={LATIN}; fenqi_browser={LATIN}; fenqi_device={LATIN}; session={LATIN}"},
    {"HTTP_COOKIE": "=;=;;" + "a=b;" * 200},
    {"HTTP_ACCEPT_LANGUAGE": LATIN, "HTTP_ACCEPT": LATIN},
    {"HTTP_HOST": "evil.example"},
    {"HTTP_ORIGIN": "https://evil.example:99999", "HTTP_REFERER": "http://[::1"},
    {"HTTP_ORIGIN": "http://[::1"},
    {"HTTP_IDEMPOTENCY_KEY": LATIN, "HTTP_FENQI_VERSION": LATIN, "HTTP_FENQI_TEST_FAULT": LATIN},
    {"HTTP_USER_AGENT": LATIN * 500, "HTTP_RANGE": "bytes=9-1", "HTTP_IF_NONE_MATCH": LATIN},
    {"CONTENT_TYPE": f"application/json; charset={LATIN}"},
    {"CONTENT_TYPE": "multipart/form-data; boundary=é".encode().decode("latin-1")},
    {"HTTP_X_FORWARDED_FOR": LATIN, "HTTP_X_FORWARDED_PROTO": LATIN},
)
FORM_KINDS = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
STRANGE_IDS = ("é", "x" * 300, "%00", "%0a", "..%2f..", "pay_" + "0" * 26, "[")


class Noted(ImmutableMultiDict[str, str]):
    """Parameters of a request, which note the names that the code asks for, and by which way through the code."""

    asked: ClassVar[set[tuple[str, tuple[str, ...]]]] = set()

    def get(self, key: Any, *rest: Any, **more: Any) -> Any:
        Noted.asked.add((key, way_here()))
        return super().get(key, *rest, **more)

    def getlist(self, key: Any, *rest: Any, **more: Any) -> Any:
        Noted.asked.add((key, way_here()))
        return super().getlist(key, *rest, **more)

    def __getitem__(self, key: Any) -> Any:
        Noted.asked.add((key, way_here()))
        return super().__getitem__(key)

    def __contains__(self, key: Any) -> bool:
        Noted.asked.add((key, way_here()))
        return super().__contains__(key)


def way_here() -> tuple[str, ...]:
    """The lines of our own code by which it came to where it asks."""
    lines, frame = [], sys._getframe(2)
    while frame is not None and frame.f_code.co_filename != __file__:
        if frame.f_code.co_filename.startswith(OURS):
            lines.append(f"{frame.f_code.co_filename}:{frame.f_lineno}")
        frame = frame.f_back  # type: ignore[assignment]
    return tuple(lines)


class NotedHeaders(EnvironHeaders):
    """Headers of a request, which note the same."""

    asked: ClassVar[set[tuple[str, tuple[str, ...]]]] = set()

    def __getitem__(self, key: Any) -> Any:
        NotedHeaders.asked.add((str(key).lower(), way_here()))
        return super().__getitem__(key)

    def get(self, key: Any, *rest: Any, **more: Any) -> Any:
        NotedHeaders.asked.add((str(key).lower(), way_here()))
        return super().get(key, *rest, **more)


class NotingRequest(Request):
    parameter_storage_class = Noted

    def __init__(self, environ: Any, *rest: Any, **more: Any) -> None:
        super().__init__(environ, *rest, **more)
        self.headers = NotedHeaders(environ)


class Stranger:
    """Sends what nobody should, and keeps what was answered with a server error."""

    def __init__(self, app: Flask, prefix: str = "") -> None:
        app.request_class = NotingRequest
        self.app, self.prefix = app, prefix
        self.client: FlaskClient = app.test_client()
        self.failed: dict[str, str] = {}
        self.asked = 0
        self.tried: set[tuple[str, tuple[str, ...]]] = set()
        """Names with the ways through the code on which every text was tried, as the door's are before each page."""
        self.headers_tried: set[tuple[str, tuple[str, ...]]] = set()
        self.modules_tried: set[tuple[str, str]] = set()

    def send(self, method: str, path: str, **given: Any) -> Any:
        self.asked += 1
        answer = self.client.open(path, method=method, **given)
        if answer.status_code >= 500:
            fields = given.get("data")
            shown = {name: text[:40] for name, text in fields.items()} if isinstance(fields, dict) else given
            where, _, query = path.partition("?")
            told = f"{answer.status_code} {query[:200]} {str(shown)[:500]}"
            self.failed.setdefault(f"{method} {where[:200]}", told)
        return answer

    def check(self) -> None:
        """Name every request that was answered with a server error."""
        lines = [f"{request}: {answer}" for request, answer in self.failed.items()]
        assert not lines, "\n" + "\n".join(lines)

    def fill(self, method: str, path: str, base: dict[str, str]) -> None:
        """Every text in every field, one at a time, until the code asks for no further name."""
        tried: set[str] = set()
        names = set(base)
        while names - tried:
            name = min(names - tried)
            tried.add(name)
            others = {**dict.fromkeys(names, "1"), **base}
            known = [(text, base) for text in TEXTS]
            beside = [(text, others) for text in BESIDE_OTHERS] if others != base else []
            ways: set[tuple[str, tuple[str, ...]]] = set()
            for turn, (text, rest) in enumerate(beside + known):
                values = {**rest, name: text}
                Noted.asked.clear()
                if method == "GET":
                    self.send(method, f"{path}?{urlencode(values)}")
                else:
                    self.send(method, path, data=values)
                names |= {name for name, _ in Noted.asked if len(name) < 40}
                ways |= {(asked, way) for asked, way in Noted.asked if asked == name}
                if name == NOBODYS or (turn >= FIRST_TEXTS and ways <= self.tried):
                    break
            self.tried |= ways

    def routes(self, ids: dict[str, list[str]]) -> Iterator[tuple[str, list[str]]]:
        """Methods of every rule with its paths: known identifiers first, then strange ones."""
        for rule in self.app.url_map.iter_rules():
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                known = max((len(ids.get(name, "x")) for name in rule.arguments), default=0)
                choices = {
                    name: [*(ids.get(name, ["x"]) * known)[:known], *STRANGE_IDS] for name in rule.arguments
                }
                paths = [rule.rule] * (known + len(STRANGE_IDS) if choices else 1)
                for name, values in choices.items():
                    named = re.compile(rf"<(?:\w+:)?{name}>")
                    paths = [
                        named.sub(lambda _, value=value: value, path)
                        for path, value in zip(paths, values, strict=True)
                    ]
                yield method, paths

    def try_route(self, method: str, paths: list[str]) -> None:
        """The first path with strange fields and headers, the others as they are."""
        NotedHeaders.asked.clear()
        self.fill(method, paths[0], {NOBODYS: ""})
        self.send_headers(method, paths[0])
        for path in paths[1:]:
            self.send(method, path)
        if method != "GET":
            for body, kind in itertools.product((*BODIES[:2], b""), FORM_KINDS):
                self.send(method, paths[0], data=body, content_type=kind)

    def send_headers(self, method: str, path: str) -> None:
        """Each set of strange headers that lines of code read which have not read it yet; all where a module is new."""
        rule, _ = self.app.url_map.bind("").match(path, method, return_rule=True)
        module = self.app.view_functions[rule.endpoint].__module__
        new = NotedHeaders.asked - self.headers_tried
        asked = {header for header, _ in new}
        for environ in HEADERS:
            names = {name.removeprefix("HTTP_").replace("_", "-").lower() for name in environ}
            if names & asked or (module, method) not in self.modules_tried:
                self.send(method, path, environ_overrides=environ)
        self.headers_tried |= new
        self.modules_tried.add((module, method))

    def try_page(self, path: str) -> None:
        """The forms of a page, each with everything right but one field."""
        answer = self.send("GET", path)
        for action, values in forms(answer.text):
            where = (action or path).removeprefix(self.prefix)
            if urlsplit(where).netloc == "":
                self.fill("POST", where, values)


def forms(page: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Where each form that posts goes, and its fields as they stand."""
    for form in re.findall(r'<form[^>]*method="post".*?</form>', page, re.DOTALL):
        action = re.search(r'action="([^"]*)"', form.partition(">")[0])
        yield (
            html.unescape(action[1]) if action else "",
            {
                name[1]: html.unescape(value[1]) if value else "1"
                for tag in re.findall(r"<(?:input|select|button|textarea)[^>]*>", form)
                if (name := re.search(r'\bname="([^"]*)"', tag))
                for value in [re.search(r'\bvalue="([^"]*)"', tag)]
            },
        )


@pytest.fixture(autouse=True)
def _unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger who is stopped by a rate limit learns nothing; the same document is typeset once."""
    monkeypatch.setattr(InProcess, "wait", lambda self, rate, who: 0)
    monkeypatch.setattr(typesetting, "_run", functools.cache(typesetting._run))


def module(name: str, path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[name] = loaded
    spec.loader.exec_module(loaded)
    return loaded


def checkouts(api: Any, browser: FlaskClient) -> list[str]:
    """A checkout in each state, all of them open to the browser."""
    made = []
    for phone in ("13800000001", "13800000002", "13800000003"):
        made.append(api.checkout()["id"])
        api.post(f"/v1/test_helpers/checkouts/{made[-1]}/complete", {"phone": phone})
        go_on_by_code(browser, made[-1], phone)
    for order in ({}, {"store": "南京路店"}):
        opened = api.checkout(**order)
        enter(browser, opened)
        made.append(opened["id"])
    api.post(f"/v1/checkouts/{made[-2]}/cancel")
    made.insert(-1, identified(api, browser))
    return made


def identified(api: Any, browser: FlaskClient) -> str:
    opened = api.checkout()
    found = str(opened["id"])
    typed = {"term": "12", "name": "王小明", "id_number": "110105199003071239", "phone": "13800000001"}
    enter(browser, opened)
    browser.post(f"/checkout/{found}/code", data=typed)
    browser.post(f"/checkout/{found}/identity", data={**typed, "code": "000000"})
    browser.get(f"/checkout/{found}/review")
    return found


def filled(operation: Any, ids: dict[str, str]) -> str:
    return re.sub(r"<(\w+)>", lambda match: ids[match[1]], operation.path)


def wrong(schema: Schema, values: tuple[Any, ...] = VALUES) -> Iterator[dict[str, Any]]:
    """Each field of a schema with each wrong value, also inside of nested ones.

    Alone where the field takes it, so that the request goes on with it; those that refuse it themselves all at once.
    """
    named = [(one.data_key or name, one) for name, one in schema.fields.items()]
    for value in values:
        taken = {key: takes(one, value) for key, one in named}
        yield from ({key: value} for key in taken if taken[key])
        if refused := {key: value for key in taken if not taken[key]}:
            yield refused
    for key, one in named:
        inner = one.inner if isinstance(one, fields.List) else one
        if isinstance(inner, fields.Nested):
            for part in wrong(inner.schema, values):
                yield {key: [part] if isinstance(one, fields.List) else part}


def takes(one: fields.Field[Any], value: Any) -> bool:
    """Whether a field lets a value pass, or fails at it."""
    try:
        one.deserialize(value)
    except ValidationError:
        return False
    except Exception:  # whatever it is, it is to be seen alone
        return True
    return True


ON_POSTGRESQL = pytest.mark.parametrize(
    "database_url", ["postgresql"], indirect=True
)  # its types are stricter
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def try_operation(stranger: Stranger, operation: Any, token: str, ids: dict[str, str]) -> None:
    """Wrong bodies, fields, queries, identifiers and headers, one operation after the other."""
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "stranger"}
    path = filled(operation, ids)
    NotedHeaders.asked.clear()
    needed = {}
    if operation.body is not None:
        needed = {one.data_key or name: "x" for name, one in operation.body.fields.items() if one.required}
        for body in wrong(operation.body):
            raw = json.dumps({**needed, **body}).encode()
            stranger.send(operation.method, path, data=raw, content_type="application/json", headers=headers)
    for raw in BODIES if operation.takes_body else ():
        stranger.send(operation.method, path, data=raw, content_type="application/json", headers=headers)
    for query in wrong(operation.query, TEXTS):
        stranger.send(operation.method, f"{path}?{urlencode(query)}", headers=headers)
    for strange in STRANGE_IDS:
        if "<" in operation.path:
            where = re.sub(r"<\w+>", strange, operation.path)
            stranger.send(operation.method, where, json={}, headers=headers)
    stranger.send_headers(operation.method, path)


@pytest.mark.slow
@ON_POSTGRESQL
def test_no_operation_of_the_api_fails(app: Flask, world: Any) -> None:
    stranger = Stranger(app)
    for operation in (one for api in APIS for one in api.operations):
        person = operation.path.startswith(PEOPLES)
        token = world.api.credentials["person"] if person else world.api.token
        try_operation(stranger, operation, token, world.ids)
    stranger.check()
    assert stranger.asked > 1500


@pytest.mark.slow
@ON_POSTGRESQL
def test_no_operation_of_operators_fails(app: Flask, api: Any, clock: Any) -> None:
    operator, _ = two(app, clock)
    merchant = {"merchant": api.credentials["merchant"], "valid_from": "2026-12-24", "reason": "contract"}
    operator.log_in()
    card = operator.post("/rate_cards", {**merchant, "prices": [price(annual_rate="0.12")]})
    terms = operator.post("/settlement_terms", {**merchant, "mode": "test", "changes": {"t_plus": 0}})
    dispute = api.post("/v1/test_helpers/disputes", {"payment": api.captured(3)["id"]})
    ids = {"card_id": card.json["id"], "proposal_id": terms.json["id"], "dispute_id": dispute.json["id"]}
    stranger = Stranger(app)
    for operation in (one for room in OPERATOR_APIS for one in room.operations):
        try_operation(stranger, operation, operator.token, ids)
    stranger.check()
    assert stranger.asked > 200


@pytest.mark.slow
@ON_POSTGRESQL
def test_no_page_of_the_gateway_fails(app: Flask, world: Any) -> None:
    stranger = Stranger(app)
    ids = checkouts(world.api, stranger.client)
    known = {"checkout_id": ids, "version": ["2026-11-23", "v1"], "name": ["credit_service", "fenqi.js"]}
    for method, paths in stranger.routes(known):
        if not paths[0].startswith("/v1/") or paths[0] == "/v1/openapi.json":
            stranger.try_route(method, paths)
    again = checkouts(world.api, stranger.client)  # those of before are canceled now
    key = world.api.credentials["publishable_key"]
    stranger.fill(
        "GET", "/plans", {"key": key, "amount": "599900", "category": "3c", "terms": "3", "lang": "en"}
    )
    approved, declined, *_, chosen, opened = again
    for page in (f"{chosen}/review", opened, f"{declined}/result", f"{approved}/consents"):
        stranger.try_page(f"/checkout/{page}")
    stranger.check()
    assert stranger.asked > 2000


@pytest.mark.slow
@ON_POSTGRESQL
def test_no_step_of_the_login_fails(app: Flask, api: Any) -> None:
    portal = server.portal(app).test_client()
    door = urlsplit(portal.get("/login").location)
    stranger = Stranger(app)
    asked = dict(pair.split("=", 1) for pair in door.query.split("&"))
    stranger.fill("GET", door.path, {name: html.unescape(value) for name, value in asked.items()})
    stranger.try_page(f"{door.path}?{door.query}")
    page = stranger.send("GET", f"{door.path}?{door.query}")
    ((action, values),) = forms(page.text)
    who = {"email": api.credentials["portal_email"], "password": api.credentials["portal_password"]}
    page = stranger.send("POST", action, data={**values, **who})
    for action, values in forms(page.text):
        stranger.fill("POST", action, values)
    stranger.check()


@pytest.mark.slow
@ON_SQLITE
def test_no_page_of_the_portal_fails(app: Flask, api: Any) -> None:
    helpers = module("portal_fixtures_of_the_house", ROOT / "tests" / "merchant_portal" / "conftest.py")
    person = helpers.Person(app, server.portal(app))
    payment = api.captured()
    stranger = Stranger(person.portal.application, prefix="/portal")
    routes = list(stranger.routes({"payment_id": [payment["id"]]}))
    for method, paths in routes:
        stranger.try_route(method, paths)
    person.portal = stranger.client = person.portal.application.test_client()
    for method, paths in routes:
        if (
            stranger.send("GET", "/team").status_code != 200
        ):  # the door, or what was tried there, ended the session
            assert person.log_in(api.credentials).status_code == 303
        if paths[0] != "/logout":
            stranger.try_route(method, paths)
    person.log_in(api.credentials)
    for method, paths in routes:
        if method == "GET" and paths[0] not in ("/login", "/callback"):
            stranger.try_page(paths[0])
    stranger.check()


@pytest.fixture
def shop(app: Flask, api: Any, tmp_path: Path) -> Flask:
    """The phone shop, whose orders are in all states."""
    url = "http://gateway.test"
    client = fenqi.Fenqi(
        api.credentials["client_id"],
        api.credentials["client_secret"],
        base_url=url,
        session=wsgi_session(app, url),
        webhook_secret="whsec_" + "A" * 32,
        max_retries=0,
    )
    phones = module("phone_shop_of_the_house", ROOT / "examples" / "phones" / "shop.py")
    made: Flask = phones.create_app(
        client,
        shop_url="http://shop.test",
        gateway_url=url,
        publishable_key=api.credentials["publishable_key"],
        database=tmp_path / "phones.sqlite",
        secret_key="k" * 32,
        desk_password_hash=generate_password_hash(DESK_PASSWORD, "pbkdf2:sha256:1"),
    )
    return made


def enter_desk(stranger: Stranger) -> None:
    """Log in to the desk of the shop, whatever was tried at its door."""
    if stranger.client.get("/desk").status_code != 200:
        ((_, values),) = forms(stranger.client.get("/desk/login").text)
        sent = {**values, "password": DESK_PASSWORD}
        answer = stranger.client.post("/desk/login", data=sent, environ_base={"REMOTE_ADDR": "192.0.2.7"})
        assert answer.status_code == 303


@pytest.mark.slow
@ON_SQLITE
def test_no_page_of_the_phone_shop_fails(shop: Flask, api: Any) -> None:
    stranger = Stranger(shop)
    enter_desk(stranger)
    slug = re.findall(r"/p/([\w-]+)", stranger.send("GET", "/").text)[0]
    csrf = dict(forms(stranger.send("GET", f"/p/{slug}").text))[f"http://shop.test/p/{slug}/split?lang=zh-CN"]
    for outcome in ("13800000001", "13800000002", None):
        checkout = (
            stranger.send("POST", f"/p/{slug}/split", data=csrf).location.rpartition("/")[2].partition("?")[0]
        )
        if outcome:
            api.post(f"/v1/test_helpers/checkouts/{checkout}/complete", {"phone": outcome})
        stranger.send("GET", f"/return?checkout={checkout}")
    numbers = sorted(set(re.findall(r'data-order="([^"]+)', stranger.send("GET", "/desk").text)))
    assert len(numbers) == 3
    for method, paths in stranger.routes({"slug": [slug], "number": numbers}):
        if not paths[0].endswith("/split"):
            stranger.try_route(method, paths)
            enter_desk(stranger)
    for page in ("/desk", f"/p/{slug}"):
        stranger.try_page(page)
    stranger.check()
    answer = stranger.client.get("/return?lang=en")
    assert (answer.status_code, "The link is incomplete" in answer.text) == (400, True)


def test_the_corpus_tells_a_server_error() -> None:
    app = Flask("naive")

    @app.post("/form")
    def form() -> str:
        from flask import request  # noqa: PLC0415

        if request.form.get("first"):
            json.loads(request.form.get("second", "{}"))
        return "fine"

    stranger = Stranger(app)
    stranger.try_route("POST", ["/form"])
    assert set(stranger.failed) == {"POST /form"}
