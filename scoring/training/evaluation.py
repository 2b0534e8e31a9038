"""Measure a scorer on a generated population it has not seen.

The measures are those that mean something at 1 % of bads.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring import metrics
from scoring.decision import decide
from scoring.features import feature_matrix
from scoring.policy import DEFAULT_POLICY, Policy
from scoring.scorer import Scorer
from scoring.training.generator import Population

DECIDED_ROWS: Final = 20_000
ALERT_BUDGET: Final = 0.01


def evaluate(scorer: Scorer, population: Population, policy: Policy = DEFAULT_POLICY) -> dict[str, Any]:
    """Discrimination and calibration of both scores, and what the policy makes of the first rows.

    Give at least some thousand rows: a population without a single bad row raises ValueError.
    """
    honest = ~population.fraud
    if not population.fraud.any() or not population.default[honest].any():
        raise ValueError("the population contains no fraud or no default; generate more rows")
    matrix = feature_matrix(population.applications())
    fraud = scorer.probabilities(matrix, "fraud")
    default = scorer.probabilities(matrix, "credit")
    new = population.columns["prior_loans"] == 0
    gateway_only = np.isnan(population.columns["bureau_lenders"]) & np.isnan(
        population.columns["phone_age_months"]
    )
    segments = {
        "all": honest,
        "new applicants": honest & new,
        "new, no bureau or operator": honest & new & gateway_only,
    }
    return {
        "model": {"name": scorer.identity.name, "version": scorer.identity.version},
        "rows": len(population),
        "fraud": measures(population.fraud, fraud) | {"alerts": alerts(population.fraud, fraud)},
        "credit": measures(population.default[honest], default[honest])
        | {
            "bad_rate_ratio_at_70_percent_approved": _rounded(
                metrics.bad_rate_ratio(population.default[honest], default[honest], 0.7)
            ),
            "auc_by_segment": {
                name: _rounded(metrics.area_under_curve(population.default[rows], default[rows]))
                for name, rows in segments.items()
                if population.default[rows].any()
            },
        },
        "decisions": decisions(scorer, population, policy),
    }


def measures(bad: NDArray[np.bool_], probability: NDArray[np.float64]) -> dict[str, Any]:
    """The standing table of one probability; ``bad`` and ``probability`` have shape (rows,)."""
    return {
        "bad_rate": _rounded(float(bad.mean())),
        "auc": _rounded(metrics.area_under_curve(bad, probability)),
        "ks": _rounded(metrics.kolmogorov_smirnov(bad, probability)),
        "average_precision": _rounded(metrics.average_precision(bad, probability)),
        "recall_at_1_percent_fpr": _rounded(metrics.recall_at(bad, probability, 0.01)),
        "recall_at_5_percent_fpr": _rounded(metrics.recall_at(bad, probability, 0.05)),
        "brier": round(metrics.brier(bad, probability), 6),
        "ece_10_equal_count_bins": round(metrics.expected_calibration_error(bad, probability), 6),
        "accuracy_of_approving_everybody": _rounded(1 - float(bad.mean())),
    }


def alerts(bad: NDArray[np.bool_], probability: NDArray[np.float64]) -> dict[str, float]:
    """Precision and recall when the riskiest 1 % of all applications is looked at."""
    looked_at = np.argsort(-probability, kind="stable")[: max(1, round(ALERT_BUDGET * len(bad)))]
    caught = int(bad[looked_at].sum())
    return {
        "share_looked_at": ALERT_BUDGET,
        "precision": _rounded(caught / len(looked_at)),
        "recall": _rounded(caught / int(bad.sum())),
    }


def decisions(scorer: Scorer, population: Population, policy: Policy) -> dict[str, Any]:
    """Shares of each outcome over the first rows, and who is among the approved."""
    outcomes: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    approved: list[int] = []
    limits: list[int] = []
    rows = min(DECIDED_ROWS, len(population))
    for index, application in zip(range(rows), population.applications(), strict=False):
        answer = decide(application, scorer.score(application, with_reasons=False), policy)
        outcomes[answer.outcome] += 1
        codes.update(reason.code for reason in answer.reasons)
        if answer.outcome == "approve":
            approved.append(index)
            limits.append(answer.limit_fen)
    taken = np.array(approved, dtype=int)
    honest = taken[~population.fraud[taken]]
    return {
        "policy": policy.version,
        "rows": rows,
        "outcomes": {name: _rounded(outcomes[name] / rows) for name in ("approve", "review", "decline")},
        "rules": {code: _rounded(count / rows) for code, count in sorted(codes.items())},
        "fraud_rate": {
            "applied": _rounded(float(population.fraud[:rows].mean())),
            "approved": _rounded(float(population.fraud[taken].mean())),
        },
        "default_rate": {
            "applied": _rounded(float(population.default[:rows][~population.fraud[:rows]].mean())),
            "approved": _rounded(float(population.default[honest].mean())),
        },
        "limit_yuan": {f"p{p}": int(np.percentile(limits, p)) // 100 for p in (10, 50, 90)} if limits else {},
    }


def _rounded(value: float) -> float:
    return round(value, 4)
