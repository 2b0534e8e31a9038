"""The door of the shopper's pages: an id opens nothing, the address the first page, a code to the phone the rest."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

from gateway.app import create_app
from gateway.identity.invented import invented_id_number
from tests.by_force import by_force
from tests.gateway.shopper import enter, go_on_by_code, identify
from tests.one_database import database_url  # noqa: F401

CONSENTS = {"credit_service": "yes", "bureau_query": "yes", "funder_sharing": "yes"}
TYPED = {"term": "12", "name": "王小明", "id_number": invented_id_number("shopper"), "phone": "13800000001"}
ANOTHER = {**TYPED, "name": "李小红", "id_number": invented_id_number("another"), "phone": "13800000002"}
LOCKED = "在这台设备上打开订单"


@pytest.fixture
def pages(app):
    """The shopper's browser."""
    return app.test_client()


@pytest.fixture
def other(app):
    """A browser that has nothing."""
    return app.test_client()


@pytest.fixture
def bare(app):
    """A browser that keeps no cookies."""
    return app.test_client(use_cookies=False)


def plan_of(checkout: dict) -> dict:
    return next(plan for plan in checkout["plans"] if plan["term"] == 12)


def reviewed(pages, checkout, clock, typed=TYPED) -> None:
    """A shopper who has read the disclosure."""
    assert identify(pages, checkout, typed).location == f"/checkout/{checkout['id']}/review"
    assert "data-reading" in pages.get(f"/checkout/{checkout['id']}/review").text
    clock.advance(seconds=5)


def confirm(pages, checkout, **more):
    data = {"quote_hash": plan_of(checkout)["quote_hash"], **CONSENTS, **more}
    return pages.post(f"/checkout/{checkout['id']}/confirm", data=data)


def count(app, table: str) -> int:
    with app.extensions["fenqi"].db.read() as tx:
        return tx.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()


def test_whoever_knows_the_id_neither_reads_nor_confirms(app, api, pages, other, clock):
    checkout = api.checkout()
    reviewed(pages, checkout, clock)
    known = api.get("/v1/checkouts").json["data"][0]["id"]
    assert known == checkout["id"]

    review = other.get(f"/checkout/{known}/review")
    confirmed = confirm(other, checkout)

    for answer in (review, confirmed):
        assert answer.status_code == 403
        assert LOCKED in answer.text
    assert (api.get(f"/v1/checkouts/{known}").json["status"], count(app, "payment")) == ("identified", 0)
    assert count(app, "consent") == 0


def test_whoever_holds_the_address_does_not_confirm_for_the_shopper(app, api, pages, other, clock):
    checkout = api.checkout()
    reviewed(pages, checkout, clock)
    shop = enter(other, checkout)
    assert "data-known" in shop.text
    assert "12" not in re.findall(r'value="(\d+)"[^>]*checked', shop.text), "nor sees what was chosen"

    assert confirm(other, checkout).status_code == 403
    for step in ("/review", "/result", "/contract", "/consents"):
        assert other.get(f"/checkout/{checkout['id']}{step}").status_code == 403
    assert other.post(f"/checkout/{checkout['id']}/cancel").status_code == 403
    assert confirm(pages, checkout).status_code == 303
    for step in ("", "/review", "/result", "/contract", "/consents", "/human-review"):
        answer = other.get(f"/checkout/{checkout['id']}{step}", follow_redirects=True)
        assert (answer.status_code, "王小明" in answer.text) == (403, False), step
    assert other.get(urlsplit(checkout["url"]).path, follow_redirects=True).status_code == 403
    assert pages.get(urlsplit(checkout["url"]).path, follow_redirects=True).status_code == 200
    assert "王" in pages.get(f"/checkout/{checkout['id']}/contract").text


