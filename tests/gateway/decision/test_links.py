"""Links in the gateway: noted as shoppers confirm, shared between processes, gone with the person and with time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from gateway.app import create_app
from gateway.data_requests import erasure, export
from gateway.decision import links
from gateway.decision.link_book import LinkBook
from gateway.decision.models import ApplicantLink
from gateway.identity import service as identity
from gateway.identity.invented import invented_id_number
from gateway.identity.service import Identity
from scoring.links import Link
from tests.gateway.scorer import loaded_scorer
from tests.gateway.shopper import enter
from tests.one_database import database_url, on_both  # noqa: F401

DEVICE = "0123456789abcdef" * 2


@pytest.fixture
def gateway(app):
    return app.extensions["fenqi"]


def person(gateway, name: str, phone: str = "+8613911112222", mode: str = "test") -> str:
    who = Identity(name=name, id_number=invented_id_number(name), phone=phone)
    return gateway.db.write(lambda tx: identity.recognise(tx, gateway.vault, mode=mode, identity=who).id)


def used(gateway, device: str | None = DEVICE, phone: str = "+8613911112222") -> list[Link]:
    return links.of_confirmation(gateway.vault, phone=phone, device=device, merchant_id="mer_1")


def note(gateway, shopper: str, mode: str = "test", **what) -> None:
    gateway.db.write(lambda tx: links.note(tx, mode=mode, shopper_id=shopper, links=used(gateway, **what)))


def asked(gateway, shopper: str, mode: str = "test", **what):
    return gateway.ports.links.features(
        mode=mode, shopper_id=shopper, links=used(gateway, **what), at=gateway.clock()
    )


def rows(gateway) -> list[tuple]:
    with gateway.db.read() as tx:
        found = tx.execute(
            text("SELECT kind, value_lookup, shopper_id FROM applicant_link ORDER BY position")
        )
        return [tuple(row) for row in found]


def confirm(
    client, api, clock, *, phone: str, device: str | None = DEVICE, id_seed: str, reading: int = 30, **order
) -> dict:
    """A shopper's way through the pages to the end, in a browser with a device number."""
    checkout = api.checkout(**order)
    at = f"/checkout/{checkout['id']}"
    enter(client, checkout)
    client.post(f"{at}/code", data={"phone": phone})
    form = {"term": "12", "name": "王小明", "id_number": invented_id_number(id_seed), "phone": phone}
    assert client.post(f"{at}/identity", data={**form, "code": "000000"}).status_code == 303
    if device:
        client.set_cookie("fenqi_shopper_device", device, domain="localhost")
    client.get(f"{at}/review")
    clock.advance(seconds=reading)
    plan = next(plan for plan in checkout["plans"] if plan["term"] == 12)
    given = dict.fromkeys(("credit_service", "bureau_query", "funder_sharing"), "yes")
    answer = client.post(f"{at}/confirm", data={"quote_hash": plan["quote_hash"], **given})
    assert answer.status_code == 303, answer.text
    return api.get(f"/v1/checkouts/{checkout['id']}").json


def test_a_confirmation_leaves_keyed_hashes_and_no_value(app, gateway, api, clock):
    confirm(app.test_client(), api, clock, phone="13800000001", id_seed="one")
    found = rows(gateway)
    assert [kind for kind, _, _ in found] == ["phone", "device", "referrer"]
    assert len({value for _, value, _ in found}) == 3
    assert all(len(value) == 64 for _, value, _ in found)
    lookup = gateway.vault.lookup
    assert (
        found[0][1] == lookup("+8613800000001", "applicant_link.phone") != lookup("+8613800000001", "phone")
    )


def test_the_scorer_counts_the_applicants_of_a_device(app, gateway, api, clock):
    for number in (1, 2):
        confirm(app.test_client(), api, clock, phone=f"1391234567{number}", id_seed=f"person {number}")
    with gateway.db.read() as tx:
        query = "SELECT features FROM credit_decision ORDER BY id"
        stored = [str(row[0]) for row in tx.execute(text(query))]
    assert [
        number for number in (1, 2, 3) for one in stored if f"applications_on_device_24h': {number}" in one
        or f'applications_on_device_24h":{number}' in one
    ] == [1, 2]  # fmt: skip


def test_the_third_new_applicant_on_one_device_is_looked_at_by_a_person(app, gateway, api, clock):
    for number in (1, 2, 3):
        last = confirm(app.test_client(), api, clock, phone=f"1391234567{number}", id_seed=f"person {number}")
    assert last["status"] == "under_review"
    with gateway.db.read() as tx:
        signals = tx.execute(text("SELECT signals FROM credit_decision ORDER BY id DESC")).first()[0]
    assert "new_applicants_on_device" in signals


def test_a_sandbox_number_plays_its_outcome_on_any_device(app, api, clock):
    for number in range(4):
        done = confirm(app.test_client(), api, clock, phone="13800000001", id_seed=f"sandbox {number}")
        assert done["status"] == "approved"


def test_the_page_gives_a_browser_its_number_once(app, api, clock):
    client = app.test_client()
    confirm(client, api, clock, phone="13800000001", device=None, id_seed="somebody")
    cookie = client.get_cookie("fenqi_shopper_device", domain="localhost")
    assert (len(cookie.value), cookie.http_only, cookie.same_site) == (32, True, "Lax")
    confirm(client, api, clock, phone="13800000001", device=None, id_seed="somebody")
    assert client.get_cookie("fenqi_shopper_device", domain="localhost").value == cookie.value


