"""Every environment variable that code reads is documented, and every one that is documented is read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from gateway.config import END, START, as_markdown, from_environment, variables
from tests.house.sources import nodes

ROOT = Path(__file__).parents[2]
READING = ("gateway", "scoring", "merchant_portal", "sdk/python/src", "examples", "bench")
PAGES = ("docs", "README.md", "CONTRIBUTING.md", "sdk/python/README.md", "examples", "bench")
NAME = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
OURS = re.compile(r"\b(?:FENQI_[A-Z0-9_]+|DATABASE_URL)\b")
ENVIRONMENTS = ("os.environ", "env", "os")
LOOKING = ("get", "getenv", "setdefault", "pop")
SHELL = re.compile(r"\$\{?([A-Z][A-Z0-9_]{3,})|\b([A-Z][A-Z0-9_]{3,})=")
STANDARD = {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "JAVA_HOME", "SPARK_HOME"}
"""Of the libraries below; their documentation has them."""


def read_by(path: Path) -> Iterator[str]:
    """Names of variables that a module asks its environment for, one by one or out of a tuple of names."""
    looks = any(isinstance(node, ast.Attribute) and node.attr == "environ" for node in nodes(path))
    for node in nodes(path):
        keys: list[ast.expr] = []
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            keys = [node.slice] if ast.unparse(node.value) in ENVIRONMENTS else []
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            if node.func.attr in LOOKING and ast.unparse(node.func.value) in ENVIRONMENTS:
                keys = [node.args[0]]
        elif isinstance(node, ast.Tuple) and looks:
            keys = node.elts
        elif isinstance(node, ast.Constant) and OURS.fullmatch(str(node.value)):
            keys = [node]
        for key in keys:
            if isinstance(key, ast.Constant) and NAME.fullmatch(str(key.value)):
                yield str(key.value)


@cache
def read() -> frozenset[str]:
    """By name, or as a word of ours that a module spells."""
    found = set(variables())
    for folder in READING:
        for path in (ROOT / folder).rglob("*.py"):
            found.update(read_by(path))
    return frozenset(found)


def documented() -> str:
    paths = [
        path
        for name in PAGES
        for path in ([ROOT / name] if (ROOT / name).is_file() else (ROOT / name).rglob("*.md"))
    ]
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def test_every_variable_that_is_read_is_documented() -> None:
    words = set(NAME.findall(documented()))
    assert len(read()) > 20
    assert sorted(read() - words - STANDARD) == []


def test_the_page_of_settings_shows_each_as_it_is_declared() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    shown = page.partition(START)[2].partition(END)[0]
    assert shown == as_markdown(), "write it anew: python -m gateway.config docs/settings.md"
    rows = re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE)
    assert len(rows) == len(set(rows))
    assert set(rows) <= read()


def test_no_page_names_a_variable_that_nobody_reads() -> None:
    scripts = "\n".join((ROOT / name).read_text(encoding="utf-8") for name in ("run", ".ci/run"))
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    elsewhere = set(OURS.findall(scripts + tests))
    in_shell = {one for pair in SHELL.findall(documented()) for one in pair if one}
    unread = set(OURS.findall(documented())) - read() - elsewhere - in_shell
    assert sorted(unread) == []


def test_every_setting_is_read_from_its_variable(tmp_path: Path) -> None:
    """A field of the settings that no variable reaches would be documented in vain."""
    asked: set[str] = set()

    class Environment(dict[str, str]):
        def __contains__(self, name: object) -> bool:
            asked.add(str(name))
            return super().__contains__(name)

        def get(self, name: str, default: object = None) -> object:  # type: ignore[override]
            asked.add(name)
            return super().get(name, default)  # type: ignore[arg-type]

    from_environment(Environment(), data_dir=str(tmp_path))
    assert set(variables()) - asked - {"FENQI_DATA_DIR"} == set()
