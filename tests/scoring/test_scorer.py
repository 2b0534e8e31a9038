from __future__ import annotations

import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

import scoring
from scoring import metrics
from scoring.errors import ModelFailed
from scoring.features import FEATURE_NAMES, FEATURES, MODELS, feature_matrix
from scoring.scorer import Scorer


@pytest.fixture(scope="module")
def probabilities(scorer, matrix):
    """Of everybody in the population, by both models."""
    return {model: scorer.probabilities(matrix, model) for model in MODELS}


def test_an_ordinary_new_shopper_is_approved_with_a_modest_limit(scorer, an_application):
    answer = scorer.decide(an_application())
    assert answer.outcome == "approve"
    assert 800_000 <= answer.limit_fen <= 2_000_000
    assert answer.scores.reasons == ()


def test_a_gateway_without_outside_sources_can_approve(scorer, an_application):
    unknown = ("item_count", "hour_of_day", "merchant_age_days", "declared_monthly_income_fen",
               "minutes_since_phone_verified", "checkout_seconds", "applications_on_device_24h")  # fmt: skip
    answer = scorer.decide(an_application(**dict.fromkeys(unknown)))
    assert answer.outcome == "approve"
    assert answer.limit_fen >= 800_000


def test_an_unknown_income_never_counts_like_a_high_one(scorer, some):

    def defaults(income_fen):
        rows = (replace(one, declared_monthly_income_fen=income_fen) for one in some)
        return scorer.probabilities(feature_matrix(rows), "credit")

    unknown = defaults(None)
    for yuan in (20_000, 50_000, 100_000):
        assert (unknown > defaults(yuan * 100)).all()


def test_a_fraud_ring_is_declined_and_the_shopper_learns_nothing(scorer, an_application):
    ring = an_application(
        applications_on_device_24h=6,
        new_applicants_on_device_24h=6,
        applicants_on_device_30d=9,
        applications_on_address_30d=7,
        applications_on_phone_24h=3,
        phone_age_months=1,
        shipping_matches_known_region=False,
        hour_of_day=3,
    )
    answer = scorer.decide(ring)
    assert answer.outcome == "decline"
    assert {"device_shared", "phone_recent"} <= {reason.code for reason in answer.reasons}
    assert [reason.code for reason in answer.shopper_reasons] == ["not_verified"]


def test_late_payments_are_given_as_the_reason(scorer, an_application):
    late = an_application(
        prior_loans=2, prior_on_time_instalments=5, prior_late_instalments=5, max_delinquency_days=25
    )
    answer = scorer.decide(late)
    assert answer.outcome == "decline"
    assert answer.scores.credit_reasons[0].code == "late_payments"
    assert answer.shopper_reasons[1].text_zh == "过往分期有逾期记录"


def test_scores_are_in_range_and_name_their_model(scorer, some):
    for application in some[:300]:
        scores = scorer.score(application)
        assert 0 < scores.fraud_probability < 1
        assert 0 < scores.default_probability < 1
        assert 0 <= scores.fraud_score <= 100
        assert 300 <= scores.credit_score <= 850
        assert len(scores.reasons) <= 4
        assert len(scores.credit_reasons) <= 4
        assert scores.model == scorer.identity
        assert scores.latency_us >= 0


def test_single_rows_and_batches_agree(scorer, some, matrix):
    fraud, default = scorer.probabilities(matrix[:50], "fraud"), scorer.probabilities(matrix[:50], "credit")
    for index, application in enumerate(some[:50]):
        scores = scorer.score(application, with_reasons=False)
        assert scores.fraud_probability == pytest.approx(fraud[index], abs=1e-6)
        assert scores.default_probability == pytest.approx(default[index], abs=1e-6)


@pytest.mark.parametrize("model", MODELS)
def test_contributions_and_bias_add_up_to_the_served_logit(scorer, some, matrix, model):
    probabilities = scorer.probabilities(matrix[:300], model)
    for index, application in enumerate(some[:300]):
        attribution = scorer.contributions(application, model)
        served = math.log(probabilities[index] / (1 - probabilities[index]))
        assert attribution.logit == pytest.approx(served, abs=1e-4)


