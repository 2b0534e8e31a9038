"""The tree of errors drawn in ``gateway/errors.py`` is the classes; each is raised somewhere; others' codes exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from fenqi import _errors as sdk_errors
from gateway import errors
from gateway.web import pages
from tests.house.sources import nodes

ROOT = Path(__file__).parents[2]
FAKE = ROOT / "sdk" / "python" / "src" / "fenqi" / "testing"
LINE = re.compile(
    r"^(?P<indent>[│├└─ ]*)(?P<name>[A-Z]\w+)(?: +(?P<status>\d{3}) (?P<code>\w+))?", re.MULTILINE
)
KINDS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.GatewayError)
}
CODES = {(kind.status, kind.code) for kind in KINDS.values()}


def drawn() -> Iterator[tuple[str, str, int, str]]:
    """Name, parent, status and code of each line of the tree."""
    path: dict[int, str] = {}
    drawing = (errors.__doc__ or "").partition("\n\n")[2]
    for line in LINE.finditer(drawing):
        depth = len(line["indent"])
        path[depth] = line["name"]
        if depth:
            parent = path[max(level for level in path if level < depth)]
            path = {level: name for level, name in path.items() if level <= depth}
            yield line["name"], parent, int(line["status"]), line["code"]


def test_the_tree_drawn_is_the_classes() -> None:
    classes = {
        (name, kind.__bases__[0].__name__, kind.status, kind.code)
        for name, kind in KINDS.items()
        if kind is not errors.GatewayError
    }
    assert set(drawn()) == classes


def test_no_two_errors_share_a_code() -> None:
    assert len({kind.code for kind in KINDS.values()}) == len(KINDS)
    assert all(kind.title for kind in KINDS.values())


def raised() -> set[str]:
    """Names that the gateway makes: raised, called, or handed on as a class to be raised."""
    made: set[str] = set()
    for path in (ROOT / "gateway").rglob("*.py"):
        if path.name == "errors.py":
            continue
        for node in nodes(path):
            handed: list[ast.expr | None] = []
            if isinstance(node, ast.Raise):
                handed = [node.exc]
            elif isinstance(node, ast.Call):
                caught = isinstance(node.func, ast.Name) and node.func.id in ("isinstance", "issubclass")
                handed = [node.func] if caught else [node.func, *node.args]
            elif isinstance(node, ast.Dict):
                handed = list(node.values)
            made |= {one.id for one in handed if isinstance(one, ast.Name)}
            made |= {one.attr for one in handed if isinstance(one, ast.Attribute)}
    return made


def test_every_error_is_raised_somewhere() -> None:
    branches = {kind.__bases__[0].__name__ for kind in KINDS.values()}
    assert sorted(set(KINDS) - branches - raised()) == []


def test_the_codes_that_the_sdk_and_the_pages_know_are_ours() -> None:
    assert set(sdk_errors._BY_CODE) <= {code for _, code in CODES}
    assert set(pages.KNOWN_ERRORS) <= {code for _, code in CODES}


def test_the_fake_gateway_answers_with_our_codes_and_statuses() -> None:
    answered: set[tuple[int, str]] = set()
    for path in FAKE.glob("*.py"):
        for node in nodes(path):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Problem":
                status, code = (arg.value for arg in node.args[:2] if isinstance(arg, ast.Constant))
                answered.add((status, code))
    assert len(answered) > 10
    assert answered - {(501, "not_in_fake")} <= CODES
