"""Monitoring: has the population moved, what is decided about it, and where do challengers disagree.

The reference is an earlier log, or else the population that the packaged generator draws.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring.application import Application
from scoring.features import FEATURE_NAMES, MODELS, feature_matrix
from scoring.governance.psi import Reference
from scoring.governance.scorelog import CHAMPION, ScoreRecord
from scoring.scorer import Scorer
from scoring.training.generator import generate

TOP_INPUTS: Final = 10
EXPLAINED_ROWS: Final = 200
REFERENCE_ROWS: Final = 20_000
REFERENCE_SEED: Final = 20_261_123
SCORES: Final = ("fraud_probability", "default_probability")
OUTCOMES: Final = ("approve", "review", "decline")


def monitor(
    scorer: Scorer, records: Iterable[ScoreRecord], reference: Iterable[ScoreRecord] | None = None
) -> dict[str, Any]:
    """PSI of both scores and of the ten inputs that move them most, rates of outcomes and gaps, and challengers.

    ``status`` is the worst of all: ok, watch, alarm; ``too few`` when nothing could be told. Raises ValueError for a
    log without a scored champion.
    """
    everything = list(records)
    scored = [r for r in everything if r.role == CHAMPION and r.fraud_probability is not None]
    if not scored:
        raise ValueError("the log contains no score of a champion")
    now = columns_of(scored)
    then = generated(scorer) if reference is None else columns_of(scored_champions(reference))
    matrix = feature_matrix(Application(**record.features) for record in scored)
    top = top_inputs(scorer, matrix)
    drifts = {name: Reference.of(then[name]).index(now[name]) for name in (*SCORES, *top)}
    statuses = {drift.status for drift in drifts.values()}
    worst = next(status for status in ("alarm", "watch", "ok", "too few") if status in statuses)
    return {
        "status": worst,
        "cases": len(scored),
        "days": [min(r.day for r in scored), max(r.day for r in scored)],
        "reference": "the generator's population" if reference is None else "a score log",
        "psi": {name: drift.as_json() for name, drift in drifts.items()},
        "outcomes": _shares(Counter(record.outcome for record in scored), OUTCOMES),
        "unknown": {
            name: round(float(np.isnan(now[name]).mean()), 4)
            for name in FEATURE_NAMES
            if np.isnan(now[name]).any()
        },
        "without_scores": sum(r.role == CHAMPION and r.fraud_probability is None for r in everything),
        "challengers": challengers(everything),
    }


def top_inputs(scorer: Scorer, matrix: NDArray[np.float32]) -> tuple[str, ...]:
    """The ten inputs with the largest mean contribution to either model, over some of the rows."""
    rows = matrix[:: max(1, len(matrix) // EXPLAINED_ROWS)][:EXPLAINED_ROWS]
    weight = np.zeros(len(FEATURE_NAMES))
    for model in MODELS:
        moved = np.abs([scorer.row_contributions(row, model) for row in rows]).mean(axis=0)
        weight = np.maximum(weight, moved / moved.sum())
    return tuple(FEATURE_NAMES[index] for index in np.argsort(-weight, kind="stable")[:TOP_INPUTS])


def challengers(records: Sequence[ScoreRecord]) -> dict[str, Any]:
    """For each challenger: outcomes beside the champion's for the same decisions, and mean differences of scores."""
    champions = {r.decision: r for r in records if r.role == CHAMPION}
    found: dict[str, Any] = {}
    for role in sorted({r.role for r in records} - {CHAMPION}):
        pairs = [(champions[r.decision], r) for r in records if r.role == role and r.decision in champions]
        judged = [(c, r) for c, r in pairs if c.credit_score is not None and r.credit_score is not None]
        matrix = Counter((champion.outcome, challenger.outcome) for champion, challenger in pairs)
        found[role] = {
            "model": next((r.model for _, r in pairs), None),
            "cases": len(pairs),
            "agreement": round(sum(matrix[o, o] for o in OUTCOMES) / len(pairs), 4) if pairs else None,
            "outcomes": {c: {r: matrix[c, r] for r in OUTCOMES} for c in OUTCOMES},
            "mean_credit_score_difference": _mean(
                [float(r.credit_score or 0) - float(c.credit_score or 0) for c, r in judged]
            ),
            "mean_fraud_probability_difference": _mean(
                [(r.fraud_probability or 0.0) - (c.fraud_probability or 0.0) for c, r in judged]
            ),
        }
    return found


def columns_of(records: Sequence[ScoreRecord]) -> dict[str, NDArray[np.float64]]:
    """Inputs and probabilities of the records by name, shape (records,); NaN where unknown."""
    matrix = feature_matrix(Application(**record.features) for record in records).astype(np.float64)
    columns = {name: matrix[:, index] for index, name in enumerate(FEATURE_NAMES)}
    return columns | {name: np.array([getattr(r, name) for r in records], dtype=float) for name in SCORES}


def scored_champions(records: Iterable[ScoreRecord]) -> list[ScoreRecord]:
    """The champion's scores of a log. Raises ValueError when there is none."""
    found = [r for r in records if r.role == CHAMPION and r.fraud_probability is not None]
    if not found:
        raise ValueError("the reference contains no score of a champion")
    return found


@lru_cache(maxsize=1)
def generated(scorer: Scorer) -> dict[str, NDArray[np.float64]]:
    """Columns of the generated population, as ``columns_of`` gives them of a log."""
    rows = _generated_rows()
    columns = {name: rows[:, index].astype(np.float64) for index, name in enumerate(FEATURE_NAMES)}
    return columns | {
        "fraud_probability": scorer.probabilities(rows, "fraud"),
        "default_probability": scorer.probabilities(rows, "credit"),
    }


@cache
def _generated_rows() -> NDArray[np.float32]:
    return feature_matrix(generate(REFERENCE_ROWS, REFERENCE_SEED).applications())


def _shares(counted: Counter[str], names: Sequence[str]) -> dict[str, float]:
    total = sum(counted.values())
    return {name: round(counted[name] / total, 4) for name in names}


def _mean(values: list[float]) -> float | None:
    return round(float(np.mean(values)), 6) if values else None