def test_address_is_exchanged_for_a_cookie_and_leaves_no_trace(api, pages):
    checkout = api.checkout()
    path = urlsplit(checkout["url"]).path
    secret = path.rpartition("/")[2]
    assert re.fullmatch(r"[0-9a-f]{40}", secret)
    assert secret not in checkout["id"]

    first = pages.get(f"{path}?lang=en")
    assert first.status_code == 303
    cookie = first.headers["Set-Cookie"]
    assert cookie.startswith(f"fenqi_checkout_{checkout['id']}=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert "Expires" not in cookie, "it ends with the browser's session"
    assert (first.headers["Cache-Control"], first.headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    second = pages.get(first.location)
    assert (second.status_code, second.location) == (303, f"/checkout/{checkout['id']}?lang=en")
    page = pages.get(second.location)
    assert page.status_code == 200
    assert secret not in page.text
    assert pages.get(path[:-1] + ("0" if path[-1] != "0" else "1")).status_code == 403


def test_cookie_is_bound_to_the_host_where_the_gateway_is_https(app, api, clock):
    here = app.extensions["fenqi"]
    settings = replace(here.settings, public_url="https://pay.example")
    https = create_app(settings, clock=clock, ports={"scorer": here.ports.scorer})
    path = urlsplit(api.checkout()["url"]).path
    cookie = https.test_client().get(path, base_url="https://pay.example").headers["Set-Cookie"]
    assert cookie.startswith("__Host-fenqi_checkout_chk_")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


def forms(page) -> dict[str, dict[str, str]]:
    """The forms of a page by their address, each with its hidden fields."""
    found = {}
    for form in re.findall(r"<form.*?</form>", page.text, re.S):
        action = re.search(r'action="([^"]+)"', form)[1]
        found[action] = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))
    return found


def test_browser_without_cookies_buys_by_its_forms(app, api, bare, clock):
    checkout = api.checkout()
    at = f"/checkout/{checkout['id']}"
    page = bare.get(urlsplit(checkout["url"]).path, follow_redirects=True)
    assert page.status_code == 200
    key = forms(page)[f"{at}/identity"]
    assert key["key"] == urlsplit(checkout["url"]).path.rpartition("/")[2]
    assert forms(bare.post(f"{at}/code", data={**TYPED, **key}))[f"{at}/identity"] == key
    wrong = bare.post(f"{at}/identity", data={**TYPED, **key, "code": "111111"})
    assert (wrong.status_code, forms(wrong)[f"{at}/identity"]) == (422, key)
    review = bare.post(f"{at}/identity", data={**TYPED, **key, "code": "000000"})
    assert (review.status_code, "data-reading" in review.text) == (200, True)
    proof = forms(review)[f"{at}/confirm"]
    assert proof["key"] != key["key"]
    assert forms(review)[at] == {"key": proof["key"]}, "the way back is a form, too"
    assert "checked" in bare.post(at, data=proof).text
    english = bare.post(f"{at}/review?lang=en", data=forms(review)[f"{at}/review?lang=en"])
    assert (english.status_code, "data-reading" in english.text) == (200, True), (
        "and so is the other language"
    )
    assert f"{at}/review?lang=zh-CN" in forms(english)
    clock.advance(seconds=5)

    assert confirm(bare, checkout, **key).status_code == 403, "the address does not confirm"
    result = confirm(bare, checkout, **proof)

    assert (result.status_code, 'data-status="approved"' in result.text) == (200, True)
    assert confirm(bare, checkout, **proof).status_code == 200, "a second confirm shows the first answer"
    assert count(app, "payment") == 1
    for step in ("contract", "consents"):
        assert f"{at}/{step}" in forms(result)
        answer = bare.post(f"{at}/{step}", data=proof)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
        assert bare.get(f"{at}/{step}").status_code == 403
    withdrawn = bare.post(f"{at}/consents/withdraw", data={**proof, "kind": "bureau_query"})
    assert withdrawn.text.count("已于") == 1, "withdrawn"


def test_cookie_counts_where_a_form_carries_a_key_as_well(api, pages, bare, clock):
    checkout = api.checkout()
    page = bare.get(urlsplit(checkout["url"]).path, follow_redirects=True)
    key = forms(page)[f"/checkout/{checkout['id']}/identity"]
    reviewed(pages, checkout, clock)
    assert confirm(pages, checkout, **key).location == f"/checkout/{checkout['id']}/result"


def test_another_device_goes_on_by_a_code_to_the_same_phone(api, pages, other, bare, clock):
    checkout = api.checkout()
    reviewed(pages, checkout, clock)
    assert "data-reading" in go_on_by_code(other, checkout["id"]).text
    at = f"/checkout/{checkout['id']}"
    assert other.get(f"{at}/continue").location == f"{at}/review"
    assert confirm(other, checkout).status_code == 303
    assert 'data-status="approved"' in go_on_by_code(bare, checkout["id"]).text
    assert 'data-status="approved"' in pages.get(f"{at}/result").text, "the first device stays in"


