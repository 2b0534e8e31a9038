from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.application import Application
from scoring.decision import credit_limit, decide, green_uplift
from scoring.policy import DEFAULT_POLICY, Policy
from scoring.pricing import price_tier
from scoring.reasons import Reason, first_of_each_code
from scoring.rules import RULES

CREDIT_SCORES = st.integers(300, 850)
INCOMES = st.none() | st.integers(0, 20_000_000)


def codes(recommendation):
    return [reason.code for reason in recommendation.reasons]


def test_an_ordinary_new_shopper_can_buy_a_phone(an_application, some_scores):
    answer = decide(an_application(), some_scores())
    assert answer.outcome == "approve"
    assert 800_000 <= answer.limit_fen <= 2_000_000
    assert answer.reasons == ()


@pytest.mark.parametrize("source", DEFAULT_POLICY.required_sources)
def test_a_missing_required_source_is_a_review_whatever_the_scores(an_application, some_scores, source):
    best = some_scores(fraud_probability=0.0001, credit_score=850)
    answer = decide(an_application(**{source: None}), best)
    assert answer.outcome == "review"
    assert codes(answer) == ["source_missing"]
    assert answer.missing_sources == (source,)
    assert answer.limit_fen == 0


@pytest.mark.parametrize("scored", [True, False])
def test_lists_and_rules_speak_even_where_a_source_or_the_scores_are_missing(
    an_application, some_scores, scored
):
    scores = some_scores() if scored else None
    source, code = DEFAULT_POLICY.required_sources[0], "source_missing" if scored else "scorer_unavailable"
    blocked = decide(an_application(**{source: None, "listed": "blocked"}), scores)
    assert (blocked.outcome, codes(blocked)) == ("decline", ["not_verified", "on_block_list"])
    watched = decide(
        an_application(**{source: None, "listed": "watched", "new_applicants_on_device_24h": 9}), scores
    )
    assert watched.outcome == "review"
    assert codes(watched) == [code, "needs_verification", "new_applicants_on_device", "on_watch_list"]
    assert blocked.missing_sources == watched.missing_sources == (source,)


def test_without_scores_the_answer_is_a_review(an_application):
    answer = decide(an_application(), None)
    assert (answer.outcome, codes(answer), answer.limit_fen) == ("review", ["scorer_unavailable"], 0)


def test_tuition_for_pupils_is_declined_even_without_scores(an_application, some_scores):
    for scores in (None, some_scores()):
        answer = decide(an_application(category="edu_k12"), scores)
        assert (answer.outcome, codes(answer)) == ("decline", ["category_not_financed"])


@pytest.mark.parametrize(
    ("changes", "outcome", "code"),
    [
        ({"new_applicants_on_device_24h": 3}, "review", "new_applicants_on_device"),
        ({"listed": "blocked"}, "decline", "on_block_list"),
        ({"listed": "watched"}, "review", "on_watch_list"),
        ({"applications_on_phone_24h": 6}, "review", "many_applications_on_phone"),
        ({"max_delinquency_days": 31}, "review", "overdue"),
        ({"max_delinquency_days": 90}, "decline", "seriously_overdue"),
        ({"declared_monthly_income_fen": 90_000}, "decline", "instalment_not_affordable"),
        ({"declared_monthly_income_fen": None, "instalment_fen": 300_001}, "review", "income_needed"),
        ({"amount_fen": 2_500_000}, "decline", "amount_above_limit"),
        ({"open_principal_fen": 1_500_000}, "decline", "amount_above_limit"),
    ],
)
def test_rules_about_the_applicant(an_application, some_scores, changes, outcome, code):
    answer = decide(an_application(**changes), some_scores())
    assert answer.outcome == outcome
    assert code in codes(answer)


@pytest.mark.parametrize(
    ("changes", "outcome", "code"),
    [
        ({"fraud_probability": 0.15}, "review", "needs_verification"),
        ({"fraud_probability": 0.5}, "decline", "not_verified"),
        ({"credit_score": 544}, "review", "credit_borderline"),
        ({"credit_score": 519}, "decline", "credit_insufficient"),
    ],
)
def test_rungs_of_the_scores(an_application, some_scores, changes, outcome, code):
    answer = decide(an_application(), some_scores(**changes))
    assert (answer.outcome, codes(answer)[0]) == (outcome, code)


