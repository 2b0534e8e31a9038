"""Fenqi's embedded scorer: two calibrated scores, reasons and a recommendation, in process.

>>> from scoring import Application, Scorer
>>> scorer = Scorer.load()
>>> scorer.decide(Application(amount_fen=599_900, term=12, category="3c", ...)).outcome

Names are loaded on first use: importing ``scoring`` costs next to nothing and never imports a training library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scoring.application import Application
    from scoring.bundle import DEFAULT_BUNDLE, Bundle
    from scoring.decision import Recommendation, decide
    from scoring.errors import BundleError, InvalidApplication, ModelFailed, ScoringError, TrainingUnavailable
    from scoring.policy import DEFAULT_POLICY, Policy
    from scoring.pricing import Price
    from scoring.reasons import Reason
    from scoring.scorer import Scorer
    from scoring.scores import ModelIdentity, Scores

__all__ = [
    "DEFAULT_BUNDLE",
    "DEFAULT_POLICY",
    "Application",
    "Bundle",
    "BundleError",
    "InvalidApplication",
    "ModelFailed",
    "ModelIdentity",
    "Policy",
    "Price",
    "Reason",
    "Recommendation",
    "Scorer",
    "Scores",
    "ScoringError",
    "TrainingUnavailable",
    "decide",
]

_HOME = {
    "Application": "application",
    "Bundle": "bundle",
    "BundleError": "errors",
    "DEFAULT_BUNDLE": "bundle",
    "DEFAULT_POLICY": "policy",
    "InvalidApplication": "errors",
    "ModelFailed": "errors",
    "ModelIdentity": "scores",
    "Policy": "policy",
    "Price": "pricing",
    "Reason": "reasons",
    "Recommendation": "decision",
    "Scorer": "scorer",
    "Scores": "scores",
    "ScoringError": "errors",
    "TrainingUnavailable": "errors",
    "decide": "decision",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'scoring' has no attribute {name!r}")
    value = getattr(import_module(f"scoring.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
