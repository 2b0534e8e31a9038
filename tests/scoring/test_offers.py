"""Counter-offers: the smallest change of an order that this policy approves, checked against every change there is."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from typing import Any

import pytest

from scoring import offers
from scoring.application import Application
from scoring.decision import Recommendation, decide
from scoring.offers import Change, smallest_change
from scoring.policy import DEFAULT_POLICY
from scoring.scorer import Scorer

SEEDS = int(os.environ.get("FENQI_OFFER_SEEDS", "200"))
"""How many orders that fail for their amount alone are tried: ``FENQI_OFFER_SEEDS=10000`` takes minutes."""
TERMS = (3, 6, 9, 12)
MONTHLY_COST = {3: 0.01, 6: 0.011, 9: 0.012, 12: 0.013}


def drawn(an_application: Any, chance: random.Random) -> Application:
    """An order by a person, of amounts and incomes that often do not go together."""
    amount = chance.randrange(50, 350) * 10_000 + chance.choice([0, 1, 99, 5_000])
    return an_application(
        amount_fen=amount,
        down_payment_fen=chance.choice([0, 0, amount // 20]),
        term=chance.choice(TERMS),
        declared_monthly_income_fen=chance.choice([None, chance.randrange(150_000, 2_000_000)]),
        open_principal_fen=chance.choice([0, 0, chance.randrange(0, 1_500_000)]),
        prior_on_time_instalments=chance.choice([0, 4]),
        energy_grade=chance.choice([None, 1]),
    )


def judged(scorer: Scorer, application: Application) -> Recommendation:
    """What the scorer recommends; reasons of its models, which are slow, change nothing of it."""
    return decide(application, scorer.score(application, with_reasons=False))


def quoted(application: Application, term: int, down_payment_fen: int) -> int | None:
    """The instalment of an invented catalogue; the longest term is for loans from 1,000 yuan on."""
    financed = application.amount_fen - down_payment_fen
    if term == 12 and financed < 100_000:
        return None
    return int(financed / term + financed * MONTHLY_COST[term]) + 1


def changed(application: Application, term: int, down_payment_fen: int) -> Application | None:
    instalment = quoted(application, term, down_payment_fen)
    if instalment is None:
        return None
    return replace(application, term=term, down_payment_fen=down_payment_fen, instalment_fen=instalment)


def found(scorer: Scorer, application: Application, most_fen: int) -> Change | None:
    return smallest_change(
        application,
        terms=TERMS,
        most_down_payment_fen=most_fen,
        quote=lambda term, down: quoted(application, term, down),
        score=lambda order: scorer.score(order, with_reasons=False),
    )


def every_approved(scorer: Scorer, application: Application, most_fen: int) -> list[tuple[int, int]]:
    """Terms and down payments that are approved, by trying all of them."""
    first, approved = application.down_payment_fen, []
    extra = range(0, max(1, most_fen - first + 1), 10_000)
    for term in TERMS:
        for down in (first + more for more in extra):
            order = changed(application, term, down) if down < application.amount_fen else None
            if order is not None and judged(scorer, order).outcome == "approve":
                approved.append((term, down))
    return approved


def only_amount_failed(answer: Recommendation) -> bool:
    return offers.only_amount_failed(answer.outcome, {reason.code for reason in answer.reasons})


def test_a_counter_offer_is_approved_and_no_smaller_change_is(an_application: Any, scorer: Scorer) -> None:
    tried = offers = longer = 0
    for seed in range(100 * SEEDS):
        chance = random.Random(seed)
        application = changed(order := drawn(an_application, chance), order.term, order.down_payment_fen)
        if application is None or not only_amount_failed(judged(scorer, application)):
            continue
        most = application.amount_fen * chance.choice([0, 10, 30, 60]) // 100
        offer = found(scorer, application, most)
        asked = application.term
        if offer is not None:
            again = changed(application, offer.term, offer.down_payment_fen)
            assert again is not None
            assert judged(scorer, again).outcome == "approve", seed
            assert again.instalment_fen == offer.instalment_fen
            assert (
                application.down_payment_fen
                <= offer.down_payment_fen
                <= max(most, application.down_payment_fen)
            )
            offers += 1
            longer += offer.term != asked
        if tried % 20 == 0:  # all changes there are: slow, so of some
            best = min(
                every_approved(scorer, application, most),
                key=lambda one: (abs(one[0] - asked), one[0], one[1]),
                default=None,
            )
            assert best == ((offer.term, offer.down_payment_fen) if offer else None), seed
        tried += 1
        if tried == SEEDS:
            break
    assert tried == SEEDS
    assert 0 < longer < offers < tried, "offers of the same term, of another, and none"


@pytest.mark.parametrize(
    "trouble",
    [
        {"listed": "blocked"},
        {"listed": "watched"},
        {"max_delinquency_days": 120},
        {"new_applicants_on_device_24h": 5},
        {"prior_loans": None},
        {"category": "edu_k12"},
    ],
)
def test_what_speaks_against_the_person_leaves_no_counter_offer(
    an_application: Any, scorer: Scorer, trouble: dict[str, Any]
) -> None:
    too_much: dict[str, Any] = {"amount_fen": 4_000_000, "declared_monthly_income_fen": 800_000}
    assert only_amount_failed(judged(scorer, an_application(**too_much)))
    troubled = an_application(**too_much | trouble)
    assert not only_amount_failed(judged(scorer, troubled)) or found(scorer, troubled, 3_600_000) is None


def test_fraud_that_a_model_sees_leaves_no_counter_offer(an_application: Any, some_scores: Any) -> None:
    order = an_application(amount_fen=4_000_000)
    assert only_amount_failed(decide(order, some_scores()))
    policy = DEFAULT_POLICY
    for doubtful in (policy.fraud_probability_decline, policy.fraud_probability_review):
        scores = some_scores(fraud_probability=doubtful)
        assert not any(
            decide(changed_order, scores).outcome == "approve"
            for down in range(0, 3_600_000, 100_000)
            if (changed_order := changed(order, 12, down)) is not None
        )


def test_the_term_asked_for_stays_where_a_down_payment_is_enough(an_application: Any, scorer: Scorer) -> None:
    order = an_application(amount_fen=2_300_000, term=6, declared_monthly_income_fen=3_000_000)
    same = found(scorer, order, 2_000_000)
    assert same is not None
    assert (same.term, same.down_payment_fen % 10_000) == (6, 0)
    assert found(scorer, order, 0) is None, "the shop allows none, and the limit is the same for every term"
