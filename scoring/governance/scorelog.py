"""The score log: one JSON object a line for every score, with all that is needed to repeat it. Plain or .gz."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final
from zoneinfo import ZoneInfo

from scoring.errors import ScoringError

CHAMPION: Final = "champion"
SHANGHAI: Final = ZoneInfo("Asia/Shanghai")


class LogInvalid(ScoringError, ValueError):
    """A line of a score log cannot be read; the message names the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRecord:
    """One score of one decision.

    ``role`` is ``champion`` or a challenger's name. ``features`` are the fields of ``scoring.Application``. Scores are
    None when the scorer gave none. ``outcome`` and ``limit_fen`` are what was recommended under ``policy``.
    """

    decision: str
    at: str
    role: str
    model: str
    model_sha256: str
    features: dict[str, Any]
    fraud_probability: float | None
    default_probability: float | None
    credit_score: int | None
    outcome: str
    limit_fen: int
    policy: str

    @property
    def day(self) -> str:
        """The date of the score in Shanghai; a time without a zone is taken to be there already."""
        at = datetime.fromisoformat(self.at)
        return (at.astimezone(SHANGHAI) if at.tzinfo else at).date().isoformat()


NAMES: Final = tuple(field.name for field in fields(ScoreRecord))


def write(path: Path, records: Iterable[ScoreRecord]) -> int:
    """Write the records to a file, one after the other; returns how many."""
    count = 0
    with _opened(path, "wt") as file:
        for record in records:
            file.write(json.dumps(asdict(record), ensure_ascii=False, separators=(",", ":")) + "\n")
            count += 1
    return count


def read(path: Path) -> Iterator[ScoreRecord]:
    """The records of a file, one after the other. Raises ``LogInvalid`` naming the line, OSError."""
    with _opened(path, "rt") as file:
        try:
            for number, line in enumerate(file, start=1):
                yield _record(line, f"{path.name}, line {number}")
        except (UnicodeDecodeError, EOFError) as problem:
            raise LogInvalid(f"{path.name} is not a score log: {problem}") from problem


def _record(line: str, where: str) -> ScoreRecord:
    try:
        content = json.loads(line)
    except ValueError as problem:
        raise LogInvalid(f"{where}: no JSON: {problem}") from problem
    if not isinstance(content, dict) or set(content) != set(NAMES):
        given = set(content) if isinstance(content, dict) else set()
        apart = sorted(set(NAMES) ^ given)
        raise LogInvalid(f"{where}: a record has exactly the fields of a score; look at {', '.join(apart)}")
    record = ScoreRecord(**content)
    if not isinstance(record.features, dict):
        raise LogInvalid(f"{where}: features must be an object")
    try:
        datetime.fromisoformat(record.at)
    except (TypeError, ValueError) as problem:
        raise LogInvalid(f"{where}: 'at' is not a valid time: {record.at!r}") from problem
    return record


def _opened(path: Path, mode: str) -> IO[str]:
    opener: Any = gzip.open if path.suffix == ".gz" else open
    file: IO[str] = opener(path, mode, encoding="utf-8")
    return file
