"""What ``fenqi-gateway scores …`` does. Returns the exit code."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway.core.tables import reported
from gateway.core.tenant import Mode
from gateway.decision import score_log
from gateway.web.context import Gateway
from scoring.governance import scorelog as log
from scoring.governance.monitor import monitor as compared
from scoring.governance.replay import differences, recomputed
from scoring.governance.scorelog import CHAMPION, ScoreRecord
from scoring.scorer import Scorer

ALARM = 3


def export(gateway: Gateway, mode: Mode, out: Path, *, start: datetime | None, end: datetime | None) -> int:
    """Write the score log of a span to a file that does not exist yet."""
    if out.exists():
        print(f"{out} exists; nothing was changed", file=sys.stderr)
        return 1
    with gateway.db.read() as tx:
        count = log.write(out, score_log.records(tx, mode, start=start, end=end))
    print(f"{count} records in {out}")
    return 0


def monitor(
    gateway: Gateway,
    mode: Mode,
    *,
    start: datetime | None,
    end: datetime | None,
    reference: Path | None,
    as_json: bool,
) -> int:
    """Print how far scores and inputs have moved, and what challengers say; 3 for an alarm."""
    earlier = log.read(reference) if reference else None
    with gateway.db.read() as tx:
        try:
            found = compared(_champion(gateway), score_log.records(tx, mode, start=start, end=end), earlier)
        except ValueError as problem:
            print(problem, file=sys.stderr)
            return 1
    print(reported(found, as_json=as_json))
    return ALARM if found["status"] == "alarm" else 0


def replay(gateway: Gateway, decision_id: str, *, as_json: bool) -> int:
    """Print each score of a decision beside what comes out now; 1 when they differ. Raises ``NotFound``."""
    with gateway.db.read() as tx:
        records = score_log.of_decision(tx, decision_id)
    told = [_repeated(record, scorer) for record in records if (scorer := _scorer_of(gateway, record))]
    print(reported({"decision": decision_id, "scores": told}, as_json=as_json))
    return 1 if any(entry["differs"] for entry in told) else 0


def _repeated(record: ScoreRecord, scorer: Scorer) -> dict[str, Any]:
    again = recomputed(scorer, record)
    same_model = record.model_sha256 == scorer.identity.sha256
    return {
        "role": record.role,
        "model": record.model,
        "same_model": same_model,
        "logged": {name: getattr(record, name) for name in again},
        "recomputed": again,
        "differs": [difference.field for difference in differences(record, again)],
    }


def _scorer_of(gateway: Gateway, record: ScoreRecord) -> Scorer | None:
    if record.fraud_probability is None:
        return None
    if record.role == CHAMPION:
        return _champion(gateway)
    challengers = {one.name: one.scorer.bundle for one in gateway.ports.challengers}
    return Scorer.load(challengers[record.role]) if record.role in challengers else None


def _champion(gateway: Gateway) -> Scorer:
    return Scorer.load(gateway.settings.scorer_bundle or None)