def test_a_number_that_was_not_given_by_us_is_replaced(app, api, clock):
    client = app.test_client()
    confirm(client, api, clock, phone="13800000001", device="not-a-number", id_seed="one")
    assert client.get_cookie("fenqi_shopper_device", domain="localhost").value != "not-a-number"


def test_who_plays_the_shopper_by_the_api_has_no_device(gateway, api):
    api.approved()
    assert [kind for kind, _, _ in rows(gateway)] == ["phone", "referrer"]


@on_both
def test_two_processes_on_one_database_know_of_each_other(app, gateway, clock):
    other = create_app(gateway.settings, clock=clock, ports={"scorer": loaded_scorer()}).extensions["fenqi"]
    for number in range(3):
        here, there = (gateway, other) if number % 2 else (other, gateway)
        note(here, person(gateway, f"person {number}"))
        assert asked(there, "new").device_applicants_24h == number + 2
        assert asked(here, "new").device_applicants_24h == number + 2


@on_both
def test_a_line_that_commits_late_is_not_left_out(gateway):
    """PostgreSQL draws positions before a transaction commits; here the later position is written first."""
    first, second, third = (person(gateway, name) for name in ("a", "b", "c"))
    note(gateway, first)
    assert asked(gateway, "new").device_applicants_24h == 2

    def add(shopper: str, position: int) -> None:
        device = next(link for link in used(gateway) if link.kind == "device")
        gateway.db.write(
            lambda tx: tx.add(
                ApplicantLink(
                    position=position,
                    mode="test",
                    kind="device",
                    value_lookup=device.value,
                    shopper_id=shopper,
                    seen_at=tx.now,
                )
            )
        )

    add(third, 9)
    running, just_started = gateway.ports.links, LinkBook(gateway.db)

    def seen() -> list[int]:
        at, what = gateway.clock(), used(gateway)
        return [
            book.features(mode="test", shopper_id="new", links=what, at=at).device_applicants_24h
            for book in (running, just_started)
        ]

    assert seen() == [3, 3]
    add(second, 7)
    assert seen() == [4, 4]
    assert seen() == [4, 4]


def test_test_and_live_mode_are_not_linked(gateway):
    note(gateway, person(gateway, "test"))
    assert asked(gateway, "new", mode="live").device_applicants_24h == 1


def test_who_is_erased_is_forgotten_in_the_table_and_in_every_process(gateway, clock):
    other = create_app(gateway.settings, clock=clock, ports={"scorer": loaded_scorer()}).extensions["fenqi"]
    gone, stays = person(gateway, "gone"), person(gateway, "stays")
    for shopper in (gone, stays):
        note(gateway, shopper)
    assert asked(other, "new").device_applicants_24h == 3
    with gateway.db.read() as tx:
        exported = export.export(tx, gateway.vault, gone)["data"]["applicant_link"]
    assert [row["kind"] for row in exported["rows"]] == ["phone", "device", "referrer"]
    assert "value_lookup" in exported["left_out"]
    gateway.db.write(lambda tx: erasure.ask(tx, gateway.settings, gone))
    assert [(kind, value) for kind, value, shopper in rows(gateway) if shopper == gone] == [("erased", None)]
    assert asked(other, "new").device_applicants_24h == 2
    assert asked(gateway, "new").device_applicants_24h == 2


@on_both
def test_links_are_deleted_after_half_a_year(gateway, clock):
    note(gateway, person(gateway, "old"))
    clock.advance(days=links.KEPT.days, seconds=1)
    note(gateway, person(gateway, "young"))
    assert gateway.db.write(lambda tx: links.forget_old(tx, limit=50)) == 3
    assert gateway.db.write(lambda tx: links.forget_old(tx, limit=50)) == 0
    assert len(rows(gateway)) == 3


def test_an_overdue_borrower_is_known_to_be_bad_after_the_delay_and_cured_by_paying(books):
    books.api.captured()
    gateway, tenant = books.gateway, books.tenant
    with gateway.db.read() as tx:
        shopper = tx.execute(text("SELECT shopper_id FROM loan")).scalar_one()
    overdue = gateway.clock().date() - timedelta(days=31)
    late = text(f"UPDATE loan SET status = 'overdue', overdue_since = '{overdue}'")
    paid = text("UPDATE loan SET status = 'active', overdue_since = NULL")
    gateway.db.write(lambda tx: tx.execute(late))
    assert gateway.db.write(lambda tx: links.note_defaults(tx, tenant=tenant)) == 1
    assert gateway.db.write(lambda tx: links.note_defaults(tx, tenant=tenant)) == 0
    note(gateway, shopper)
    assert asked(gateway, "new").neighbours_known_bad == 0
    books.clock.advance(days=8)
    assert asked(gateway, "new").neighbours_known_bad == 1
    assert gateway.db.write(links.clear_cured) == 0
    gateway.db.write(lambda tx: tx.execute(paid))
    assert gateway.db.write(links.clear_cured) == 1
    assert gateway.db.write(links.clear_cured) == 0
    books.clock.advance(days=8)
    assert asked(gateway, "new").neighbours_known_bad == 0
    gateway.db.write(lambda tx: tx.execute(late))
    assert gateway.db.write(lambda tx: links.note_defaults(tx, tenant=tenant)) == 1