def test_a_decline_on_risk_outranks_a_review_and_grants_nothing(an_application, some_scores):
    answer = decide(an_application(new_applicants_on_device_24h=5), some_scores(credit_score=400))
    assert answer.outcome == "decline"
    assert codes(answer) == ["credit_insufficient", "late_payments"]
    assert (answer.limit_fen, answer.available_fen) == (0, 0)


def test_an_order_above_the_limit_still_tells_the_limit(an_application, some_scores):
    answer = decide(an_application(amount_fen=3_000_000, open_principal_fen=300_000), some_scores())
    assert answer.outcome == "decline"
    assert answer.limit_fen > 0
    assert answer.available_fen == answer.limit_fen - 300_000


def test_the_shopper_reads_no_fraud_signal_and_no_score(an_application, some_scores):
    answer = decide(an_application(new_applicants_on_device_24h=4), some_scores(fraud_probability=0.3))
    assert {"new_applicants_on_device", "device_shared"} <= set(codes(answer))
    assert [reason.code for reason in answer.shopper_reasons] == ["needs_verification"]
    for rule in RULES.values():
        assert "分数" not in rule.text_zh
        assert "score" not in rule.text_en.lower()


def test_many_applicants_on_a_device_alone_are_no_gang(an_application, some_scores):
    """A family's tablet or a shop's: people whom the lender has known for long."""
    known = an_application(
        applications_on_device_24h=6, applicants_on_device_30d=40, new_applicants_on_device_24h=2
    )
    assert decide(known, some_scores()).outcome == "approve"


def test_whom_the_list_trusts_is_not_stopped_by_a_rule_but_by_a_score(an_application, some_scores):
    busy = {"new_applicants_on_device_24h": 9, "applications_on_phone_24h": 9, "listed": "trusted"}
    assert decide(an_application(**busy), some_scores()).outcome == "approve"
    assert decide(an_application(**busy), some_scores(fraud_probability=0.6)).outcome == "decline"
    assert decide(an_application(**busy), some_scores(credit_score=500)).outcome == "decline"


def test_a_block_list_is_not_told_to_the_shopper(an_application, some_scores):
    answer = decide(an_application(listed="blocked"), some_scores())
    assert [reason.code for reason in answer.shopper_reasons] == ["not_verified"]
    assert answer.limit_fen == 0


GREEN = [{"energy_grade": 1}, {"new_energy_vehicle": True}]


@pytest.mark.parametrize("green", GREEN)
def test_green_goods_lift_the_limit_by_a_tenth(an_application, some_scores, green):
    plain, lifted = (decide(an_application(**c), some_scores()) for c in ({}, green))
    assert plain.green_uplift_fen == 0
    assert lifted.green_uplift_fen == plain.limit_fen // 10 // 10_000 * 10_000 > 0
    assert lifted.limit_fen == plain.limit_fen + lifted.green_uplift_fen


@pytest.mark.parametrize("green", GREEN)
def test_green_goods_never_overrule_a_decline_on_risk(an_application, some_scores, green):
    for bad in ({"fraud_probability": 0.6}, {"credit_score": 500}):
        answer = decide(an_application(**green), some_scores(**bad))
        assert (answer.outcome, answer.limit_fen, answer.green_uplift_fen) == ("decline", 0, 0)
    unaffordable = an_application(**green, declared_monthly_income_fen=90_000)
    assert decide(unaffordable, some_scores()).outcome == "decline"


def test_grade_2_is_not_green(an_application, some_scores):
    assert decide(an_application(energy_grade=2), some_scores()).green_uplift_fen == 0


