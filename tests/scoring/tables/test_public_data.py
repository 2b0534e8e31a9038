"""Floors on public data sets: a change that makes the learners worse fails here. Goals stand in the docs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from scoring.tables import measures, protocols
from scoring.tables.ensemble import Plan
from scoring.tables.learners import RECIPES
from scoring.tables.protocols import TimeSplit
from scoring.tables.table import Table

pytestmark = pytest.mark.long(20)

DATA = Path(os.environ.get("FENQI_SHARED") or Path(__file__).parents[4] / "shared") / "data"

RATIOS = [f"TX_AMOUNT/CUSTOMER_ID_AVG_AMOUNT_{days}DAY_WINDOW" for days in (1, 7, 30)] + [
    f"CUSTOMER_ID_AVG_AMOUNT_{days}DAY_WINDOW/CUSTOMER_ID_AVG_AMOUNT_30DAY_WINDOW" for days in (1, 7)
]
NO_INPUTS = ["TRANSACTION_ID", "TERMINAL_ID", "TX_TIME_SECONDS", "TX_TIME_DAYS", "TX_FRAUD_SCENARIO"]


def table(name: str, target: str) -> Table:
    path = DATA / f"{name}.csv.xz"
    if not path.exists():
        pytest.skip("the public data sets are not here: put them beside the repository, in shared/data")
    return Table.read(path, target)


@pytest.mark.slow
def test_card_customers_of_taiwan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two folds of half of one recipe instead of five of all: a harder test of the same floors."""
    monkeypatch.setitem(RECIPES, "steady", {**RECIPES["steady"], "trees": 350, "eta": 0.04})
    rows = table("uci_taiwan_default", "default.payment.next.month").without(["ID"])
    told = protocols.cross_validated(rows, Plan(recipes=("steady",), blend=False, folds=2, threads=1), 2)
    assert told["auc"] > 0.778
    assert told["ks"] > 0.428
    assert told["ece"] < 0.020
    assert told["bad_rate_ratio"]["70"] < 0.56


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "target", "folds", "floor"),
    [("german_credit", "creditability", 5, 0.77), ("lending_club_sample", "Class", 3, 0.735)],
)
def test_small_sets(name: str, target: str, folds: int, floor: float) -> None:
    """German credit is a smoke test: its folds differ by 0.02."""
    told = protocols.cross_validated(
        table(name, target), Plan(recipes=("shallow",), blend=False, folds=2, threads=1), folds
    )
    assert told["auc"] > floor


@pytest.mark.slow
def test_transactions_of_the_fraud_handbook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measures, "DRAWS", 10)  # the intervals are not looked at here
    rows = table("fraud_handbook_21days", "TX_FRAUD").with_ratios(RATIOS).without(NO_INPUTS)
    plan = Plan(recipes=("shallow",), blend=False, folds=2, threads=1)
    told: dict[str, Any] = protocols.split_by_time(rows, plan, TimeSplit("TX_DATETIME", card="CUSTOMER_ID"))
    assert (told["learned_rows"], told["rows"]) == (67_240, 58_264)
    assert told["auc"] > 0.871
    assert told["average_precision"] > 0.606
    assert told["card_precision_100"] > 0.285
    assert told["recall_at_fpr_1"] > 0.66
