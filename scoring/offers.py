"""The smallest change of an order that a policy approves, where nothing but the amount failed.

Of a change two things may differ: the term and the down payment. The order of changes, from small to large:

1. the term that was asked for, with more down payment: the less, the smaller;
2. another term: the nearer to the one asked for, the smaller; of two that are equally near the shorter, which costs
   less interest; and of one term the less down payment, the smaller.

A down payment grows in whole steps of 100 yuan. Pure: the caller scores and quotes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from scoring.application import Application
from scoring.decision import amount_fits, decide
from scoring.policy import DEFAULT_POLICY, Policy
from scoring.scores import Scores

STEP_FEN: Final = 10_000
"""By this a down payment grows, in fen."""
AMOUNT_CODES: Final = frozenset({"amount_above_limit", "instalment_not_affordable"})
"""The rules that speak about the order alone; the applicant has passed all others."""
BEST_SCORE: Final = 850
"""No credit score is above it: what does not fit with it fits with none."""

Quote = Callable[[int, int], int | None]
"""From a term and a down payment (fen) to the largest instalment (fen); None where there is no such plan."""


@dataclass(frozen=True, slots=True)
class Change:
    """A term in months and a whole down payment in fen, with the largest instalment of that plan in fen."""

    term: int
    down_payment_fen: int
    instalment_fen: int


def only_amount_failed(outcome: str | None, codes: Collection[str]) -> bool:
    """Whether an order was declined for its amount, and for nothing that lies with the applicant.

    ``codes`` are those of the decision's reasons, all of them.
    """
    return outcome == "decline" and bool(codes) and AMOUNT_CODES.issuperset(codes)


def smallest_change(
    application: Application,
    *,
    terms: Sequence[int],
    most_down_payment_fen: int,
    quote: Quote,
    score: Callable[[Application], Scores],
    policy: Policy = DEFAULT_POLICY,
) -> Change | None:
    """The smallest change that ``policy`` approves by itself, or None; the module says what is smaller.

    ``terms`` are those on offer, ``most_down_payment_fen`` the most that the whole down payment may be. Each change
    is scored like an application; what no score could save is not scored.
    """
    for term, down_payment_fen in _changes(application, terms, most_down_payment_fen):
        changed = replace(application, term=term, down_payment_fen=down_payment_fen, instalment_fen=None)
        if not amount_fits(changed, BEST_SCORE, policy):  # even without what the plan costs
            continue
        instalment_fen = quote(term, down_payment_fen)
        if instalment_fen is None:
            continue
        changed = replace(changed, instalment_fen=instalment_fen)
        if not amount_fits(changed, BEST_SCORE, policy):
            continue
        if decide(changed, score(changed), policy).outcome == "approve":
            return Change(term, down_payment_fen, instalment_fen)
    return None


def _changes(
    application: Application, terms: Sequence[int], most_down_payment_fen: int
) -> Iterator[tuple[int, int]]:
    """Every term and down payment that differs from what was asked for, the smallest change first."""
    wanted_term, first_fen = application.term, application.down_payment_fen
    most = min(most_down_payment_fen, application.amount_fen - 1)
    for term in sorted(set(terms), key=lambda term: (abs(term - wanted_term), term)):
        for down_payment_fen in [first_fen, *range(first_fen + STEP_FEN, most + 1, STEP_FEN)]:
            if (term, down_payment_fen) != (wanted_term, first_fen):
                yield term, down_payment_fen
