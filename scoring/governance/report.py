"""The report of a score log as one HTML file, in Chinese or English: nothing in it is fetched from anywhere."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring import metrics
from scoring.calibration import (
    ANCHOR_ODDS,
    ANCHOR_SCORE,
    HIGHEST_CREDIT_SCORE,
    LOWEST_CREDIT_SCORE,
    POINTS_TO_DOUBLE,
)
from scoring.governance import plots
from scoring.governance.monitor import columns_of, generated, monitor, scored_champions
from scoring.governance.scorelog import LogInvalid, ScoreRecord
from scoring.scorer import Scorer

HERE: Final = Path(__file__).parent
LANGUAGES: Final = ("zh-CN", "en")
BINS: Final = 10
FEWEST_LABELS: Final = 100

Values = NDArray[np.float64]


def report(
    scorer: Scorer,
    records: Sequence[ScoreRecord],
    *,
    reference: Sequence[ScoreRecord] | None = None,
    outcomes: dict[str, bool] | None = None,
    language: str = "zh-CN",
) -> str:
    """The page: what has moved, score distributions, days, calibration where outcomes are known, challengers.

    ``outcomes`` says of decisions whether they ended badly (90 days overdue). Raises ValueError for a log without a
    champion's score, ``PlotsUnavailable`` without the extra ``report``.
    """
    champions = scored_champions(records)
    now = columns_of(champions)
    then = generated(scorer) if reference is None else columns_of(scored_champions(reference))
    words = json.loads((HERE / "report_words.json").read_text("utf-8"))[language]
    return _template().render(
        language=language,
        words=words,
        model=f"{scorer.identity.name} {scorer.identity.version}",
        sha256=scorer.identity.sha256,
        found=monitor(scorer, records, reference),
        credit=plots.histograms(_points(now), _points(then), np.arange(LOWEST_CREDIT_SCORE, 861, 10.0)),
        fraud=plots.histograms(_logs(now), _logs(then), np.linspace(-4, 0, 41)),
        days=_by_day(champions),
        calibration=_calibration(champions, outcomes or {}),
    )


def read_outcomes(path: Path) -> dict[str, bool]:
    """A CSV with the columns ``decision`` and ``bad`` (0 or 1). Raises ``LogInvalid`` naming the line."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        if not {"decision", "bad"} <= set(rows.fieldnames or ()):
            raise LogInvalid(f"{path.name}: the header needs the columns decision and bad")
        found = {}
        for number, row in enumerate(rows, start=2):
            if row["bad"] not in ("0", "1") or not row["decision"]:
                raise LogInvalid(f"{path.name}, line {number}: expected a decision and 0 or 1")
            found[row["decision"]] = row["bad"] == "1"
    return found


def _points(columns: dict[str, Values]) -> Values:
    """Credit scores of the default probabilities."""
    chance = np.clip(columns["default_probability"], 1e-9, 1 - 1e-9)
    odds = np.log((1 - chance) / chance) - np.log(ANCHOR_ODDS)
    points = ANCHOR_SCORE + POINTS_TO_DOUBLE / np.log(2) * odds
    return np.asarray(np.clip(points, LOWEST_CREDIT_SCORE, HIGHEST_CREDIT_SCORE))


def _logs(columns: dict[str, Values]) -> Values:
    return np.asarray(np.log10(np.clip(columns["fraud_probability"], 1e-4, 1)))


def _by_day(records: Sequence[ScoreRecord]) -> dict[str, Any] | None:
    """Shares of approvals and mean probabilities of default by day; None with a single day."""
    days: dict[str, list[ScoreRecord]] = defaultdict(list)
    for record in records:
        days[record.day].append(record)
    if len(days) < 2:
        return None
    names = sorted(days)
    approved = [float(np.mean([r.outcome == "approve" for r in days[day]])) for day in names]
    default = [float(np.mean([r.default_probability for r in days[day]])) for day in names]
    return {
        "approved": plots.lines(names, [(approved, plots.NOW)]),
        "default": plots.lines(names, [(default, plots.NOW)]),
    }


def _calibration(records: Sequence[ScoreRecord], outcomes: dict[str, bool]) -> dict[str, Any] | None:
    """Predicted and observed rates of default in ten bins of equal count; None with too few known outcomes."""
    known = [record for record in records if record.decision in outcomes]
    bad = np.array([outcomes[record.decision] for record in known], dtype=bool)
    if len(known) < FEWEST_LABELS or not bad.any() or bad.all():
        return None
    chance = np.array([record.default_probability for record in known], dtype=float)
    parts = np.array_split(np.argsort(chance, kind="stable"), BINS)
    rows = [
        {"cases": len(part), "predicted": float(chance[part].mean()), "observed": float(bad[part].mean())}
        for part in parts
    ]
    return {
        "cases": len(known),
        "bad": int(bad.sum()),
        "auc": metrics.area_under_curve(bad, chance),
        "ks": metrics.kolmogorov_smirnov(bad, chance),
        "ece": metrics.expected_calibration_error(bad, chance),
        "rows": rows,
        "plot": plots.calibration([r["predicted"] for r in rows], [r["observed"] for r in rows]),
    }


def _template() -> Any:
    try:
        from jinja2 import Environment, StrictUndefined  # noqa: PLC0415
    except ImportError as missing:
        raise plots.PlotsUnavailable(
            "a report needs matplotlib and jinja2: pip install 'fenqi-gateway[report]'"
        ) from missing
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string((HERE / "report.html").read_text("utf-8"))
