"""A shopper's browser on the pages: it comes by the address that the shop was given, or by a code to the same phone."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask.testing import FlaskClient
from werkzeug.test import TestResponse


def enter(pages: FlaskClient, checkout: dict[str, Any]) -> TestResponse:
    """Open the address of a checkout, as the call that created it answered; returns the page."""
    answer = pages.get(urlsplit(checkout["url"]).path, follow_redirects=True)
    assert answer.status_code == 200, answer.text
    return answer


def send(pages: FlaskClient, path: str, data: dict[str, str], **more: Any) -> TestResponse:
    """Send a form; one that is not taken leads back to its page, which is returned."""
    answer = pages.post(path, data=data, **more)
    at, _, step = urlsplit(path).path.rpartition("/")
    page = {"code": at, "identity": at, "confirm": f"{at}/review"}.get(step)
    back = answer.status_code == 303 and urlsplit(answer.location or "").path == page
    return pages.get(answer.location) if back else answer


def go_on_by_code(pages: FlaskClient, checkout_id: str, phone: str = "13800000001") -> TestResponse:
    """Let a browser that has nothing go on by a fresh code; returns the page of the order's step."""
    path = f"/checkout/{checkout_id}/continue"
    assert pages.post(f"{path}/code", data={"phone": phone}).status_code == 200
    answer = pages.post(path, data={"phone": phone, "code": "000000"}, follow_redirects=True)
    assert answer.status_code == 200, answer.text
    return answer


def identify(pages: FlaskClient, checkout: dict[str, Any], typed: dict[str, str]) -> TestResponse:
    """Enter, ask for a code and say who one is; returns the answer, which leads to the disclosure."""
    enter(pages, checkout)
    path = f"/checkout/{checkout['id']}"
    pages.post(f"{path}/code", data=typed)
    return pages.post(f"{path}/identity", data={"code": "000000", **typed})
