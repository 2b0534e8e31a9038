"""What is trained: how many rows and trees, from which seed, under which name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from scoring.features import MODELS

FOLDS: Final = 5
"""Of the cross-validation by which a model is judged and calibrated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """What to train: ``trees`` per model on ``rows`` generated applications.

    The card's figures come from ``evaluation_rows`` of another seed.
    """

    rows: int = 200_000
    seed: int = 42
    trees: int = 120
    evaluation_rows: int = 100_000
    name: str = "fenqi"
    version: str = "2026.11"

    @property
    def steps(self) -> int:
        """How often ``train`` reports progress."""
        return 4 + len(MODELS) * (FOLDS + 1)