@settings(max_examples=200)
@given(score=CREDIT_SCORES, income=INCOMES, on_time=st.integers(0, 40), elsewhere=st.integers(0, 1_000_000))
def test_a_green_uplift_stays_within_what_income_bears_and_the_highest_limit(
    score, income, on_time, elsewhere
):
    order = replace(an_order(income, on_time, elsewhere), energy_grade=1)
    limit = credit_limit(order, score)
    uplift = green_uplift(order, limit)
    assert uplift % 10_000 == 0
    assert 0 <= uplift <= min(limit // 10, 500_000)
    assert limit + uplift <= 10_000_000
    bearable = (600_000 if income is None else income) // 2 - elsewhere
    assert uplift == 0 or limit + uplift <= bearable * 12


@settings(max_examples=200)
@given(score=CREDIT_SCORES, income=INCOMES, on_time=st.integers(0, 40), elsewhere=st.integers(0, 1_000_000))
def test_a_limit_is_nothing_or_whole_steps_between_the_bounds(score, income, on_time, elsewhere):
    limit = credit_limit(an_order(income, on_time, elsewhere), score)
    assert limit == 0 or 500_000 <= limit <= 10_000_000
    assert limit % 10_000 == 0
    assert on_time >= 3 or limit <= 2_000_000


@settings(max_examples=200)
@given(scores=st.tuples(CREDIT_SCORES, CREDIT_SCORES), income=INCOMES, on_time=st.integers(0, 40))
def test_the_limit_never_falls_as_the_score_rises(scores, income, on_time):
    low, high = sorted(scores)
    order = an_order(income, on_time, 0)
    assert credit_limit(order, low) <= credit_limit(order, high)
    assert price_tier(high) <= price_tier(low)


@settings(max_examples=100)
@given(incomes=st.tuples(st.integers(0, 9_000_000), st.integers(0, 9_000_000)), score=CREDIT_SCORES)
def test_the_limit_never_falls_as_the_income_rises(incomes, score):
    low, high = sorted(incomes)
    assert credit_limit(an_order(low, 5, 0), score) <= credit_limit(an_order(high, 5, 0), score)


def test_more_than_the_starter_limit_takes_three_instalments_paid_on_time():
    assert credit_limit(an_order(5_000_000, 2, 0), 800) == 2_000_000
    assert credit_limit(an_order(5_000_000, 3, 0), 800) == 10_000_000


def test_nothing_is_lent_where_other_lenders_take_all_that_is_bearable():
    assert credit_limit(an_order(800_000, 10, 400_000), 800) == 0


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"required_sources": ("shoe_size",)}, "shoe_size"),
        ({"fraud_probability_review": 0.9}, "review <= decline"),
        ({"credit_score_decline": 700}, "credit_score_decline"),
        ({"lowest_limit_fen": 3_000_000}, "lowest <= starter"),
        ({"limit_step_fen": 30_000}, "limit_step_fen"),
        ({"limit_factors": ((0, Fraction(1)), (600, Fraction(1, 2)))}, "limit_factors"),
        ({"price_tiers": ((600, "A"),)}, "price_tiers"),
        ({"price_multipliers": (Fraction(1),)}, "one share for each tier"),
        ({"price_multipliers": tuple(Fraction(n, 10) for n in (5, 6, 7, 8, 9))}, "end with 1"),
    ],
)
def test_a_policy_that_contradicts_itself_is_refused(changes, complaint):
    with pytest.raises(ValueError, match=complaint):
        Policy(**changes)


def an_order(income: int | None, on_time: int, elsewhere: int) -> Application:
    return Application(
        amount_fen=599_900,
        term=12,
        category="3c",
        declared_monthly_income_fen=income,
        prior_on_time_instalments=on_time,
        monthly_obligations_fen=elsewhere,
    )


def test_a_reason_of_both_models_is_told_where_either_may_be_seen():
    hidden = Reason("amount_financed_high", "zh", "en", "fraud", shopper_may_see=False, contribution=0.9)
    open_one = Reason("amount_financed_high", "zh", "en", "credit", contribution=0.4)
    other = Reason("late", "zh", "en", "credit", contribution=0.6)
    found = first_of_each_code([hidden, other, open_one])
    assert [(reason.code, reason.shopper_may_see) for reason in found] == [
        ("amount_financed_high", True),
        ("late", True),
    ]
    assert first_of_each_code([open_one, hidden]) == (open_one,)
