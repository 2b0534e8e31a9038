"""The embedded scorer behind its port: loaded in the background, after the port is open; until then there is none."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from scoring import Application, Recommendation, Scores
    from scoring.offers import Change, Quote

log = logging.getLogger("gateway.scorer")


class ScorerUnavailable(Exception):
    """There is no scorer to ask: not loaded yet, or its bundle was refused. The decision becomes a review."""


class ScorerPort(Protocol):
    """Two scores and a recommendation for an application."""

    def load(self) -> None:
        """Be ready, if there is anything to be ready for; called again it does nothing."""
        ...

    def load_in_background(self) -> threading.Thread:
        """Start ``load`` and return its thread."""
        ...

    @property
    def ready(self) -> bool:
        """Whether it can be asked."""
        ...

    def recommend(
        self, features: dict[str, Any], required: tuple[str, ...] = ()
    ) -> tuple[Recommendation, dict[str, Any]]:
        """The recommendation and the exact input; what is ``required`` and unknown leads to review.

        Raises ``ScorerUnavailable``, also for an input that no scorer can take.
        """
        ...

    def smallest_change(
        self,
        features: dict[str, Any],
        *,
        terms: Sequence[int],
        most_down_payment_fen: int,
        quote: Quote,
        required: tuple[str, ...] = (),
    ) -> Change | None:
        """The smallest change of the order that would be recommended by itself (see ``scoring.offers``), or None.

        Raises ``ScorerUnavailable``.
        """
        ...

    def score(self, features: dict[str, Any], *, with_reasons: bool) -> tuple[Scores, dict[str, Any]]:
        """Both scores and the exact input, without a decision. Raises ``ScorerUnavailable``."""
        ...


class EmbeddedScorer:
    """Serves the bundle in this process. ``load`` may run in a thread; ``recommend`` never waits for it."""

    def __init__(self, bundle: str = "") -> None:
        self.bundle = bundle
        self._scorer: Any = None
        self._loading = threading.Lock()

    def load(self) -> None:
        """Load the bundle once; a refused bundle is logged and leaves the scorer unavailable."""
        with self._loading:
            if self._scorer is not None:
                return
            from scoring import BundleError, Scorer  # noqa: PLC0415  (onnxruntime loads after the port is open)

            try:
                self._scorer = Scorer.load(self.bundle or None)
            except BundleError:
                log.exception("the model bundle was refused; every application goes to review")

    def load_in_background(self) -> threading.Thread:
        """Start loading and return the thread."""
        thread = threading.Thread(target=self.load, name="scorer-load", daemon=True)
        thread.start()
        return thread

    @property
    def ready(self) -> bool:
        """Whether the bundle is loaded; until then every question raises ``ScorerUnavailable``."""
        return self._scorer is not None

    @property
    def version(self) -> str:
        """Name and version of the model; empty while there is none."""
        return (
            f"{self._scorer.identity.name} {self._scorer.identity.version}"
            if self._scorer is not None
            else ""
        )

    def recommend(
        self, features: dict[str, Any], required: tuple[str, ...] = ()
    ) -> tuple[Recommendation, dict[str, Any]]:
        """Ask the bundle under the default policy. Raises ``ScorerUnavailable``."""
        if self._scorer is None:
            raise ScorerUnavailable
        from scoring import DEFAULT_POLICY, Application, InvalidApplication  # noqa: PLC0415

        try:
            application: Application = Application(**features)
        except InvalidApplication as problem:
            log.exception("an application cannot be scored: it goes to review")
            raise ScorerUnavailable from problem
        return self._scorer.decide(application, DEFAULT_POLICY.requiring(required)), asdict(application)

    def smallest_change(
        self,
        features: dict[str, Any],
        *,
        terms: Sequence[int],
        most_down_payment_fen: int,
        quote: Quote,
        required: tuple[str, ...] = (),
    ) -> Change | None:
        """Ask the bundle under the default policy, once for each change tried. Raises ``ScorerUnavailable``."""
        if self._scorer is None:
            raise ScorerUnavailable
        from scoring import DEFAULT_POLICY, Application, ModelFailed  # noqa: PLC0415
        from scoring.offers import smallest_change  # noqa: PLC0415

        try:
            return smallest_change(
                Application(**features),
                terms=terms,
                most_down_payment_fen=most_down_payment_fen,
                quote=quote,
                score=lambda changed: self._scorer.score(changed, with_reasons=False),
                policy=DEFAULT_POLICY.requiring(required),
            )
        except ModelFailed as problem:
            raise ScorerUnavailable from problem

    def score(self, features: dict[str, Any], *, with_reasons: bool) -> tuple[Scores, dict[str, Any]]:
        """Ask the bundle without a policy. Raises ``ScorerUnavailable``."""
        if self._scorer is None:
            raise ScorerUnavailable
        from scoring import Application, ModelFailed  # noqa: PLC0415

        application: Application = Application(**features)
        try:
            return self._scorer.score(application, with_reasons=with_reasons), asdict(application)
        except ModelFailed as problem:
            raise ScorerUnavailable from problem
