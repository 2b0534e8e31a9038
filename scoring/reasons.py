"""Reasons: fixed Chinese and English sentences for what raised a score or decided a case.

A model's reasons come from exact additive contributions; the sentences come from the bundle's reasons.json,
so that an old decision is explained in the words of its own bundle.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Any, Final, Literal

from scoring.errors import BundleError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from scoring.forest import Attribution

MOST_REASONS: Final = 4
LEAST_CONTRIBUTION: Final = 0.05
"""Logits below which a contribution is not worth a sentence."""

Origin = Literal["fraud", "credit", "policy"]


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: a stable code and its sentence in both languages.

    ``shopper_may_see`` is False for whatever the fraud model says and for signals that would teach how to
    pass as somebody else. ``contribution`` is in calibrated logits of the bad event, 0.0 for a rule of the
    policy; it is for the score log, not for shoppers.
    """

    code: str
    text_zh: str
    text_en: str
    origin: Origin = "policy"
    shopper_may_see: bool = True
    contribution: float = 0.0


def first_of_each_code(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """The reasons in their order, each code once: where one of a code may be seen, that one."""
    found: dict[str, Reason] = {}
    for reason in reasons:
        known = found.setdefault(reason.code, reason)
        if reason.shopper_may_see and not known.shopper_may_see:
            found[reason.code] = reason
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class ReasonTexts:
    """Which sentence belongs to which feature: ``codes[feature]`` is (code when known, code when unknown)."""

    codes: Mapping[str, tuple[str, str]]
    sentences: Mapping[str, tuple[str, str, bool]]

    @classmethod
    def from_json(cls, content: Mapping[str, Any], features: tuple[str, ...]) -> ReasonTexts:
        """Read a bundle's reasons.json. Raises ``BundleError`` when a feature has no sentence."""
        try:
            codes = {name: (entry["known"], entry["unknown"]) for name, entry in content["features"].items()}
            sentences = {
                code: (entry["zh"], entry["en"], bool(entry["shopper_may_see"]))
                for code, entry in content["sentences"].items()
            }
        except (KeyError, TypeError, AttributeError) as problem:
            raise BundleError(f"reasons.json is malformed: {problem!r}") from problem
        silent = [
            name for name in features if name not in codes or any(c not in sentences for c in codes[name])
        ]
        if silent:
            raise BundleError(f"reasons.json has no sentence for {', '.join(silent)}")
        return cls(codes, sentences)

    def strongest(
        self,
        attribution: Attribution,
        row: NDArray[np.float32],
        features: tuple[str, ...],
        *,
        origin: Origin,
        slope: float,
    ) -> tuple[Reason, ...]:
        """Up to four reasons that raised the risk most, features with one code summed, strongest first."""
        by_code: dict[str, float] = {}
        unknown = map(isnan, row.tolist())
        for name, value, missing in zip(features, attribution.values.tolist(), unknown, strict=True):
            if value:
                code = self.codes[name][missing]
                by_code[code] = by_code.get(code, 0.0) + slope * value
        ranked = sorted(by_code.items(), key=lambda item: (-item[1], item[0]))[:MOST_REASONS]
        return tuple(
            self._reason(code, value, origin) for code, value in ranked if value >= LEAST_CONTRIBUTION
        )

    def _reason(self, code: str, contribution: float, origin: Origin) -> Reason:
        text_zh, text_en, shopper_may_see = self.sentences[code]
        visible = shopper_may_see and origin != "fraud"
        return Reason(code, text_zh, text_en, origin, visible, round(contribution, 4))
