"""The fake bank: what it does with an instruction, what it remembers when it is killed, and what its statements say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from gateway import app as factory
from gateway.cli import main
from gateway.config import WrongSetting, from_environment
from gateway.errors import InstitutionUnavailable
from gateway.institution.fake_bank import statements
from gateway.institution.fake_bank.behaviour import FAULTS, Play
from gateway.institution.fake_bank.server import application
from gateway.institution.fake_bank.store import Store
from gateway.institution.fake_bank_client import FakeBank
from gateway.institution.port import Answer, Instruction
from gateway.process import live_gate
from gateway.reconciliation.reading import bank_messages, sheet
from tests import fake_banks

NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
PAYOUT = Instruction("payout", "po_" + "1" * 32, "test", "mer_1", 100_000, account="acct_1", at=NOW)


@pytest.fixture
def bank(tmp_path: Path) -> Any:
    with fake_banks.running(tmp_path / "bank") as found:
        yield found


@pytest.fixture
def client(tmp_path: Path) -> Any:
    return application(Store(tmp_path / "bank")).test_client()


def later(**by: float) -> Instruction:
    return replace(PAYOUT, at=NOW + timedelta(**by))


def test_one_reference_is_one_payout_and_is_found_again_after_a_kill(bank: fake_banks.Bank) -> None:
    port = FakeBank(bank.url)
    assert port.look_up(PAYOUT) is None
    assert port.carry_out(PAYOUT) == port.carry_out(PAYOUT) == Answer("succeeded", None, 100_000)
    bank.kill()
    with pytest.raises(InstitutionUnavailable):
        port.look_up(PAYOUT)
    bank.start()
    assert port.look_up(PAYOUT) == Answer("succeeded", None, 100_000)
    assert port.moved_fen(PAYOUT) == 100_000
    for other in ({"amount_fen": 1}, {"party": "mer_2"}, {"account": "acct_2"}):
        with pytest.raises(InstitutionUnavailable, match="409"):
            port.carry_out(replace(PAYOUT, **other))
    bank.control("down", down=True)
    bank.kill()
    bank.start()
    with pytest.raises(InstitutionUnavailable, match="503"):
        port.look_up(PAYOUT)


def test_live_mode_is_refused_before_anything_is_sent() -> None:
    port = FakeBank("http://127.0.0.1:9")
    for act in (port.carry_out, port.look_up, port.moved_fen):
        with pytest.raises(InstitutionUnavailable, match="test mode only"):
            act(replace(PAYOUT, mode="live"))
    settings = from_environment({"FENQI_FAKE_BANK_URL": "http://127.0.0.1:9"})
    told = str(live_gate.simulators(settings))
    assert "institution" in told
    assert told.endswith("FENQI_FAKE_BANK_URL plays a bank for test mode only: unset it.")


@pytest.mark.parametrize("url", ["https://bank.example", "http://10.0.0.1:8410", "bank"])
def test_it_is_on_this_machine_or_refused(url: str) -> None:
    with pytest.raises(WrongSetting, match="FENQI_FAKE_BANK_URL"):
        from_environment({"FENQI_FAKE_BANK_URL": url})


def test_two_institutions_are_refused() -> None:
    settings = from_environment(
        {"FENQI_FAKE_BANK_URL": "http://127.0.0.1:9", "FENQI_INSTITUTION_URL": "https://bank.example"}
    )
    with pytest.raises(WrongSetting, match="choose one"):
        factory.outside_ports(settings)


@pytest.mark.parametrize(
    ("behaviour", "at_once", "in_three_days"),
    [
        ("prompt", ("paid", 100_000, 0), ("paid", 100_000, 0)),
        ("slow", ("accepted", 0, 0), ("paid", 100_000, 0)),
        ("fail", ("failed", 0, 0), ("failed", 0, 0)),
        ("return", ("paid", 100_000, 0), ("returned", 100_000, 100_000)),
        ("twice", ("paid", 200_000, 0), ("paid", 200_000, 0)),
        ("less", ("paid", 99_900, 0), ("paid", 99_900, 0)),
        ("more", ("paid", 100_100, 0), ("paid", 100_100, 0)),
    ],
)
def test_it_errs_as_it_is_told(
    client: Any, behaviour: str, at_once: tuple[Any, ...], in_three_days: tuple[Any, ...]
) -> None:
    assert client.post("/control/next", json={"behaviour": behaviour}).status_code == 200
    for moment, wanted in ((NOW, at_once), (NOW + timedelta(days=3), in_three_days)):
        sent = client.post("/instructions", json=told(moment)).json
        assert (sent["status"], sent["paid"], sent["returned"]) == wanted
    put_right = client.post("/control/correct", json={"reference": PAYOUT.reference}).json
    if behaviour not in ("fail", "return"):
        assert put_right["paid"] - put_right["returned"] == 100_000


def told(at: datetime = NOW, **changes: Any) -> dict[str, Any]:
    usual = {"reference": PAYOUT.reference, "movement": "payout", "party": "mer_1", "account": "acct_1"}
    return {**usual, "amount": 100_000, "at": at.isoformat(), **changes}


def test_an_unknown_outcome_is_paid_and_a_lost_request_is_not(client: Any) -> None:
    client.post("/control/next", json={"behaviour": "unknown"})
    assert client.post("/instructions", json=told()).status_code == 504
    path = f"/instructions/{PAYOUT.reference}"
    assert [client.get(path).status_code for _ in range(3)] == [504, 504, 200]
    client.post("/control/next", json={"behaviour": "lost"})
    other = told(reference="po_other")
    assert client.post("/instructions", json=other).status_code == 504
    assert client.get("/instructions/po_other").status_code == 404
    assert client.post("/instructions", json=other).json["status"] == "paid"


def test_chance_is_the_seeds() -> None:
    plays = [Play.by_chance(7, f"po_{number}", 0.5).behaviour for number in range(400)]
    assert plays == [Play.by_chance(7, f"po_{number}", 0.5).behaviour for number in range(400)]
    assert set(plays) == {"prompt", *FAULTS}
    assert {Play.by_chance(7, f"po_{number}", 0).behaviour for number in range(50)} == {"prompt"}


@pytest.mark.parametrize(
    ("path", "body", "names"),
    [
        ("/instructions", told(amount=0), "amount"),
        ("/instructions", told(amount=True), "amount"),
        ("/instructions", told(amount="5"), "amount"),
        ("/instructions", told(movement="gift"), "movement"),
        ("/instructions", told(reference="x" * 201), "reference"),
        ("/instructions", told(party="a\nb"), "party"),
        ("/instructions", {**told(), "at": "2026-11-24T04:00:00"}, "zone"),
        ("/instructions", [], "JSON object"),
        ("/control/next", {"behaviour": "explode"}, "behaviour"),
        ("/control/next", {"behaviour": "slow", "days": -1}, "days"),
        ("/control/down", {"down": "yes"}, "down"),
    ],
)
def test_bad_input_is_named_and_changes_nothing(client: Any, path: str, body: Any, names: str) -> None:
    answer = client.post(path, json=body)
    assert answer.status_code == 422
    assert names in answer.json["error"]
    assert client.get("/control/journal").json == []


def test_its_statements_are_read_as_any_banks(client: Any) -> None:
    client.post("/control/next", json={"behaviour": "return", "days": 1})
    client.post("/instructions", json=told())
    client.get(f"/instructions/{PAYOUT.reference}?at=2026-11-26T04:00:00%2B00:00")
    path = "/statements/mer_1/2026-11-24"
    in_csv = client.get(f"{path}.csv?until=2026-11-26").data
    rows = [cells for _, cells in sheet.opened(in_csv).rows()]
    assert list(statements.HEADINGS) in rows
    assert [cells[7] for cells in rows if cells and cells[0] in ("20261124", "20261125")] == [
        f"货款结算 {PAYOUT.reference}",
        f"退汇 {PAYOUT.reference}",
    ]
    with pytest.raises(UnicodeDecodeError):
        in_csv.decode("utf-8")
    message = client.get(f"{path}.xml?until=2026-11-26").data
    entries = list(bank_messages.reader(message)())[1:]
    assert [cells[:4] for _, cells in entries] == [
        [PAYOUT.reference, "货款结算", "1000.00", "CRDT"],
        [PAYOUT.reference, "退汇", "1000.00", "DBIT"],
    ]
    root = ElementTree.fromstring(message)
    assert root.tag == f"{{{statements.NAMESPACE}}}Document"
    balances = [node.text for node in root.iter(f"{{{statements.NAMESPACE}}}Amt")][:2]
    assert balances == ["0.00", "0.00"]
    one_day = client.get(f"{path}.xml").data
    assert len(list(bank_messages.reader(one_day)())) == 2
    for wrong in (f"{path}.pdf", f"{path}.csv?until=2026-11-01"):
        assert client.get(wrong).status_code == 404
    assert client.get("/statements/mer_1/yesterday.csv").status_code == 422
    assert statements.statement("mer_1", [], date(2026, 1, 1), date(2026, 1, 1)).closing_fen == 0


def test_a_folder_that_is_no_bank_and_a_taken_port_are_named(
    tmp_path: Path, bank: fake_banks.Bank, capsys: Any
) -> None:
    (tmp_path / "bank.sqlite").write_text("not a database at all, but some words that are long enough")
    assert main(["fake-bank", "--data", str(tmp_path), "--port", "8410"]) == 1
    assert "bank.sqlite" in capsys.readouterr().err
    port = str(bank.port)
    assert main(["fake-bank", "--data", str(tmp_path / "other"), "--port", port]) == 1
    assert f"Port {port}" in capsys.readouterr().err
