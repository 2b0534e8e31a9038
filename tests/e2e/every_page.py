"""Every page that a person can meet, in every state that looks different, taken from the real applications.

A walk drives the gateway, the portal, the demo shop and the fake bank through their test clients and keeps the pages as
they were answered, with their headers. What a browser then judges is what was served.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, request
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.gateway.books import Books
from tests.gateway.checkout.test_entry import TYPED

LANGUAGES = ("zh-CN", "en")


@dataclass
class Page:
    """A page as it was answered."""

    name: str
    language: str
    html: str
    policy: str
    site: str


@dataclass
class Walk:
    """What was seen: pages by name and language, and the endpoints that answered with a page."""

    sites: dict[str, Flask]
    pages: dict[tuple[str, str], Page] = field(default_factory=dict)
    met: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        for name, site in self.sites.items():
            self._watch(name, site)

    def _watch(self, name: str, site: Flask) -> None:
        def note(answer: Response) -> Response:
            if answer.mimetype == "text/html" and answer.status_code not in (301, 302, 303, 404, 405):
                self.met.add((name, request.endpoint or ""))
            return answer

        site._got_first_request = False
        site.after_request(note)

    def keep(self, name: str, answer: TestResponse, site: str = "gateway") -> TestResponse:
        """Keep an answer as a page."""
        assert answer.mimetype == "text/html", (name, answer.status_code, answer.text[:200])
        language = re.search(r'<html lang="([^"]+)"', answer.text)
        assert language is not None, name
        page = Page(name, language[1], answer.text, answer.headers.get("Content-Security-Policy", ""), site)
        assert answer.status_code < 500 or "busy" in name, (name, answer.text)
        self.pages[name, language[1]] = page
        return answer

    def see(
        self,
        name: str,
        browser: FlaskClient,
        path: str,
        form: dict[str, str] | None = None,
        site: str = "gateway",
    ) -> TestResponse:
        """Open a page, or send a form that answers with one, in both languages; returns the Chinese one."""
        address = urlsplit(unescape(path))
        answers = []
        for language in reversed(LANGUAGES):
            kept = [pair for pair in address.query.split("&") if pair and not pair.startswith("lang=")]
            target = f"{address.path}?{'&'.join([*kept, f'lang={language}'])}"
            answer = browser.get(target) if form is None else browser.post(target, data=form)
            assert answer.status_code not in (302, 303), (name, answer.location)
            answers.append(self.keep(name, answer, site))
        return answers[-1]


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of a page."""
    return {
        name: unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    }


@dataclass
class Town:
    """The applications with their clock, and one merchant's API."""

    app: Flask
    portal: Flask
    books: Books
    clock: Any
    person: Any
    tmp_path: Any

    @property
    def api(self) -> Any:
        """The merchant's API."""
        return self.books.api

    @property
    def gateway(self) -> Any:
        """The gateway's parts."""
        return self.app.extensions["fenqi"]

    def browser(self) -> FlaskClient:
        """A browser that has nothing."""
        return self.app.test_client()

    def played(self, phone: str, term: int = 12, **order: Any) -> str:
        """The path of a checkout that a test helper played to its end."""
        self.api.login()
        checkout = self.api.checkout(**order)
        body = {"term": term, "phone": phone, "name": "王小明", "id_number": TYPED["id_number"]}
        done = self.api.post(f"/v1/test_helpers/checkouts/{checkout['id']}/complete", body)
        assert done.status_code == 200, done.text
        return f"/checkout/{checkout['id']}"
