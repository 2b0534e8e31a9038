"""A disputed payment in the portal: until when to answer, the evidence, and giving in."""

from __future__ import annotations

import re

from tests.one_database import database_url  # noqa: F401


def press(person, path, page, verb, **typed):
    """Press the button of one of the two forms."""
    key = re.search(rf'value="(portal-{verb}-[^"]+)"', page)[1]
    return person.send(f"{path}/{verb}", page, idempotency_key=key, **typed)


def test_a_dispute_is_answered_replaced_and_accepted_by_its_deadline(desk, person, api):
    payment = api.captured()
    dispute = api.post("/v1/test_helpers/disputes", {"payment": payment["id"]}).json
    path = f"/disputes/{dispute['id']}"
    assert f'href="{path}"' in desk.get(f"/payments/{payment['id']}").text
    page = desk.get(path)
    for words in ("待答复", "未收到商品", "2026-11-30 12:00", "¥5,999.00", "提交答复"):
        assert words in page.text
    assert "goods_not_received" not in page.text
    for evidence in ("Signed for on 2026-11-24.", "Signed for on 2026-11-24, photo at the door."):
        sent = press(person, path, desk.get(path).text, "respond", evidence=evidence)
        assert sent.status_code == 303
        assert api.get(f"/v1/disputes/{dispute['id']}").json["evidence"] == evidence
    page = desk.get(path).text
    assert "审理中" in page
    assert "替换答复" in page
    assert 'id="accept"' not in page, "who has answered does not give in"
    other = api.captured()
    dispute = api.post("/v1/test_helpers/disputes", {"payment": other["id"]}).json
    path = f"/disputes/{dispute['id']}"
    page = desk.get(path).text
    done = press(person, path, page, "accept")
    assert done.status_code == 303
    assert api.get(f"/v1/disputes/{dispute['id']}").json["status"] == "accepted"
    assert "商户已接受" in desk.get(path).text


def test_what_cannot_be_taken_is_said_beside_what_was_typed(desk, person, api):
    payment = api.captured()
    dispute = api.post("/v1/test_helpers/disputes", {"payment": payment["id"]}).json
    path = f"/disputes/{dispute['id']}"
    page = desk.get(path).text
    for evidence in ("", "Call 13812345678"):
        sent = press(person, path, page, "respond", evidence=evidence)
        assert sent.status_code == 422
        assert "请填写 1 到 5000 个字" in sent.text
    assert api.get(f"/v1/disputes/{dispute['id']}").json["status"] == "needs_response"
    api.post(f"/v1/test_helpers/disputes/{dispute['id']}/resolve", {"outcome": "won"})
    late = press(person, path, page, "respond", evidence="too late")
    assert late.status_code == 409
    assert "该争议已不能答复" in late.text
