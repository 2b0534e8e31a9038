"""The same ID number with another name or phone: both are kept, nothing of the other's is used, a person decides."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from gateway.app import database_of
from gateway.checkout import deciding
from gateway.cli import main
from gateway.data_requests import erasure, export
from gateway.decision.bureau import SimulatedBureau
from gateway.identity import claims
from gateway.identity import service as identity
from gateway.identity.invented import invented_id_number
from gateway.identity.real_name import Question, RealNameUnavailable, SimulatedRealName
from tests.one_database import database_url, on_both  # noqa: F401

ID_NUMBER = invented_id_number("claimed")
WANG, LI = "王小明", "李雷"
PHONE, OTHER_PHONE, UNKNOWN_PHONE, MISMATCHED_PHONE = (
    "13800000001",
    "13800000006",
    "13800000009",
    "13800000008",
)


@pytest.fixture
def gateway(app: Any) -> Any:
    return app.extensions["fenqi"]


@pytest.fixture
def review(gateway: Any, monkeypatch: Any, capsys: Any) -> Any:
    """Run ``fenqi-gateway review …`` on the app's database at the app's time; exit code, output, and errors."""
    monkeypatch.setattr("gateway.app.gateway_of", lambda settings: gateway)
    monkeypatch.setenv("DATABASE_URL", gateway.settings.database_url)

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["review", *words, "--data", str(gateway.settings.data_dir)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


class Source(SimulatedRealName):
    """A real-name source that answers as it is told and remembers what it was asked."""

    def __init__(self, answer: str | None) -> None:
        self.answer, self.asked, self.looked_up = answer, [], []

    def check(self, question: Question) -> str:
        self.asked.append(question)
        if self.answer is None:
            raise RealNameUnavailable("silent")
        return self.answer

    def look_up(self, question: Question) -> str | None:
        self.looked_up.append(question.reference)
        return None


def apply(api: Any, name: str = WANG, phone: str = PHONE, id_number: str = ID_NUMBER, **order: Any) -> Any:
    checkout = api.checkout(**order)
    body = {"term": 3, "name": name, "phone": phone, "id_number": id_number}
    answer = api.post(f"/v1/test_helpers/checkouts/{checkout['id']}/complete", body)
    assert answer.status_code in (200, 202), answer.text
    return answer.json


def rows(gateway: Any, query: str, **values: Any) -> list[Any]:
    with gateway.db.read() as tx:
        return list(tx.execute(text(query), values))


def shopper_of(gateway: Any, checkout: Any) -> str:
    return str(rows(gateway, "SELECT shopper_id FROM checkout WHERE id = :id", id=checkout["id"])[0][0])


def opened(gateway: Any, shopper: str) -> dict[str, str]:
    with gateway.db.read() as tx:
        return identity.opened(tx, gateway.vault, shopper)


def limits(gateway: Any) -> dict[str, int]:
    return dict(map(tuple, rows(gateway, "SELECT shopper_id, held_fen FROM credit_limit")))


@pytest.mark.parametrize(
    ("name", "phone"), [(LI, OTHER_PHONE), (LI, PHONE), (WANG, UNKNOWN_PHONE), (WANG, MISMATCHED_PHONE)]
)
def test_another_name_or_phone_overwrites_nothing_draws_nothing_and_waits_for_a_person(
    gateway: Any, api: Any, app: Any, name: str, phone: str
) -> None:
    first = apply(api)
    assert first["status"] == "approved"
    holder, before = shopper_of(gateway, first), limits(gateway)
    second = apply(api, name, phone)
    assert second["status"] == "under_review"
    claim = shopper_of(gateway, second)
    assert claim != holder
    assert opened(gateway, holder) == {"name": WANG, "id_number": ID_NUMBER, "phone": f"+86{PHONE}"}
    assert opened(gateway, claim) == {"name": name, "id_number": ID_NUMBER, "phone": f"+86{phone}"}
    assert limits(gateway) == before
    query = "SELECT CAST(features AS TEXT) FROM credit_decision WHERE checkout_id = :id"
    (features,) = rows(gateway, query, id=second["id"])[0]
    assert json.loads(features)["open_principal_fen"] == 0
    used = rows(gateway, "SELECT shopper_id FROM applicant_link WHERE kind = 'phone' ORDER BY position")
    assert [row[0] for row in used] == [holder, claim], "what a stranger uses is not linked to the person"
    page = app.test_client().get(f"/checkout/{second['id']}/result").text
    assert "核实" not in page
    assert ID_NUMBER not in page
    again = apply(api, name, phone)
    assert (again["status"], shopper_of(gateway, again)) == ("under_review", claim), "the same claim"
    third = apply(api)
    assert (third["status"], shopper_of(gateway, third)) == ("approved", holder), "as before"


def test_a_verified_new_phone_is_the_persons_and_the_old_one_is_kept_with_its_end(
    gateway: Any, api: Any
) -> None:
    first = apply(api)
    holder = shopper_of(gateway, first)
    second = apply(api, "王 小明", OTHER_PHONE)
    assert (second["status"], shopper_of(gateway, second)) == ("approved", holder)
    assert limits(gateway) == {holder: 2 * 599_900}
    assert opened(gateway, holder)["phone"] == f"+86{OTHER_PHONE}"
    with gateway.db.read() as tx:
        assert list(claims.former_of(tx, gateway.vault, holder).values()) == [
            {"name": WANG, "phone": f"+86{PHONE}"}
        ]
        (claim,) = claims.rows_of(tx, holder)[1:]
        found = export.export(tx, gateway.vault, holder)["data"]
    assert rows(gateway, "SELECT name_sealed, erased_at IS NULL FROM shopper WHERE id = :id", id=claim) == [
        (b"", False)
    ]
    assert len(found["consent"]["rows"]) == 8, "also what was agreed to before it was known who it is"
    assert found["former_particulars"]["rows"][0]["phone"] == f"+86{PHONE}"
    linked = rows(gateway, "SELECT kind FROM applicant_link WHERE shopper_id = :id", id=holder)
    assert sorted(row[0] for row in linked) == ["phone", "phone", "referrer", "referrer"]
    assert gateway.db.write(lambda tx: erasure.ask(tx, gateway.settings, holder)["status"] == "frozen"), (
        "its payments are open"
    )


def test_a_stranger_never_gets_the_features_or_the_bureaus_file_of_the_person(gateway: Any, api: Any) -> None:
    class Bureau(SimulatedBureau):
        def __init__(self) -> None:
            self.asked: list[Any] = []

        def report(self, inquiry: Any) -> Any:
            self.asked.append(inquiry)
            return super().report(inquiry)

    gateway.ports.bureau = bureau = Bureau()
    gateway.ports.real_name = source = Source("match")
    assert apply(api)["status"] == "approved"
    assert len(bureau.asked) == 1
    assert apply(api, LI, PHONE)["status"] == "under_review"
    assert len(bureau.asked) == 1
    fresh = invented_id_number("nobody before")
    assert apply(api, "韩梅", OTHER_PHONE, fresh)["status"] == "approved"
    assert [(one.name, one.phone) for one in source.asked] == [
        (WANG, f"+86{PHONE}"),
        (LI, f"+86{PHONE}"),
        ("韩梅", f"+86{OTHER_PHONE}"),
    ], "a number on file and a fresh one are asked about alike"
    assert apply(api)["status"] == "approved"
    assert len(source.asked) == 3, "who was verified is not asked about again"


@pytest.mark.parametrize("answer", ["mismatch", "unknown", None])
def test_a_fresh_number_that_is_not_confirmed_waits_like_one_on_file(
    gateway: Any, api: Any, review: Any, answer: str | None
) -> None:
    gateway.ports.real_name = source = Source(answer)
    waiting = apply(api)
    assert waiting["status"] == "under_review"
    assert limits(gateway) == {}
    assert len(source.looked_up) == (answer is None), "an unknown outcome is looked up"
    told = json.loads(review("show", waiting["id"], "--json")[1])
    assert told["reasons"][0]["code"] == "identity_conflict"
    assert (told["real_name"], told["on_file"]) == (answer or "unknown", None)
    code, out, _ = review("approve", waiting["id"], "--by", "li.lei", "--reason", "seen in person")
    assert (code, json.loads(out)["status"]) == (0, "approved")
    assert apply(api)["status"] == "approved", "verified by the reviewer"
    assert len(source.asked) == 1


def test_a_reviewer_sees_both_sides_and_says_whose_the_number_is(gateway: Any, api: Any, review: Any) -> None:
    holder = shopper_of(gateway, apply(api))
    contested = apply(api, LI, OTHER_PHONE)["id"]
    told = json.loads(review("show", contested, "--json")[1])
    assert told["person"] == {"name": "李*", "id_number": told["person"]["id_number"], "phone": "138****0006"}
    assert told["on_file"]["person"]["name"] == "王**"
    assert told["on_file"]["differs"] == ["name", "phone"]
    assert told["on_file"]["shopper"] == holder
    assert ID_NUMBER not in json.dumps(told)
    clear = json.loads(review("show", contested, "--in-clear", "--json")[1])
    assert (clear["person"]["name"], clear["on_file"]["person"]["name"]) == (LI, WANG)
    audited = rows(gateway, "SELECT facts FROM audit_entry WHERE action = 'review.show'")
    assert ["in_clear" in str(row) for row in sorted(audited, key=str)].count(True) == 1
    by = ("--by", "li.lei", "--reason", "both papers seen")
    code, _, error = review("approve", contested, *by)
    assert (code != 0 and "--person" in error) or "Say whose it is" in error
    assert api.get(f"/v1/checkouts/{contested}").json["status"] == "under_review"
    with pytest.raises(SystemExit):
        review("decline", contested, "--by", "li.lei", "--reason", f"gave {ID_NUMBER[:6]} {ID_NUMBER[6:]}")
    assert review("approve", contested, *by, "--person", "another")[0] == 0
    claimant = shopper_of(gateway, {"id": contested})
    assert limits(gateway) == {holder: 599_900, claimant: 599_900}
    with gateway.db.read() as tx:
        number = identity.found_by_id_number(tx, gateway.vault, mode="test", id_number=ID_NUMBER)
        assert number == claimant
        assert claims.of_number(tx, claimant) == [holder]
    assert apply(api, LI, OTHER_PHONE)["status"] == "approved"
    displaced = apply(api)
    assert (displaced["status"], shopper_of(gateway, displaced)) == ("under_review", holder)
    code, _, error = review("approve", displaced["id"], *by, "--person", "same")
    assert code != 0
    assert "loans of their own" in error
    assert review("decline", displaced["id"], *by)[0] == 0
    assert api.get(f"/v1/checkouts/{displaced['id']}").json["status"] == "declined"


def test_a_reviewer_finds_that_it_is_the_same_person_and_every_open_application_is_theirs(
    gateway: Any, api: Any, review: Any
) -> None:
    holder = shopper_of(gateway, apply(api))
    one, other = apply(api, "王晓明", PHONE), apply(api, "王晓明", PHONE)
    by = ("--by", "li.lei", "--reason", "the name was changed")
    code, _, error = review("approve", other["id"], *by)
    assert code != 0, error
    assert review("approve", one["id"], *by, "--person", "same")[0] == 0
    assert review("approve", other["id"], *by)[0] == 0, "nothing is contested any more"
    assert {shopper_of(gateway, one), shopper_of(gateway, other)} == {holder}
    assert limits(gateway) == {holder: 3 * 599_900}
    assert opened(gateway, holder)["name"] == "王晓明"
    alone = apply(api, "韩梅", "13800000003", invented_id_number("alone"))["id"]
    code, _, error = review("approve", alone, *by, "--person", "same")
    assert code != 0
    assert "No other person is on file" in error


def test_without_a_source_a_claim_waits_and_nobody_else_does(gateway: Any, api: Any) -> None:
    gateway.ports.real_name = None
    assert apply(api)["status"] == "approved"
    assert apply(api, WANG, OTHER_PHONE)["status"] == "under_review"


def test_a_person_displaced_while_the_lender_is_asked_is_not_approved(gateway: Any, api: Any) -> None:
    holder = shopper_of(gateway, apply(api))
    claim = shopper_of(gateway, apply(api, LI, OTHER_PHONE))
    lender = gateway.ports.unguarded("funder")

    class Slow:
        def check(self, mode: str) -> None:
            lender.check(mode)

        def decide(self, submission: Any) -> Any:
            gateway.db.write(lambda tx: claims.take_over(tx, claim, by="li.lei"))
            return lender.decide(submission)

    gateway.ports.funder = Slow()
    before = limits(gateway)
    late = apply(api)
    assert (late["status"], shopper_of(gateway, late)) == ("under_review", holder)
    assert limits(gateway) == before


def test_the_two_modes_never_meet(gateway: Any, api: Any) -> None:
    apply(api)
    person = identity.Identity(LI, ID_NUMBER, f"+86{OTHER_PHONE}")
    live = gateway.db.write(lambda tx: identity.recognise(tx, gateway.vault, mode="live", identity=person))
    assert live.claims_number_of is None


def test_a_request_taken_up_by_the_worker_looks_up_what_the_source_said(
    gateway: Any, api: Any, monkeypatch: Any
) -> None:
    class Answered(Source):
        def look_up(self, question: Question) -> str | None:
            super().look_up(question)
            return "match"

    gateway.ports.real_name = source = Answered("mismatch")
    with monkeypatch.context() as patch:
        patch.setattr(deciding, "answer", lambda *_, **__: None)
        waiting = apply(api)
    assert waiting["status"] == "deciding"
    (request,) = rows(gateway, "SELECT id FROM decision_request")[0]
    item = type("Item", (), {"payload": {"request": request}})()
    deciding.carry_out(gateway, item)
    assert api.get(f"/v1/checkouts/{waiting['id']}").json["status"] == "approved"
    assert (source.looked_up, source.asked) == ([request], [])


@on_both
def test_two_first_purchases_at_once_are_one_person_and_one_claim(gateway: Any, api: Any) -> None:
    start = threading.Barrier(8)

    def identified(number: int) -> str:
        db = database_of(gateway.settings, clock=gateway.clock)
        start.wait()
        person = identity.Identity(WANG if number % 2 else LI, ID_NUMBER, f"+86{PHONE}")
        return db.write(lambda tx: identity.recognise(tx, gateway.vault, mode="test", identity=person)).id

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(identified, range(8)))
    assert len(set(found)) == 2
    assert len(set(found[::2])) == len(set(found[1::2])) == 1
    holders = rows(gateway, "SELECT id FROM shopper WHERE claims_number_of IS NULL")
    claimed = rows(gateway, "SELECT claims_number_of FROM shopper WHERE claims_number_of IS NOT NULL")
    assert holders == claimed


def test_who_is_erased_leaves_the_number_in_no_claim(gateway: Any, api: Any) -> None:
    gateway.ports.real_name = Source("match")
    declined = apply(api, WANG, "13800000002")
    holder = shopper_of(gateway, declined)
    contested = apply(api, LI, OTHER_PHONE)
    claim = shopper_of(gateway, contested)
    asked = gateway.db.write(lambda tx: erasure.ask(tx, gateway.settings, holder))
    assert (asked["status"], asked["reason"]) == ("frozen", "open_application")
    with gateway.db.read() as tx:
        assert "李雷" not in json.dumps(export.export(tx, gateway.vault, holder), ensure_ascii=False)
    apply(api, LI, OTHER_PHONE)
    assert rows(gateway, "SELECT status FROM erasure_request") == [("frozen",)], "a stranger ends no wish"
    for (checkout,) in rows(gateway, "SELECT id FROM checkout WHERE status = 'under_review'"):
        api.post(f"/v1/checkouts/{checkout}/cancel")
    assert gateway.db.write(lambda tx: erasure.ask(tx, gateway.settings, holder))["status"] == "erased"
    left = rows(gateway, "SELECT id_number_sealed, claims_number_of FROM shopper")
    assert left == [(b"", None), (b"", None)]
    assert (
        rows(gateway, "SELECT subject_id FROM subject_key WHERE subject_id IN (:a, :b)", a=holder, b=claim)
        == []
    )
