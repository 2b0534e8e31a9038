"""The shopper's pages: what is refused, in words, and that a confirm happens once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from gateway.core.identifiers import resident_id_check_digit
from gateway.identity.invented import invented_id_number
from tests.gateway.shopper import enter, send
from tests.one_database import database_url  # noqa: F401

CONSENTS = {"credit_service": "yes", "bureau_query": "yes", "funder_sharing": "yes"}


@pytest.fixture
def pages(app):
    """A browser without JavaScript."""
    return app.test_client()


def form(**changes: str) -> dict[str, str]:
    typed = {
        "term": "12",
        "name": "王小明",
        "id_number": invented_id_number("shopper"),
        "phone": "13800000001",
        "code": "000000",
    }
    return {**typed, **changes}


def identified(pages, api, clock, **changes: str) -> dict:
    """A checkout whose disclosure has been shown for long enough."""
    checkout = api.checkout()
    path = f"/checkout/{checkout['id']}"
    typed = form(**changes)
    enter(pages, checkout)
    assert send(pages, f"{path}/code", typed).status_code == 200
    answer = pages.post(f"{path}/identity", data=typed)
    assert (answer.status_code, answer.location) == (303, f"{path}/review"), answer.text
    assert pages.get(f"{path}/review").status_code == 200
    clock.advance(seconds=5)
    return checkout


def confirm(pages, checkout: dict, **changes: str):
    plan = next(plan for plan in checkout["plans"] if plan["term"] == 12)
    return send(
        pages,
        f"/checkout/{checkout['id']}/confirm",
        {"quote_hash": plan["quote_hash"], **CONSENTS, **changes},
    )


def test_the_whole_path_ends_in_a_payment(pages, api, clock):
    checkout = identified(pages, api, clock)
    answer = confirm(pages, checkout)
    assert (answer.status_code, answer.location) == (303, f"/checkout/{checkout['id']}/result")
    page = pages.get(answer.location)
    assert 'data-status="approved"' in page.text
    assert f"https://shop.example/return?checkout={checkout['id']}" in page.text
    assert api.get(f"/v1/checkouts/{checkout['id']}").json["payment"].startswith("pay_")


def test_a_second_confirm_shows_the_first_answer(pages, api, clock, app):
    checkout = identified(pages, api, clock)
    confirm(pages, checkout)
    before = api.get(f"/v1/checkouts/{checkout['id']}").json
    assert confirm(pages, checkout).location == f"/checkout/{checkout['id']}/result"
    assert api.get(f"/v1/checkouts/{checkout['id']}").json == before
    with app.extensions["fenqi"].db.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM payment")).scalar_one() == 1


def test_twenty_parallel_confirms_make_one_payment(pages, api, clock, app):
    checkout = identified(pages, api, clock)
    key = f"fenqi_checkout_{checkout['id']}"
    browsers = [app.test_client() for _ in range(20)]
    for browser in browsers:
        browser.set_cookie(key, pages.get_cookie(key).value)

    def click(number: int) -> int:
        return confirm(browsers[number], checkout).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(click, range(20))) == {303}
    with app.extensions["fenqi"].db.read() as tx:
        for table in ("payment", "credit_decision", "credit_limit"):
            assert tx.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 1


def minor() -> str:
    stem = "11010520100101123"
    return stem + resident_id_check_digit(stem)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"id_number": minor()}, "未满 18 周岁"),
        ({"id_number": "110105199003071230"}, "身份证号不正确"),
        ({"id_number": "123"}, "身份证号不正确"),
        ({"phone": "14100000000"}, "手机号不正确"),
        ({"code": "123456"}, "验证码不正确"),
        ({"code": "12"}, "请填写 6 位数字验证码"),
        ({"name": ""}, "请填写真实姓名"),
        ({"name": "a\x00b"}, "请填写真实姓名"),
        ({"term": ""}, "请选择一个分期方案"),
        ({"term": "5"}, "该期数暂不可选"),
    ],
)
def test_wrong_identity_is_told_in_words_and_changes_nothing(pages, api, changes, words):
    checkout = api.checkout()
    enter(pages, checkout)
    path = f"/checkout/{checkout['id']}"
    pages.post(f"{path}/code", data=form())
    answer = send(pages, f"{path}/identity", form(**changes))
    assert answer.status_code == 422
    assert words in answer.text
    assert 'value="王小明"' in answer.text or "name" in changes
    assert api.get(f"/v1/checkouts/{checkout['id']}").json["status"] == "open"


def test_a_residence_permit_for_hong_kong_residents_is_accepted(pages, api, clock):
    checkout = identified(pages, api, clock, id_number="８１００００ １９９４０８２３ ００２１")
    assert api.get(f"/v1/checkouts/{checkout['id']}").json["status"] == "identified"


@pytest.mark.parametrize(
    ("number", "chinese", "english"),
    [
        ("E12345678", "暂不支持护照等其他证件", "Passports and other identity documents"),
        ("110105491231002", "15 位身份证号已停用", "15-digit ID numbers"),
        ("ABC110012345678", "外国人永久居留身份证", "Foreign permanent resident ID cards"),
        ("H12345678", "来往内地（大陆）通行证", "Mainland travel permits"),
    ],
)
def test_a_document_that_is_not_served_is_named_in_both_languages(pages, api, number, chinese, english):
    checkout = api.checkout()
    enter(pages, checkout)
    path = f"/checkout/{checkout['id']}/identity"
    for query, words in (("", chinese), ("?lang=en", english)):
        answer = send(pages, path + query, form(id_number=number))
        assert answer.status_code == 422
        assert words in answer.text


def test_a_code_is_guessed_at_most_five_times(pages, api):
    checkout = api.checkout()
    enter(pages, checkout)
    path = f"/checkout/{checkout['id']}"
    pages.post(f"{path}/code", data=form())
    for _ in range(5):
        assert "验证码不正确" in send(pages, f"{path}/identity", form(code="111111")).text
    assert "验证码已失效" in send(pages, f"{path}/identity", form()).text


@pytest.mark.parametrize("missing", list(CONSENTS))
def test_each_required_consent_is_needed(pages, api, clock, missing):
    checkout = identified(pages, api, clock)
    answer = confirm(pages, checkout, **{missing: ""})
    assert answer.status_code == 422
    assert "请先勾选三项必选授权" in answer.text
    assert api.get(f"/v1/checkouts/{checkout['id']}").json["status"] == "identified"


def test_the_disclosure_is_read_before_it_is_confirmed(pages, api, clock):
    checkout = identified(pages, api, clock)
    clock.advance(seconds=-4)
    answer = confirm(pages, checkout)
    assert answer.status_code == 409
    assert "再阅读" in answer.text


def test_another_plan_than_the_disclosed_one_is_refused(pages, api, clock):
    checkout = identified(pages, api, clock)
    answer = confirm(pages, checkout, quote_hash=checkout["plans"][0]["quote_hash"])
    assert answer.status_code == 422
    assert "方案已更新" in answer.text


@pytest.mark.parametrize(
    ("phone", "status", "words"),
    [
        ("13800000002", "declined", "使用其他支付方式"),
        ("13800000003", "under_review", "正在人工审核"),
        ("13800000004", "declined", "没有发生任何扣款"),
        ("13800000005", "under_review", "没有发生任何扣款"),
    ],
)
def test_sandbox_phones_play_every_outcome(pages, api, clock, phone, status, words):
    checkout = identified(pages, api, clock, phone=phone)
    confirm(pages, checkout)
    found = api.get(f"/v1/checkouts/{checkout['id']}").json
    assert (found["status"], found["payment"]) == (status, None)
    assert found["decline"] == ({"code": "declined"} if status == "declined" else None)
    assert words in pages.get(f"/checkout/{checkout['id']}/result").text


def test_an_ordinary_shopper_is_scored_for_real(pages, api, clock, app):
    checkout = identified(pages, api, clock, phone="13912345678")
    confirm(pages, checkout)
    with app.extensions["fenqi"].db.read() as tx:
        row = tx.execute(text("SELECT sandbox, model, credit_score, fraud_score FROM credit_decision")).one()
    assert row.sandbox is None
    assert row.model.startswith("fenqi")
    assert 300 <= row.credit_score <= 850
    assert 0 <= row.fraud_score <= 100


def test_a_form_of_another_site_is_refused(pages, api):
    checkout = api.checkout()
    enter(pages, checkout)
    answer = pages.post(
        f"/checkout/{checkout['id']}/cancel",
        headers={"Origin": "https://evil.example", "Accept": "text/html"},
    )
    assert answer.status_code == 403
    assert api.get(f"/v1/checkouts/{checkout['id']}").json["status"] == "open"


def test_an_expired_checkout_says_that_no_money_moved(pages, api, clock):
    checkout = api.checkout(expires_in=300)
    enter(pages, checkout)
    clock.advance(seconds=301)
    assert pages.get(f"/checkout/{checkout['id']}").location == f"/checkout/{checkout['id']}/result"
    assert "没有发生任何扣款" in pages.get(f"/checkout/{checkout['id']}/result").text


def test_personal_data_is_sealed_wherever_it_is_stored(pages, api, clock, app, database_url):  # noqa: F811
    typed = form()
    identified(pages, api, clock)
    engine = app.extensions["fenqi"].db.engine
    with engine.connect() as connection:
        for table in ("shopper", "one_time_code", "checkout", "event", "outbox", "idempotent_answer"):
            for row in connection.execute(text(f"SELECT * FROM {table}")):
                for secret in (typed["id_number"], typed["phone"], typed["name"]):
                    assert secret not in "".join(map(str, row))


def test_pages_are_complete_in_english(pages, api, clock):
    checkout = identified(pages, api, clock)
    for path in ("", "/review"):
        page = pages.get(f"/checkout/{checkout['id']}{path}?lang=en", headers={"Accept": "text/html"})
        body = page.text.replace("王", "").replace("中文", "")
        assert not [char for char in body if "一" <= char <= "鿿"]


def test_the_address_of_every_form_opens_as_a_page(app, pages, api, clock):
    forms = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/checkout/") and rule.methods is not None and "POST" in rule.methods
    }
    checkout = identified(pages, api, clock)
    path = f"/checkout/{checkout['id']}"

    pages_too = {"", "/review", "/result", "/contract", "/consents", "/continue", "/stages"}
    pages_too |= {"/amendments/<loan_id>/<version>"}
    pages_too |= {"/contract.pdf", "/settled/<loan_id>.pdf"}
    forms -= {f"/checkout/<checkout_id>{step}" for step in pages_too}
    assert len(forms) >= 8
    for rule in forms:
        address = rule.replace("<checkout_id>", checkout["id"])
        answer = pages.get(f"{address}?lang=en")
        page = pages.get(answer.location or "", follow_redirects=True)
        assert (answer.status_code, page.status_code) == (303, 200), rule
        assert answer.location.endswith("lang=en"), "the language that was chosen is kept"
    assert pages.get(f"{path}/code").location == path
    assert pages.get(f"{path}/confirm").location == f"{path}/review"
    assert confirm(pages, checkout).location == f"{path}/result"
    assert pages.get(f"{path}/confirm").location == f"{path}/result"
