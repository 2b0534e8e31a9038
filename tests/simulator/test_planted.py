"""Every planted bug can be planted into the tree as it is, stays importable, and stands in the page."""

from __future__ import annotations

import ast
import json
import subprocess

import pytest

from tests.simulator import hunt, planting

pytestmark = pytest.mark.long(15)


def test_every_planted_bug_applies_to_the_tree_and_compiles() -> None:
    bugs = planting.bugs()
    assert len(bugs) >= 30
    assert len({bug.name for bug in bugs}) == len({bug.what for bug in bugs}) == len(bugs)
    for number, bug in enumerate(bugs, start=1):
        assert bug.path.stem.startswith(f"{number:02}-")
        assert bug.what.endswith("."), bug.name
        for path, (before, after) in bug.planted().items():
            assert path.startswith("gateway/")
            assert before != after, bug.name
            compile(ast.parse(after, path), path, "exec")


def test_page_shows_what_was_found() -> None:
    shown = hunt.PAGE.read_text(encoding="utf-8").partition(hunt.START)[2].partition(hunt.END)[0]
    assert shown == hunt.table(), "write it anew: ./run simulate --planted NAME --keep"
    assert hunt.kept().keys() <= {bug.name for bug in planting.bugs()}


def test_command_finds_a_planted_bug_in_a_copy_of_the_tree() -> None:
    command = [str(planting.ROOT / "run"), "simulate", "--planted", "payment-lock-dropped"]
    run = subprocess.run(
        [*command, "--first", "2", "--seeds", "1", "--jobs", "1", "--json"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    (outcome,) = json.loads(run.stdout)
    assert (outcome["bug"], outcome["seed"]) == ("payment-lock-dropped", 2)
    assert outcome["invariant"] == "locked_before_changed"
    assert "a row of payment was changed" in outcome["words"]
