"""What a merge of texts leaves behind when nobody reads the result: marks of a conflict, and sentences cut short."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MARK = re.compile(r"^(?:<{7} .*|={7}|>{7} .*)$", re.MULTILINE)


def test_no_file_holds_the_marks_of_a_conflict() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("these files are in no git repository")
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    assert len(paths) > 500
    texts = {path: path.read_bytes() for path in paths if path.is_file()}
    marked = [path for path, text in texts.items() if MARK.search(text.decode("utf-8", "ignore"))]
    assert [path.relative_to(ROOT).as_posix() for path in marked] == []


def test_each_point_of_the_changelog_is_whole_and_said_once() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    points = [" ".join(point.split()) for point in re.findall(r"^- (.*?)(?=^- |^#|\Z)", text, re.M | re.S)]
    assert len(points) > 50
    assert [point[-60:] for point in points if not point.endswith((".", ").", ":"))] == []
    begun = [" ".join(point.split()[:3]) for point in points]
    assert {words for words in begun if begun.count(words) > 1} == set()
