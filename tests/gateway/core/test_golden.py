"""The shared worked cases, every one, and what happens to files that are none."""

from __future__ import annotations

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway.core import golden

SHARED = Path(os.environ.get("FENQI_SHARED") or Path(__file__).parents[3].parent / "shared")
VECTORS = SHARED / "vectors" / "schedules.json"
WITH_TOLERANCE = ("irr_monthly", "apr_nominal", "apr_effective")
CASE: dict[str, Any] = {
    "id": "late",
    "kind": "late_interest",
    "input": {
        "overdue_principal": 100_000,
        "due_date": "2026-12-23",
        "as_of": "2026-12-30",
        "daily_rate": "0.0005",
        "grace_days": 3,
    },
}


def document(*cases: dict[str, Any], **changes: Any) -> str:
    return json.dumps({"format": 1, "currency": "CNY", "unit": "fen", "vectors": list(cases), **changes})


def shared_cases() -> list[dict[str, Any]]:
    return json.loads(VECTORS.read_text("utf-8"))["vectors"] if VECTORS.exists() else []


@pytest.mark.skipif(not VECTORS.exists(), reason="the shared golden vectors are not beside this checkout")
def test_all_28_shared_cases_are_there() -> None:
    assert len(shared_cases()) == 28


@pytest.mark.parametrize("case", shared_cases(), ids=lambda case: f"{case['id']}-{case['kind']}")
def test_golden_case(case: dict[str, Any]) -> None:
    found, expected = golden.compute(case), case["expected"]
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        if name in WITH_TOLERANCE:
            assert abs(Decimal(found[name]) - Decimal(value)) <= Decimal("1e-9"), name
        else:
            assert found[name] == value, name


def test_a_file_gives_each_case_its_result(tmp_path: Path) -> None:
    path = tmp_path / "cases.json"
    path.write_text(document(CASE), "utf-8")
    assert golden.compute_file(path) == [{"id": "late", "result": {"overdue_days": 7, "late_interest": 350}}]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "JSON"),
        ("[]", "format 1"),
        (document(format=2), "format 1"),
        (document(unit="yuan"), "fen"),
        (document(vectors={}), "list of vectors"),
        (document({**CASE, "kind": "lottery"}), "late: kind 'lottery'"),
        (document({**CASE, "input": {"overdue_principal": 1}}), "late: the field 'due_date'"),
        (document({**CASE, "input": {**CASE["input"], "overdue_principal": 1.5}}), "late: overdue principal"),
        (document({**CASE, "input": {**CASE["input"], "daily_rate": 0.0005}}), "late: rate"),
    ],
)
def test_a_malformed_file_is_refused_and_the_text_says_why(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "cases.json"
    path.write_text(text, "utf-8")
    with pytest.raises(ValueError, match=words):
        golden.compute_file(path)
