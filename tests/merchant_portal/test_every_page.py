"""Every page of the portal with everything the API may answer, and with everything a browser may send."""

from __future__ import annotations

import re

import pytest
import requests

from tests.merchant_portal.invented import KINDS, Invented
from tests.one_database import database_url  # noqa: F401


@pytest.fixture(scope="module")
def document(sqlite_template, tmp_path_factory):
    """The gateway's own OpenAPI document."""
    from gateway.app import create_app  # noqa: PLC0415
    from gateway.config import Settings  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("document")
    url = f"sqlite:///{sqlite_template}"
    app = create_app(Settings(database_url=url, data_dir=folder, worker_in_process=False))
    return app.test_client().get("/v1/openapi.json").json


@pytest.fixture
def invented(document):
    return Invented(document)


@pytest.fixture
def browser(invented, tmp_path):
    """A logged-in browser before a portal whose gateway is invented."""
    import merchant_portal  # noqa: PLC0415

    session = requests.Session()
    session.mount("http://", invented)
    app = merchant_portal.create_app(
        gateway_url="http://gateway.test",
        portal_url="http://portal.test",
        client_id="ci_test_portal",
        secret_key=b"k",
        folder=tmp_path / "portal",
        session=session,
        clock=lambda: 1_795_406_400.0,
    )
    held = {
        "access": "a",
        "refresh": "r",
        "until": 1_795_410_000,
        "seen": 1_795_406_400,
        "began": 1_795_406_400,
    }
    client = app.test_client()
    with client.session_transaction() as kept:
        kept.update(csrf="c", sid=app.extensions["portal"].sessions.begin(held))
    return client


def pages(browser):
    """Every page that can be looked at."""
    for rule in browser.application.url_map.iter_rules():
        if "GET" in rule.methods and rule.endpoint not in (
            "static",
            "login.begin",
            "login.callback",
            "people.renewed",
        ):
            verbs = ("capture", "refund", "void") if "<verb>" in rule.rule else ("",)
            for verb in verbs:
                yield re.sub(r"<[^>]+>", "xid1", rule.rule.replace("<verb>", verb))


def shown(page):
    """What a reader sees, without what is code on purpose."""
    visible = re.sub(r"(?s)<(code|pre|style|script)\b.*?</\1>|<[^>]+>", " ", page.text)
    return re.sub(r"\s+", " ", visible)


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("lists", ["every kind", "empty"])
@pytest.mark.parametrize("fields", ["null", "there"])
def test_no_page_breaks_and_no_raw_word_stands_on_it(browser, invented, language, lists, fields):
    invented.nulls, invented.empty = fields == "null", lists == "empty"
    raw = {value for values in KINDS.values() for value in values if "_" in value}
    if language == "zh-CN":
        raw = {
            value for values in KINDS.values() for value in values if value != "scratch" and " " not in value
        }
    seen = list(pages(browser))
    assert len(seen) >= 13
    for path in seen:
        page = browser.get(f"{path}?lang={language}")
        fine = (404,) if lists == "empty" and path.endswith("/remove") else (200, 303)
        assert page.status_code in fine, (path, page.status_code)
        if page.content_type.startswith("text/html"):
            words = set(re.findall(r"[a-z_]+", shown(page)))
            assert words & raw == set(), path
            assert not re.search(r"\bNone\b|\bnull\b", shown(page)), path


HOSTILE = ("é", "中文", "\x00", "'\"><script>", "%00", ".", "..", "x" * 3000, "\ud800", "٣")


@pytest.mark.parametrize("bad", HOSTILE, ids=ascii)
def test_no_page_answers_what_a_browser_may_send_with_a_failure_of_ours(desk, bad):
    """The real gateway behind it: ids, cursors, tokens and cookies of any characters are 4xx with a page."""
    from urllib.parse import quote  # noqa: PLC0415

    written = quote(bad.encode("utf-8", "surrogatepass"), safe="")
    csrf = re.search(r'name="csrf" value="([^"]+)"', desk.get("/").text)[1]
    for rule in desk.application.url_map.iter_rules():
        path = re.sub(r"<[^>]+>", written, rule.rule)
        if "GET" in rule.methods and rule.endpoint not in ("static", "login.begin", "people.renewed"):
            names = ("cursor", "reference", "state", "code", "iss", "lang", "payment")
            page = desk.get(f"{path}?{'&'.join(f'{name}={written}' for name in names)}")
            assert page.status_code < 500, (path, page.status_code)
            wanted = "application/x-pem-file" if path.endswith(".pem") else "text/html"
            assert page.content_type.startswith(wanted), path
        if "POST" in rule.methods and rule.endpoint != "login.end":
            for token in (csrf, bad):
                form = dict.fromkeys(("amount", "idempotency_key", "email", "name", "role"), bad)
                body = {name: value.encode("utf-8", "surrogatepass") for name, value in form.items()}
                body["csrf"] = token.encode("utf-8", "surrogatepass")
                page = desk.post(path, data=body)
                assert page.status_code < 500, (path, page.status_code)
    assert desk.get("/payments").status_code == 200, "nobody was logged out"


@pytest.mark.parametrize("bad", ["é", "中", "%", "a.b.c", "x" * 3000])
def test_a_cookie_that_is_not_ours_is_no_login_and_no_failure(person, bad):
    for name in ("fenqi_portal", "fenqi_lang"):
        page = person.portal.get("/payments", headers={"Cookie": f"{name}={bad}".encode().decode("latin-1")})
        assert page.status_code == 401


@pytest.mark.parametrize("sent", ["é", "中", ""])
def test_a_forged_form_or_callback_of_any_characters_is_refused(desk, person, sent):
    assert desk.post("/logout", data={"csrf": sent}).status_code == 403
    person.portal.get("/login")
    assert person.portal.get("/callback", query_string={"state": sent, "code": sent}).status_code == 400
