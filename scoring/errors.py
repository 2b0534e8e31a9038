"""What scoring and training can raise.

ScoringError
├─ InvalidApplication   a field of an application is outside its documented range (also a ValueError)
├─ BundleError          a model bundle is incomplete, changed, or does not reproduce its reference rows
├─ ModelFailed          a loaded model gave no finite answer; the decision turns it into a review
├─ LinksUnavailable     the package of the batch features of links (extra ``links``) is not installed
├─ TrainingUnavailable  a training package (extra ``train``) is not installed
└─ NotUsable            a trained model ranks no better than chance; it was not written
"""

from __future__ import annotations


class ScoringError(Exception):
    """Base of everything the scorer raises on purpose."""


class InvalidApplication(ScoringError, ValueError):
    """A field of an application is outside its documented range; ``field`` names it."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field} {problem}")
        self.field = field


class BundleError(ScoringError):
    """A model bundle is incomplete, changed, or does not reproduce its reference rows."""


class ModelFailed(ScoringError):
    """A loaded model gave no finite answer for a row; the decision turns it into a review."""


class TrainingUnavailable(ScoringError):
    """A training package is not installed; serving does not need it."""


class LinksUnavailable(ScoringError):
    """The package of the batch features of links is not installed; the index in memory does not need it."""


class TableInvalid(ScoringError, ValueError):
    """A CSV file cannot be learned from or scored; the message says what is wrong and where."""


class NotUsable(ScoringError):
    """A trained model ranks rows that it had not seen no better than chance; the message has the figures."""
