"""A keyed hash holds for the same row from either database, with every key that ever hashed, and for nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import orjson

from gateway.db.row_keys import DIGITS, RowKeys, content_of

OLD, NEW = {"00000001": b"1" * 32}, {"00000002": b"2" * 32}
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ROW = {
    "id": "a_1",
    "at": NOON,
    "features": {"sum": 1e16, "none": -0.0, "share": 0.1, "many": [1, 2.0, True, None]},
}


def test_both_databases_give_back_what_was_hashed() -> None:
    """PostgreSQL writes the numbers of a document as numbers, whatever they were."""
    content = content_of("loan", ROW)
    there = timezone(timedelta(hours=8))
    given_back = {"sum": 10_000_000_000_000_000, "none": 0.0, "share": 0.1, "many": [1, 2.0, True, None]}
    assert content_of("loan", {"features": given_back, "at": NOON.astimezone(there), "id": "a_1"}) == content
    assert content_of("capture", ROW) != content
    assert content_of("loan", {**ROW, "a_column_of_later": None}) == content
    for change in ({"share": 0.2}, {"many": [1, 2.0, False, None]}, {"none": None}):
        assert content_of("loan", {**ROW, "features": {**ROW["features"], **change}}) != content
    assert orjson.loads(content_of("loan", {"n": 2**70, "big": 1e300}))[1] == {
        "n": float(2**70),
        "big": 1e300,
    }


def test_a_hash_holds_with_its_own_key_alone() -> None:
    content = content_of("loan", ROW)
    before, after = RowKeys(OLD), RowKeys({**NEW, **OLD})
    said = before.hash(content)
    assert len(said) == DIGITS
    assert said.startswith("00000001")
    assert after.problem(said, content) is None, "an old key checks"
    assert after.hash(content).startswith("00000002")
    assert after.problem(said, content + b" ") == "it is not what the gateway wrote last"
    unknown = RowKeys(NEW).problem(said, content)
    assert unknown == "its hash is of no key in keys/rows.json, so the gateway did not write it"
    assert RowKeys({"00000001": b"3" * 32}).problem(said, content) is not None
