"""Tests that run in several processes say the same as in one, and a process that is gone is no success."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
USUAL = """
import os, time, warnings
from pathlib import Path
import pytest

HERE = Path(__file__).parent

@pytest.fixture(scope="session")
def room(tmp_path_factory):
    made = tmp_path_factory.mktemp("room")
    yield made
    with (HERE / "ended").open("a") as ended:
        ended.write(f"{os.getpid()} ")

@pytest.fixture(scope="module")
def table():
    yield os.getpid()
    with (HERE / "tables").open("a") as ended:
        ended.write("x")

@pytest.mark.parametrize("number", range(4))
def test_of_one_file_are_at_home(room, table, number, tmp_path):
    assert table == os.getpid() != int(os.environ["PARENT"])
    print("said by", number)
    assert number != 3

def test_is_skipped():
    pytest.skip("no reason")

def test_warns():
    warnings.warn("beware of the dog")
"""
CRASH = """
import os, pytest

def test_ends_its_worker():
    os._exit(3)

def test_comes_after():
    pass
"""
BROKEN = """
import pytest

@pytest.fixture(scope="session")
def lamp():
    yield
    raise RuntimeError("the lamp fell")

def test_passes(lamp):
    pass
"""


@pytest.fixture
def run(tmp_path: Path):
    """Runs files of tests with workers; returns the status and what was printed."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    first = (
        "import os, sys, pytest; os.environ['PARENT'] = str(os.getpid()); sys.exit(pytest.main(sys.argv[1:]))"
    )

    def run(*options: str, **files: str) -> tuple[int, str]:
        (tmp_path / "pytest.ini").write_text("[pytest]\n")
        for name, text in files.items():
            (tmp_path / f"test_{name}.py").write_text(text)
        plugins = ["-p", "tests.side_by_side", "-p", "no:cacheprovider"]
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                first,
                "-q",
                *plugins,
                "-c",
                f"{tmp_path}/pytest.ini",
                *options,
                str(tmp_path),
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            env=environ,
        )
        return done.returncode, done.stdout + done.stderr

    return run


def test_what_workers_find_is_told_and_they_clear_up(run, tmp_path) -> None:
    status, told = run("--workers", "2", f"--junitxml={tmp_path / 'report.xml'}", one=USUAL, two=USUAL)
    assert status == pytest.ExitCode.TESTS_FAILED
    assert "2 failed, 8 passed, 2 skipped, 2 warnings" in told
    assert told.count("said by 3") == 2
    assert "said by 2" not in told
    assert "beware of the dog" in told
    ended = (tmp_path / "ended").read_text().split()
    assert len(ended) == len(set(ended)), "each worker has ended what it began"
    assert (tmp_path / "tables").read_text() == "xx"
    assert 'errors="0" failures="2" skipped="2" tests="12"' in (tmp_path / "report.xml").read_text()


def test_a_worker_that_is_gone_or_cannot_clear_up_is_no_success(run) -> None:
    status, told = run("--workers", "3", one=CRASH, two=BROKEN)
    assert status == pytest.ExitCode.TESTS_FAILED
    assert "2 failed, 1 passed" in told
    assert "its worker ended with status 3" in told
    assert "no worker came to it" in told
    assert "the lamp fell" in told


def test_the_first_failure_ends_all_workers_if_asked(run) -> None:
    waits = "import time\n\ndef test_waits():\n    time.sleep(600)\n"
    start = time.monotonic()
    status, told = run("--workers", "2", "-x", one="def test_fails(): assert 0", two=waits)
    assert (status, "1 failed" in told) == (pytest.ExitCode.TESTS_FAILED, True)
    assert time.monotonic() - start < 300, "the other one was not interrupted"
