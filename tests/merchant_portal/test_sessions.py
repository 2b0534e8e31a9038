"""One login in several tabs and processes: its tokens are renewed once, and only the gateway's refusal ends it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from gateway.process import server
from tests.one_database import database_url  # noqa: F401

COOKIE = "fenqi_portal"


@pytest.fixture
def kept(desk):
    """The portal's side of OAuth behind the logged-in browser."""
    return desk.application.extensions["portal"]


class Refreshes:
    """The gateway's token address as the portal reaches it: counts what is asked, and fails as it is told."""

    def __init__(self, session):
        self._post, self.asked, self.fault = session.post, 0, None

    def __call__(self, url, **options):
        if url.endswith("/oauth/token"):
            self.asked += 1
            if isinstance(self.fault, Exception):
                raise self.fault
            if self.fault is not None:
                return self.fault
        return self._post(url, **options)


@pytest.fixture
def refreshes(kept, monkeypatch):
    found = Refreshes(kept.session)
    monkeypatch.setattr(kept.session, "post", found)
    return found


def answered(status: int) -> requests.Response:
    answer = requests.Response()
    answer.status_code, answer._content = status, b'{"error": "temporarily_unavailable"}'
    return answer


def open_tabs(portals, cookie, paths):
    """Each path in a tab of its own, all at the same moment, with the same cookie."""
    ready = threading.Barrier(len(paths))

    def tab(number):
        browser = portals[number % len(portals)].test_client()
        browser.set_cookie(COOKIE, cookie)
        ready.wait()
        return browser.get(paths[number])

    with ThreadPoolExecutor(len(paths)) as pool:
        return list(pool.map(tab, range(len(paths))))


@pytest.mark.parametrize("processes", [1, 2])
def test_three_tabs_at_renewal_make_one_renewal_and_all_are_served(
    app, desk, refreshes, kept, clock, monkeypatch, processes
):
    portals = [desk.application]
    if processes == 2:
        # Another process has its own objects, and the folder in common.
        portals.append(server.portal(app))
        monkeypatch.setattr(portals[1].extensions["portal"].session, "post", refreshes)
    for _ in range(3):
        clock.advance(minutes=9, seconds=30)
        before = refreshes.asked
        pages = open_tabs(portals, desk.get_cookie(COOKIE).value, ["/payments", "/security", "/team"])
        assert [page.status_code for page in pages] == [200, 200, 200]
        assert refreshes.asked == before + 1
    assert desk.get("/payments").status_code == 200, "the cookie of the login is still the key"


def test_the_cookie_of_a_slow_answer_does_not_bring_old_tokens_back(desk, clock):
    first = desk.get_cookie(COOKIE).value
    for _ in range(4):
        clock.advance(minutes=9, seconds=30)
        desk.set_cookie(COOKIE, first)
        page = desk.get("/payments")
        assert page.status_code == 200
        assert "Set-Cookie" not in page.headers


@pytest.mark.parametrize(
    "fault", [answered(429), answered(503), requests.ConnectionError(), requests.Timeout()], ids=repr
)
def test_a_gateway_that_does_not_renew_is_no_logout(desk, refreshes, clock, fault):
    clock.advance(minutes=9, seconds=30)
    refreshes.fault = fault
    assert desk.get("/payments").status_code == 200, "the token is good for another 30 seconds"
    clock.advance(minutes=1)
    page = desk.get("/payments")
    assert page.status_code == (429 if getattr(fault, "status_code", 0) == 429 else 502)
    assert "登录" not in page.text
    refreshes.fault = None
    assert desk.get("/payments").status_code == 200
    assert refreshes.asked >= 3


def test_a_refusal_by_the_gateway_is_a_logout(desk, kept, refreshes, clock):
    clock.advance(minutes=9, seconds=30)
    refreshes.fault = answered(400)
    assert desk.get("/payments").status_code == 401
    assert list(kept.sessions.folder.iterdir()) == []
    refreshes.fault = None
    assert desk.get("/payments").status_code == 401
    assert refreshes.asked == 1


def test_a_logout_ends_the_session_for_every_copy_of_the_cookie(desk, kept, person):
    copy = desk.get_cookie(COOKIE).value
    page = desk.get("/security")
    token = page.text.partition('name="csrf" value="')[2].partition('"')[0]
    assert desk.post("/logout", data={"csrf": token}).status_code == 303
    assert list(kept.sessions.folder.iterdir()) == []
    desk.set_cookie(COOKIE, copy)
    assert desk.get("/payments").status_code == 401


def test_a_file_that_was_copied_or_changed_opens_no_session(desk, kept):
    (path,) = kept.sessions.folder.iterdir()
    content = path.read_bytes()
    path.with_name(kept.sessions._path("mine").name).write_bytes(content)
    with kept.sessions.hold("mine") as held:
        assert held is None
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert desk.get("/payments").status_code == 401
    with kept.sessions.hold("") as held:
        assert held is None


def test_files_of_sessions_that_nobody_used_are_swept_by_the_next_login(desk, kept, person, api, clock):
    clock.advance(minutes=16)
    desk.delete_cookie(COOKIE)
    person.log_in(api.credentials)
    assert len(list(kept.sessions.folder.iterdir())) == 1
    assert desk.get("/payments").status_code == 200