@pytest.mark.parametrize("model", MODELS)
def test_the_risk_moves_only_in_the_stated_direction(scorer, matrix, model):
    rows = matrix[:400]
    constrained = [i for i, feature in enumerate(FEATURES) if getattr(feature, model)]
    for column in constrained:
        known = matrix[:, column][~np.isnan(matrix[:, column])]
        grid = np.unique(np.quantile(known, np.linspace(0, 1, 12)).astype(np.float32))
        swept = np.repeat(rows, len(grid), axis=0)
        swept[:, column] = np.tile(grid, len(rows))
        risk = scorer.probabilities(swept, model).reshape(len(rows), len(grid))
        direction = getattr(FEATURES[column], model)
        assert (direction * np.diff(risk, axis=1)).min() >= -1e-7, FEATURE_NAMES[column]


@pytest.mark.parametrize("model", MODELS)
def test_a_feature_outside_a_model_does_not_move_it(scorer, matrix, model):
    changed = matrix[:100].copy()
    outside = [i for i, feature in enumerate(FEATURES) if getattr(feature, model) is None]
    changed[:, outside] = 12_345
    np.testing.assert_array_equal(
        scorer.probabilities(changed, model), scorer.probabilities(matrix[:100], model)
    )


def test_nobody_without_a_late_payment_is_told_of_one(scorer, some):
    for application in some:
        if application.prior_late_instalments == 0:
            assert "late_payments" not in {reason.code for reason in scorer.score(application).credit_reasons}


def test_probabilities_are_calibrated_on_fresh_applications(population, probabilities):
    honest = ~population.fraud
    fraud, default = probabilities["fraud"], probabilities["credit"]
    assert metrics.expected_calibration_error(population.fraud, fraud) < 0.003
    assert metrics.expected_calibration_error(population.default[honest], default[honest]) < 0.006
    assert fraud.mean() == pytest.approx(population.fraud.mean(), rel=0.15)
    assert default[honest].mean() == pytest.approx(population.default[honest].mean(), rel=0.10)


def test_discrimination_holds_on_fresh_applications(population, probabilities, record_property):
    honest = ~population.fraud
    fraud, default = probabilities["fraud"], probabilities["credit"]
    recall = metrics.recall_at(population.fraud, fraud, 0.01)
    record_property("fraud_recall_at_1_percent_fpr", recall)
    assert recall > 0.42
    assert metrics.area_under_curve(population.fraud, fraud) > 0.83
    assert metrics.area_under_curve(population.default[honest], default[honest]) > 0.71
    assert metrics.bad_rate_ratio(population.default[honest], default[honest], 0.7) < 0.60


def test_threads_share_one_scorer(scorer, some):
    alone = [scorer.decide(row).scores.credit_score for row in some[:200]]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda row: scorer.decide(row).scores.credit_score, some[:200]))
    assert together == alone


def test_a_failing_model_leads_to_a_review(an_application):
    scorer = Scorer.load()
    scorer._runs["credit"] = out_of_memory
    with pytest.raises(ModelFailed):
        scorer.score(an_application())
    answer = scorer.decide(an_application())
    assert (answer.outcome, answer.limit_fen, answer.scores) == ("review", 0, None)


def test_a_model_that_answers_nan_leads_to_a_review(an_application):
    scorer = Scorer.load()
    scorer._runs["fraud"] = lambda rows: np.full(len(rows), np.nan, dtype=np.float32)
    assert scorer.decide(an_application()).outcome == "review"


def out_of_memory(rows):
    raise RuntimeError("out of memory")


def test_importing_and_serving_loads_no_training_library():
    code = (
        "import sys, scoring;"
        "light = [m for m in ('numpy', 'onnxruntime') if m in sys.modules];"
        "scorer = scoring.Scorer.load();"
        "scorer.decide(scoring.Application(amount_fen=599900, term=12, category='3c'));"
        "banned = ('xgboost', 'scipy', 'sklearn', 'pandas', 'onnx', 'gateway', 'tqdm');"
        "heavy = [m for m in banned if m in sys.modules];"
        "print(light, heavy)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] []"


def test_every_exported_name_exists_and_nothing_else():
    assert sorted(scoring.__all__) == dir(scoring) == sorted(scoring._HOME)
    for name in scoring.__all__:
        assert getattr(scoring, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = scoring.Nonsense