@pytest.mark.parametrize("bound", [True, False], ids=["somebody identified", "nobody identified"])
def test_answer_does_not_tell_whether_the_phone_is_right(app, api, pages, clock, monkeypatch, bound):
    notifier = app.extensions["fenqi"].ports.unguarded("notifier")
    monkeypatch.setattr(notifier, "new_code", lambda mode: "246810", raising=False)
    checkout = api.checkout()
    at = f"/checkout/{checkout['id']}/continue"
    if bound:
        assert identify(pages, checkout, {**TYPED, "code": "246810"}).status_code == 303
    seen = {}
    for phone in (TYPED["phone"], "13811112222"):
        stranger = app.test_client()
        answers = [stranger.get(at), stranger.post(f"{at}/code", data={"phone": phone})]
        for _ in range(6):
            answers.append(stranger.post(at, data={"phone": phone, "code": "111111"}))
        for _ in range(6):
            answers.append(stranger.post(f"{at}/code", data={"phone": phone}))
        seen[phone] = [
            (answer.status_code, re.sub(r"req_\w+", "", answer.text.replace(phone, ""))) for answer in answers
        ]
        for _, page in seen[phone]:
            for word in ("王", "599", "Phone", "order-", "商户", "****", "0001"):
                assert word not in page.replace("13800000001", ""), word
    first, second = seen.values()
    assert first == second


def test_code_to_the_same_phone_is_guessed_at_most_five_times_and_sent_at_most_five(
    app, api, pages, other, clock
):
    checkout = api.checkout()
    reviewed(pages, checkout, clock)
    at, phone = f"/checkout/{checkout['id']}/continue", {"phone": TYPED["phone"]}
    other.post(f"{at}/code", data=phone)
    for _ in range(5):
        assert other.post(at, data={**phone, "code": "111111"}).status_code == 422
    assert other.post(at, data={**phone, "code": "000000"}).status_code == 422
    for _ in range(8):
        clock.advance(hours=1)
        assert other.post(f"{at}/code", data=phone).status_code == 200
    with app.extensions["fenqi"].db.read() as tx:
        sent = tx.execute(text("SELECT count(*) FROM outbox WHERE topic = 'notify.code'")).scalar_one()
    assert sent == 1 + 5
    assert confirm(pages, checkout).status_code == 303, "the shopper's own browser does not notice"


def test_code_that_arrived_stays_good_when_another_was_asked_for_too_soon(app, api, pages, other, clock):
    checkout = api.checkout()
    reviewed(pages, checkout, clock, elsewhere := {**TYPED, "phone": "13912345678"})
    at, phone = f"/checkout/{checkout['id']}/continue", {"phone": elsewhere["phone"]}
    for _ in range(4):
        assert other.post(f"{at}/code", data=phone).status_code == 200
    with app.extensions["fenqi"].db.read() as tx:
        sent = tx.execute(text("SELECT count(*) FROM outbox WHERE topic = 'notify.code'")).scalar_one()
    assert sent == 3, "for this phone, the first one among them"
    assert other.post(at, data={**phone, "code": "000000"}).status_code == 200


def test_whoever_takes_the_order_over_shuts_the_first_out(api, pages, other, clock):
    checkout = api.checkout()
    reviewed(pages, checkout, clock)
    reviewed(other, checkout, clock, ANOTHER)
    at = f"/checkout/{checkout['id']}"
    assert pages.get(f"{at}/review").status_code == 403
    assert confirm(pages, checkout).status_code == 403
    pages.post(f"{at}/continue/code", data={"phone": TYPED["phone"]})
    assert pages.post(f"{at}/continue", data={"phone": TYPED["phone"], "code": "000000"}).status_code == 422
    assert confirm(other, checkout).status_code == 303
    assert api.get(f"/v1/checkouts/{checkout['id']}").json["status"] == "declined", "as 13800000002 is"


def test_who_is_replaced_at_the_same_moment_of_a_test_clock_is_shut_out_as_well(api, pages, other):
    checkout = api.checkout()
    for browser, typed in ((pages, TYPED), (other, ANOTHER)):
        assert identify(browser, checkout, typed).status_code == 303
    assert pages.get(f"/checkout/{checkout['id']}/review").status_code == 403
    assert other.get(f"/checkout/{checkout['id']}/review").status_code == 200


