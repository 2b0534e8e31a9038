"""Scores for partner institutions: the real bundle, consents by source, quotas, pinning, reasons, an exact log."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from gateway.decision.scorer import EmbeddedScorer
from scoring import Application, Scorer
from tests.gateway.scores.case import CASE
from tests.one_database import database_url  # noqa: F401

BUREAU = {"bureau_queries_3m": 9, "bureau_lenders": 7, "utilisation": 0.95, "monthly_obligations": 300_000}
CONSENT = {"source": "bureau", "reference": "C-17", "given_at": "2026-11-22T10:00:00Z"}


def ask(api: Any, application: dict[str, Any] | None = None, **more: Any) -> Any:
    return api.post("/v1/scores", {"reference": "case-1", "application": application or CASE, **more})


def rows(app: Any, table: str) -> list[Any]:
    with app.extensions["fenqi"].db.engine.connect() as connection:
        return list(connection.execute(text(f"SELECT * FROM {table}")).mappings())


def test_a_score_is_the_scorers_own_in_coarse_steps(partner: Any, app: Any) -> None:
    answer = ask(partner)
    assert answer.status_code == 201, answer.text
    application = Application(
        amount_fen=599_900, term=12, category="3c", declared_monthly_income_fen=800_000, prior_loans=0,
        prior_on_time_instalments=0, prior_late_instalments=0, max_delinquency_days=0, open_principal_fen=0,
        applications_on_phone_24h=1,
    )  # fmt: skip
    scores = Scorer.load().score(application)
    assert answer.json["fraud_score"] == round(scores.fraud_score)
    assert answer.json["credit_score"] == scores.credit_score // 5 * 5
    assert answer.json["model"] == {"name": "fenqi-2026.11", "sha256": scores.model.sha256}
    assert [reason["code"] for reason in answer.json["reasons"]] == [r.code for r in scores.reasons]
    assert "probability" not in answer.text
    (kept,) = rows(app, "partner_score")
    assert kept["id"] == answer.json["id"]
    assert str(scores.default_probability)[:8] in str(kept["answer"])


def test_reasons_are_in_both_languages_and_say_what_a_person_may_see(partner: Any) -> None:
    answer = ask(partner, CASE | BUREAU, consents=[CONSENT])
    assert 1 <= len(answer.json["reasons"]) <= 4
    for reason in answer.json["reasons"]:
        assert reason["text_zh"]
        assert reason["text_en"]
        assert reason["score"] in ("fraud", "credit")
        assert reason["person_may_see"] is False or reason["score"] == "credit"
    assert ask(partner, CASE | BUREAU, consents=[CONSENT], explain=False).json["reasons"] == []


def test_a_source_needs_its_consent_and_nothing_is_counted_without(partner: Any, app: Any) -> None:
    answer = ask(partner, CASE | BUREAU)
    assert (answer.status_code, answer.json["code"]) == (422, "consent_missing")
    assert answer.json["param"] == "application.bureau_queries_3m"
    assert answer.json["sources"] == ["bureau"]
    assert "monthly_obligations" in answer.json["detail"]
    assert rows(app, "score_usage") == rows(app, "partner_score") == []
    answer = ask(partner, CASE | BUREAU, consents=[CONSENT])
    assert answer.status_code == 201
    (kept,) = rows(app, "partner_score")
    assert "C-17" in str(kept["consents"])
    other = {**CONSENT, "source": "device"}
    assert ask(partner, CASE | BUREAU, consents=[other]).json["code"] == "consent_missing"
    future = {**CONSENT, "given_at": "2026-11-24T10:00:00Z"}
    refused = ask(partner, CASE | BUREAU, consents=[future])
    assert refused.json["errors"][0]["param"] == "consents[0].given_at"


def test_more_debt_costs_points(partner: Any) -> None:
    plain = ask(partner).json["credit_score"]
    assert ask(partner, CASE | BUREAU, consents=[CONSENT]).json["credit_score"] < plain


def test_a_pinned_model_answers_or_says_which_are_served(partner: Any, app: Any) -> None:
    assert ask(partner, model="fenqi-2026.11").status_code == 201
    refused = ask(partner, model="fenqi-2025.01")
    assert (refused.status_code, refused.json["code"]) == (409, "model_not_served")
    assert refused.json["models"] == ["fenqi-2026.11"]
    assert len(rows(app, "partner_score")) == 1


def test_the_quota_of_a_day_ends_and_starts_anew_in_shanghai(partner: Any, app: Any, clock: Any) -> None:
    object.__setattr__(app.extensions["fenqi"].settings, "scores_per_day", 2)
    assert ask(partner).json["quota"] == {"limit": 2, "remaining": 1, "resets_at": "2026-11-23T16:00:00Z"}
    assert ask(partner).json["quota"]["remaining"] == 0
    refused = ask(partner)
    assert (refused.status_code, refused.json["code"]) == (429, "quota_exceeded")
    assert refused.headers["Retry-After"] == str(12 * 3600 + 1)
    assert len(rows(app, "partner_score")) == 2
    clock.advance(hours=12)
    partner.login()
    assert ask(partner).json["quota"]["remaining"] == 1


def test_ten_thousand_probes_are_throttled(partner: Any) -> None:
    """Whoever asks for many scores at once, to copy the model, is slowed down long before the quota."""
    codes = [ask(partner, explain=False).status_code for _ in range(130)]
    assert codes.count(201) < 130
    assert set(codes) == {201, 429}


def test_the_same_key_is_one_score(partner: Any, app: Any) -> None:
    body = {"reference": "case-1", "application": CASE}
    first, again = (partner.post("/v1/scores", body, key="one") for _ in range(2))
    assert first.text == again.text
    assert len(rows(app, "partner_score")) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": 0}, "application.amount"),
        ({"term": 12.0}, "application.term"),
        ({"utilisation": 7}, "application.utilisation"),
        ({"shipping_matches_known_region": 1}, "application.shipping_matches_known_region"),
        ({"down_payment": 599_900}, "application.down_payment"),
        ({"sex": "f"}, "application.sex"),
        ({"age": 30}, "application.age"),
    ],
)
def test_what_is_wrong_is_named_and_no_protected_field_exists(partner: Any, change: Any, field: str) -> None:
    answer = ask(partner, CASE | change)
    assert (answer.status_code, answer.json["errors"][0]["param"]) == (422, field)


def test_a_reference_that_names_a_person_is_refused(partner: Any) -> None:
    answer = partner.post("/v1/scores", {"reference": "13800138000", "application": CASE})
    assert (answer.status_code, answer.json["errors"][0]["param"]) == (422, "reference")


def test_without_a_model_the_answer_is_503_and_nothing_is_counted(partner: Any, app: Any) -> None:
    app.extensions["fenqi"].ports.scorer = EmbeddedScorer()
    answer = ask(partner)
    assert (answer.status_code, answer.json["code"]) == (503, "scorer_not_ready")
    assert rows(app, "score_usage") == []


def test_a_merchants_server_has_no_scores_unless_it_was_given_the_scope(api: Any) -> None:
    answer = ask(api)
    assert (answer.status_code, answer.json["code"]) == (403, "insufficient_scope")
