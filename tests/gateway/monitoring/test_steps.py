"""A worker whose database is away, or whose steps fail, says so once and slows down; no disk that is full kills it."""

from __future__ import annotations

import io
import logging
import re
from pathlib import Path

import pytest
from prometheus_client import values

from gateway.errors import DatabaseUnavailable
from gateway.monitoring import logs, reserved
from gateway.monitoring.steps import Steps


class Time:
    """A clock that moves by what is waited."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


def test_an_outage_of_an_hour_is_a_line_a_minute_at_most_and_its_end_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    time = Time()
    steps = Steps(clock=time, wait=time.wait)

    def away() -> None:
        raise DatabaseUnavailable

    def sweep() -> None:
        raise ExceptionGroup("jobs failed", [DatabaseUnavailable(), DatabaseUnavailable()])

    while time.now < 3600:
        steps.survives(away, "claiming failed; it goes on")
        steps.survives(sweep, "the sweep failed; the next one goes on")
    assert max(time.waits) == 2.0
    assert len(caplog.records) <= 2 * 61
    assert not any(record.exc_info for record in caplog.records)
    caplog.clear()
    assert steps.survives(lambda: 5, "claiming failed; it goes on") == 5
    assert [record.getMessage().partition(" after")[0] for record in caplog.records] == ["well again"]


def test_a_mistake_of_ours_is_told_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    time = Time()
    steps = Steps(clock=time, wait=time.wait)

    def broken() -> None:
        raise KeyError("x")

    for _ in range(10):
        assert steps.survives(broken, "a step failed") is None
    (record,) = caplog.records
    assert record.exc_info


def test_every_line_has_its_time_and_level_and_a_security_event_stays_json(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    logs.install()
    logs.to_stderr()
    logs.to_stderr()
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.stream = said = io.StringIO()
    logging.getLogger("any.room").error("nothing %s", "new")
    logging.getLogger("gateway.security").warning('{"time": "…"}')
    first, second = said.getvalue().splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ERROR any.room: nothing new", first)
    assert second == '{"time": "…"}'


def test_files_of_counts_have_no_holes_so_that_a_full_disk_kills_nobody(tmp_path: Path) -> None:
    assert values.MmapedDict is reserved.Reserved
    path = tmp_path / "counter_1.db"
    counts = reserved.Reserved(str(path))
    for number in range(20_000):
        counts.write_value(f"a counter with a long name and its labels, number {number}", number, 0)
    found = path.stat()
    assert found.st_size > reserved.ROOM
    assert found.st_blocks * 512 >= found.st_size
    counts.close()
    assert sum(value for _, value, _, _ in reserved.Reserved.read_all_values_from_file(str(path))) == sum(
        range(20_000)
    )