def test_confirmation_of_who_was_replaced_meanwhile_is_refused(app, api, pages, other, clock, monkeypatch):
    from gateway.checkout import shopper  # noqa: PLC0415

    checkout = api.checkout()
    reviewed(pages, checkout, clock)
    confirmed = shopper.confirm

    def replaced_first(tx, here, checkout_id, **facts):
        return confirmed(tx, here, checkout_id, **{**facts, "shopper_id": "shp_of_before"})

    monkeypatch.setattr(shopper, "confirm", replaced_first)
    assert confirm(pages, checkout).status_code == 303
    assert api.get(f"/v1/checkouts/{checkout['id']}").json["status"] == "identified"
    assert count(app, "consent") == 0


def test_pass_ends_after_a_day_and_a_code_makes_another(api, pages, clock):
    checkout = api.checkout()
    reviewed(pages, checkout, clock)
    confirm(pages, checkout)
    result = f"/checkout/{checkout['id']}/result"
    clock.advance(hours=23)
    assert pages.get(result).status_code == 200
    clock.advance(hours=1)
    assert pages.get(result).status_code == 403
    assert 'data-status="approved"' in go_on_by_code(pages, checkout["id"]).text
    assert pages.get(result).status_code == 200


@pytest.mark.parametrize(
    "forged", ["", "x", "9.9", "é", "1764000000.", "99999999999999." + "0" * 64, "1764000000." + "0" * 64]
)
def test_forged_cookie_opens_nothing(api, pages, other, clock, forged):
    checkout, foreign = api.checkout(), api.checkout()
    reviewed(pages, checkout, clock)
    other.set_cookie(f"fenqi_checkout_{checkout['id']}", forged)
    assert other.get(f"/checkout/{checkout['id']}/review").status_code == 403
    assert other.post(f"/checkout/{checkout['id']}/review", data={"key": forged}).status_code == 403
    mine = pages.get_cookie(f"fenqi_checkout_{checkout['id']}").value
    other.set_cookie(f"fenqi_checkout_{foreign['id']}", mine)
    assert other.get(f"/checkout/{foreign['id']}").status_code == 403, "a pass is of one checkout"


def test_browser_keeps_few_cookies(api, pages):
    for _ in range(13):
        enter(pages, api.checkout())
    kept = [key for key in pages._cookies if "fenqi_checkout_" in str(key)]
    assert len(kept) == 10


def test_two_tabs_and_the_way_back(api, pages, clock):
    first, second = api.checkout(), api.checkout()
    reviewed(pages, first, clock)
    reviewed(pages, second, clock)
    at = f"/checkout/{first['id']}"
    back = pages.get(at)
    assert re.search(r'value="12"[^>]*checked', back.text), "the plan is still chosen"
    assert "data-known" not in back.text
    enter(pages, first)
    assert confirm(pages, first).location == f"{at}/result"
    assert confirm(pages, second).status_code == 303
    assert pages.get(at).location == f"{at}/result"
    english = pages.get(f"{at}/result?lang=en")
    assert "Approved" in english.text or 'lang="en"' in english.text


def test_address_from_before_the_upgrade_opens_the_first_page_for_a_day(app, api, pages, other, clock):
    opened, identified = api.checkout(), api.checkout()
    reviewed(pages, identified, clock)
    with app.extensions["fenqi"].db.engine.begin() as connection:
        by_force(
            connection,
            "UPDATE checkout SET address_lookup = NULL, address_sealed = NULL, phone_lookup = NULL, "
            "address_grace_ends = :end",
            {"end": _stored(app, clock.now + timedelta(hours=24))},
        )
    assert other.get(f"/checkout/{opened['id']}").status_code == 200
    assert other.get(f"/checkout/{identified['id']}/review").status_code == 403
    assert "data-reading" in go_on_by_code(other, identified["id"]).text
    at = f"/checkout/{opened['id']}"
    other.post(f"{at}/code", data=TYPED)
    answer = other.post(f"{at}/identity", data={**TYPED, "code": "000000"}, follow_redirects=True)
    assert "data-reading" in answer.text
    clock.advance(hours=24)
    fresh = app.test_client()
    assert fresh.get(at).status_code == 403


def _stored(app, moment):
    from gateway.db.types import UtcTime  # noqa: PLC0415

    return UtcTime().process_bind_param(moment, app.extensions["fenqi"].db.engine.dialect)


