"""A shopper's browser at the shopper's own place."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

from gateway.identity.invented import invented_id_number

NAME, ID_NUMBER, PHONE = "王小明", invented_id_number("my shopper"), "13800000001"


def bought(api: Any, *, term: int = 12, ship: bool = True, **changes: Any) -> dict[str, Any]:
    """A payment of the shopper, captured in full unless it is to wait."""
    checkout = api.checkout(**changes)
    body = {"term": term, "phone": PHONE, "name": NAME, "id_number": ID_NUMBER}
    done = api.post(f"/v1/test_helpers/checkouts/{checkout['id']}/complete", body)
    assert done.json["status"] == "approved", done.text
    if ship:
        answer = api.post(f"/v1/payments/{done.json['payment']}/capture")
        assert answer.status_code == 200, answer.text
    return api.get(f"/v1/payments/{done.json['payment']}").json


def log_in(
    pages: FlaskClient, *, phone: str = PHONE, name: str = NAME, id_number: str = ID_NUMBER
) -> FlaskClient:
    """Log a browser in, in test mode."""
    assert pages.post("/my/test/login/code", data={"phone": phone}).status_code == 303
    answer = pages.post("/my/test/login", data={"phone": phone, "code": "000000"})
    assert (answer.status_code, answer.location) == (303, "/my/test/login/who"), answer.text
    answer = pages.post("/my/test/login/who", data={"name": name, "id_number": id_number})
    assert (answer.status_code, answer.location) == (303, "/my/test"), answer.text
    return pages
