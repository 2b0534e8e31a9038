"""Load a bundle once, answer in the calling thread; it may be shared between threads."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring.application import Application
from scoring.bundle import DEFAULT_BUNDLE, Bundle
from scoring.calibration import credit_score, sigmoid
from scoring.decision import Recommendation, decide
from scoring.errors import BundleError, ModelFailed
from scoring.features import FEATURE_NAMES, MODELS, Model, feature_vector
from scoring.forest import Attribution
from scoring.policy import DEFAULT_POLICY, Policy
from scoring.reasons import Reason
from scoring.runtimes import Runtime, runs
from scoring.scores import ModelIdentity, Scores

REFERENCE_TOLERANCE: Final = 1e-6


class Scorer:
    """Two models behind one call."""

    def __init__(
        self,
        bundle: Bundle,
        *,
        runtime: Runtime | None = None,
        timer_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self._bundle = bundle
        self._timer_ns = timer_ns
        self._runs = {model: runs(bundle, model, runtime) for model in MODELS}

    @classmethod
    def load(
        cls,
        path: str | Path | None = None,
        *,
        runtime: Runtime | None = None,
        timer_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> Scorer:
        """A scorer from a bundle folder, the packaged one by default.

        ``runtime`` is onnxruntime where it is installed, else xgboost, which gives the same answers to 1e-6.
        Raises ``BundleError`` when a file is missing or changed, or when the reference rows do not come out
        as stored.
        """
        bundle = Bundle.read(DEFAULT_BUNDLE if path is None else Path(path))
        scorer = cls(bundle, runtime=runtime, timer_ns=timer_ns)
        scorer._check_reference()
        return scorer

    @property
    def identity(self) -> ModelIdentity:
        """Name, version and SHA-256 of the loaded bundle."""
        return self._bundle.identity

    @property
    def graphs(self) -> Mapping[str, bytes]:
        """The ONNX graph of each model, for a benchmark."""
        return self._bundle.onnx

    def score(self, application: Application, *, with_reasons: bool = True) -> Scores:
        """Both scores of one application; leave the reasons out where nobody reads them.

        Raises ``ModelFailed`` when a model gives no finite answer.
        """
        start = self._timer_ns()
        row = feature_vector(application)
        fraud_logit, default_logit = self._calibrated(row, "fraud"), self._calibrated(row, "credit")
        fraud_probability = sigmoid(fraud_logit)
        return Scores(
            fraud_probability=fraud_probability,
            fraud_score=self._bundle.fraud_scale.score(fraud_probability),
            default_probability=sigmoid(default_logit),
            credit_score=credit_score(default_logit),
            fraud_reasons=self._reasons(row, "fraud") if with_reasons else (),
            credit_reasons=self._reasons(row, "credit") if with_reasons else (),
            model=self._bundle.identity,
            latency_us=(self._timer_ns() - start) // 1_000,
        )

    def decide(self, application: Application, policy: Policy = DEFAULT_POLICY) -> Recommendation:
        """Scores and recommends. Reasons are computed only where the answer is not an approval.

        A model that fails leads to a review, never to an approval and never to an exception.
        """
        try:
            recommendation = decide(application, self.score(application, with_reasons=False), policy)
            if recommendation.outcome == "approve":
                return recommendation
            return decide(application, self.score(application), policy)
        except ModelFailed:
            return decide(application, None, policy)

    def contributions(self, application: Application, model: Model) -> Attribution:
        """Contributions to the calibrated logit of ``model``, in the order of ``FEATURE_NAMES``; they add up to it."""
        blended = self._bundle.models[model]
        raw = blended.contributions(feature_vector(application)[0])
        return Attribution(blended.platt.logit(raw.bias), blended.platt.slope * raw.values)

    def row_contributions(self, row: NDArray[np.float32], model: Model) -> NDArray[np.float64]:
        """Contributions of one feature row of shape (features,) to the calibrated logit of ``model``."""
        blended = self._bundle.models[model]
        return blended.platt.slope * blended.contributions(row).values

    def probabilities(self, rows: NDArray[np.float32], model: Model) -> NDArray[np.float64]:
        """Calibrated probabilities of many feature rows, shape (rows, features) to (rows,)."""
        platt = self._bundle.models[model].platt
        return 1 / (1 + np.exp(-(platt.slope * self._logits(rows, model) + platt.intercept)))

    def run_models(self, rows: NDArray[np.float32]) -> None:
        """Run both models on ready feature rows and drop the answers: what a score costs beyond them."""
        for run in self._runs.values():
            run(rows)

    def _calibrated(self, row: NDArray[np.float32], model: Model) -> float:
        return self._bundle.models[model].platt.logit(self._logits(row, model).item(0))

    def _logits(self, rows: NDArray[np.float32], model: Model) -> NDArray[np.float64]:
        try:
            answer = self._runs[model](rows).astype(np.float64)
        except Exception as problem:  # the runtimes' own exceptions share no base class
            raise ModelFailed(f"the {model} model failed: {problem}") from problem
        if not math.isfinite(answer.sum()):
            raise ModelFailed(f"the {model} model gave no finite answer")
        return answer

    def _reasons(self, row: NDArray[np.float32], model: Model) -> tuple[Reason, ...]:
        blended = self._bundle.models[model]
        raw = blended.contributions(row[0])
        slope = blended.platt.slope
        return self._bundle.texts.strongest(raw, row[0], FEATURE_NAMES, origin=model, slope=slope)

    def _check_reference(self) -> None:
        reference = self._bundle.reference
        for model in MODELS:
            stored, blended = reference.probabilities[model], self._bundle.models[model]
            try:
                served = self.probabilities(reference.rows, model)
            except ModelFailed as problem:
                raise BundleError(f"the {model} model cannot be run: {problem}") from problem
            walked = [sigmoid(blended.platt.logit(blended.logit(row))) for row in reference.rows]
            for name, answer in (("model", served), ("trees", np.array(walked))):
                if len(answer) != len(stored) or not np.abs(answer - stored).max() <= REFERENCE_TOLERANCE:
                    raise BundleError(f"the {model} {name} do not reproduce the bundle's reference rows")