def test_checkout_from_before_the_upgrade_is_given_an_address_when_it_is_asked_for_again(app, api, pages):
    order = api.order()
    before = api.post("/v1/checkouts", order).json
    with app.extensions["fenqi"].db.engine.begin() as connection:
        connection.execute(text("UPDATE checkout SET address_lookup = NULL, address_sealed = NULL"))
    again = api.post("/v1/checkouts", order)
    assert (again.status_code, again.json["id"]) == (200, before["id"])
    assert again.json["url"] != before["url"]
    enter(pages, again.json)


def test_url_is_told_to_the_creating_call_alone(api, clock, pages):
    order = api.order()
    first = api.post("/v1/checkouts", order, key="one")
    same = api.post("/v1/checkouts", order, key="one")
    repeated = api.post("/v1/checkouts", order, key="two")
    assert same.headers["Idempotent-Replayed"] == "true"
    assert first.json["url"] == same.json["url"] == repeated.json["url"]
    assert (first.status_code, repeated.status_code) == (201, 200)
    at = f"/v1/checkouts/{first.json['id']}"
    reviewed(pages, first.json, clock)
    assert api.post("/v1/checkouts", order).json["url"] == first.json["url"], "while it is under way"
    answers = [api.get(at).json, api.get("/v1/checkouts").json["data"][0], api.post(f"{at}/cancel").json]
    answers += [event["data"] for event in api.get("/v1/events").json["data"]]
    assert [answer["url"] for answer in answers] == [None] * len(answers)
    assert len(answers) == 4
    with_secret = api.get(at).json
    assert "open/" not in str(with_secret)


def test_answer_that_an_older_release_kept_open_is_replayed(app, api):
    order = api.order()
    first = api.post("/v1/checkouts", order, key="old")
    with app.extensions["fenqi"].db.engine.begin() as connection:
        connection.execute(text("UPDATE idempotent_answer SET body = :body"), {"body": first.data})
    assert api.post("/v1/checkouts", order, key="old").data == first.data


def test_rotation_seals_the_addresses_under_way_anew(app, api):
    from gateway.data_requests import rotation  # noqa: PLC0415

    here, order = app.extensions["fenqi"], api.order()
    before = api.post("/v1/checkouts", order).json["url"]
    rotation.rotate(here, resume=False, progress=lambda *_: None)
    with here.db.read() as tx:
        sealed = tx.execute(text("SELECT address_sealed FROM checkout")).scalar_one()
    assert here.vault.is_current(bytes(sealed))
    assert api.post("/v1/checkouts", order).json["url"] == before


def test_erased_person_leaves_no_phone_to_go_on_by(app, api, clock):
    from gateway.data_requests import erasure  # noqa: PLC0415

    here = app.extensions["fenqi"]
    checkout = api.checkout()
    api.post(f"/v1/test_helpers/checkouts/{checkout['id']}/complete", {"phone": "13800000002"})
    with here.db.read() as tx:
        shopper_id = tx.execute(text("SELECT shopper_id FROM checkout")).scalar_one()
    assert here.db.write(lambda tx: erasure.ask(tx, here.settings, shopper_id))["status"] == "erased"
    with here.db.read() as tx:
        assert tx.execute(text("SELECT phone_lookup FROM checkout")).scalar_one() is None
    stranger = app.test_client()
    stranger.post(f"/checkout/{checkout['id']}/continue/code", data={"phone": "13800000002"})
    answer = stranger.post(
        f"/checkout/{checkout['id']}/continue", data={"phone": "13800000002", "code": "000000"}
    )
    assert answer.status_code == 422


def test_checkout_that_ended_before_anybody_identified_is_seen_by_its_address(api, pages, other, clock):
    checkout = api.checkout(expires_in=300)
    clock.advance(seconds=301)
    assert 'data-status="expired"' in enter(pages, checkout).text
    assert other.get(f"/checkout/{checkout['id']}/result").status_code == 403


def test_page_of_the_way_in_is_complete_in_english(api, other):
    page = other.get(f"/checkout/{api.checkout()['id']}/review?lang=en")
    assert page.status_code == 403
    assert not [char for char in page.text.replace("中文", "") if "一" <= char <= "鿿"]
    at = "/".join(page.request.path.split("/")[:3])
    assert f'action="{at}/continue?lang=en"' in page.text
    wrong = other.post(f"{at}/continue/code?lang=en", data={"phone": "12"})
    assert (wrong.status_code, 'aria-invalid="true"' in wrong.text) == (422, True)
