"""The bureau is asked with consent only; no answer leads to a person; the built-in one says that it is a simulator."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from gateway.core.tenant import Mode
from gateway.decision.bureau import FIELDS, BureauReport, BureauUnavailable, Inquiry, SimulatedBureau
from scoring.application import Application
from tests.one_database import database_url  # noqa: F401


class Recorded:
    """A bureau that gives one report and remembers who was asked about."""

    def __init__(self, report: BureauReport | None) -> None:
        self.answer, self.asked = report, []

    def report(self, inquiry: Inquiry) -> BureauReport:
        self.asked.append(inquiry)
        if self.answer is None:
            raise BureauUnavailable
        return self.answer

    def look_up(self, inquiry: Inquiry) -> BureauReport | None:
        return None


def inquiry(mode: Mode, subject: str = "s") -> Inquiry:
    return Inquiry(reference="drq_1", mode=mode, subject=subject, consent="c", within_seconds=1)


def complete(api: Any, phone: str = "13912345678") -> Any:
    return api.post(
        f"/v1/test_helpers/checkouts/{api.checkout()['id']}/complete", {"term": 12, "phone": phone}
    ).json


def decision(app: Any) -> Any:
    with app.extensions["fenqi"].db.read() as tx:
        query = text("SELECT outcome, signals, features FROM credit_decision ORDER BY id DESC LIMIT 1")
        return tx.execute(query).one()


def test_what_the_bureau_says_is_scored_and_kept(app: Any, api: Any) -> None:
    bureau = Recorded(BureauReport(1, 2, 0.25, 45_678))
    app.extensions["fenqi"].ports.bureau = bureau
    assert complete(api)["status"] == "approved"
    (asked,) = bureau.asked
    assert asked.mode == "test"
    assert asked.consent.endswith(":bureau_query")
    assert asked.reference.startswith("drq_")
    assert len(asked.subject) >= 40, "a keyed hash, no ID number"
    assert "45678" in decision(app).features


def test_heavy_debts_elsewhere_are_declined(app: Any, api: Any) -> None:
    app.extensions["fenqi"].ports.bureau = Recorded(BureauReport(9, 9, 0.98, 900_000))
    assert complete(api)["status"] == "declined"


def test_a_bureau_without_an_answer_leads_to_a_person_and_never_to_an_approval(app: Any, api: Any) -> None:
    app.extensions["fenqi"].ports.bureau = Recorded(None)
    assert complete(api)["status"] == "under_review"
    assert "source_missing" in decision(app).signals


def test_without_a_bureau_nobody_is_asked(app: Any, api: Any) -> None:
    assert app.extensions["fenqi"].ports.bureau is None
    assert complete(api)["status"] == "approved"


@pytest.mark.parametrize("number", range(40))
def test_the_simulators_report_is_the_same_each_time_and_fits_the_scorer(number: int) -> None:
    found = [SimulatedBureau().report(inquiry("test", subject=f"s{number}")) for _ in range(2)]
    assert found[0] == found[1]
    assert tuple(found[0].as_features()) == FIELDS
    Application(amount_fen=100_000, term=3, category="3c", **found[0].as_features())


def test_the_simulator_refuses_live_mode() -> None:
    with pytest.raises(BureauUnavailable, match="simulator"):
        SimulatedBureau().report(inquiry("live"))
