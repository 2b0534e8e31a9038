from __future__ import annotations

import gzip
import json
from dataclasses import replace

import pytest

from scoring.governance import scorelog
from scoring.governance.scorelog import LogInvalid


@pytest.mark.parametrize("name", ["log.jsonl", "log.jsonl.gz"])
def test_what_is_written_is_read_again(records, tmp_path, name):
    assert scorelog.write(tmp_path / name, iter(records)) == len(records)
    assert list(scorelog.read(tmp_path / name)) == records


def test_a_wrong_line_is_named(records, tmp_path):
    path = tmp_path / "log.jsonl"
    scorelog.write(path, records[:3])
    good = path.read_text().splitlines()
    for wrong, complaint in (
        ("{", "line 2: no JSON"),
        ("[]", "line 2: a record has exactly"),
        (json.dumps({**json.loads(good[1]), "sex": "f"}), "line 2.*sex"),
        (json.dumps({**json.loads(good[1]), "at": "yesterday"}), "line 2: 'at' is not a valid time"),
        (json.dumps({**json.loads(good[1]), "features": []}), "line 2: features"),
    ):
        path.write_text("\n".join([good[0], wrong, good[2]]))
        with pytest.raises(LogInvalid, match=complaint):
            list(scorelog.read(path))


def test_a_file_that_is_cut_off_is_no_log(records, tmp_path):
    path = tmp_path / "log.gz"
    scorelog.write(path, records)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(LogInvalid, match="not a score log"):
        list(scorelog.read(path))
    with gzip.open(path, "wb") as file:
        file.write(b"\xff\xfe")
    with pytest.raises(LogInvalid):
        list(scorelog.read(path))


def test_a_day_is_that_of_shanghai(records):
    for at, day in (
        ("2026-11-23T15:59:59+00:00", "2026-11-23"),
        ("2026-11-23T18:00:00+00:00", "2026-11-24"),
        ("2026-11-24T02:00:00+08:00", "2026-11-24"),
        ("2026-11-24T02:00:00", "2026-11-24"),
    ):
        assert replace(records[0], at=at).day == day
