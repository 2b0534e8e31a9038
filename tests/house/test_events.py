"""Events that can be subscribed to are those that are recorded, those in the documentation, and those of the SDK."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from gateway.app import APIS
from gateway.webhooks.schemas import EVENT_SCOPES, EVENT_TYPES, TEST_EVENT
from tests.house.sources import nodes

ROOT = Path(__file__).parents[2]
GATEWAY = ROOT / "gateway"
FAKE = ROOT / "sdk" / "python" / "src" / "fenqi"
LISTED = GATEWAY / "webhooks" / "schemas.py"
NOUNS = {one.partition(".")[0] for one in EVENT_TYPES}
TYPE = re.compile(rf"(?:{'|'.join(sorted(NOUNS))})\.[a-z_]+")
RECORDING = ("record", "note", "_note", "_book", "put")
TOPICS = ("payout.instruct",)
"""Work of the outbox, named like an event."""


def modules(folder: Path) -> Iterator[tuple[Path, Sequence[ast.AST]]]:
    """Each file with its nodes."""
    for path in sorted(folder.rglob("*.py")):
        if path != LISTED and "migrations" not in path.parts:
            yield path, nodes(path)


def words(module: Sequence[ast.AST]) -> set[str]:
    """The texts in a module, without its docstrings."""
    prose = {
        id(node.body[0].value)
        for node in module
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return {
        node.value
        for node in module
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose
    }


def recorded() -> set[str]:
    """Types that stand in the code in full, or as ``f"checkout.{status}"`` beside the word in the same room."""
    found: set[str] = set()
    said: dict[Path, set[str]] = {}
    begun: list[tuple[Path, str]] = []
    for path, module in modules(GATEWAY):
        room = path.relative_to(GATEWAY).parts[0]
        texts = words(module)
        said.setdefault(Path(room), set()).update(texts)
        found |= {word for word in texts if TYPE.fullmatch(word)}
        for node in module:
            if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                start = str(node.values[0].value)
                if len(node.values) == 2 and start.endswith(".") and start[:-1] in NOUNS:
                    begun.append((Path(room), start))
    for place, start in begun:
        found |= {start + word for word in said[place] if start + word in EVENT_TYPES}
    return found


def test_events_offered_are_events_recorded() -> None:
    assert sorted(set(EVENT_TYPES) - recorded()) == [], "offered for subscription and never recorded"


def test_events_recorded_are_events_offered() -> None:
    """What stands in the code in full and in a call that records."""
    told: set[str] = set()
    for _path, module in modules(GATEWAY):
        for node in module:
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in RECORDING:
                given = [*node.args, *(keyword.value for keyword in node.keywords)]
                texts = [one.value for one in given if isinstance(one, ast.Constant)]
                told |= {text for text in texts if isinstance(text, str) and TYPE.fullmatch(text)}
    assert len(told) > 5
    assert told - set(TOPICS) <= set(EVENT_TYPES)


def test_events_offered_are_events_in_the_documentation() -> None:
    page = (ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")
    table = page.partition("## The events\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"`([a-z_]+\.[a-z_]+)`", table)) == set(EVENT_TYPES)
    for row in re.findall(r"^\| `.*$", table, re.MULTILINE):
        types, _, scopes = row.strip("| ").split("|")
        for kind in re.findall(r"`([^`]+)`", types):
            assert set(re.findall(r"`([^`]+)`", scopes)) == set(EVENT_SCOPES[kind]), kind


def test_an_event_is_read_by_the_scopes_that_read_its_object() -> None:
    reading = {
        operation.path.rsplit("/", 2)[1]: operation.scope
        for api in APIS
        for operation in api.operations
        if operation.method == "GET" and re.fullmatch(r"/v1/(\w+/<\w+>/)?\w+/<\w+>", operation.path)
    }
    for kind, scopes in EVENT_SCOPES.items():
        assert set(scopes) == set(reading[f"{kind.partition('.')[0]}s"]), kind


def test_the_sdk_and_its_fake_tell_of_events_that_exist() -> None:
    told = {word for _path, module in modules(FAKE) for word in words(module) if TYPE.fullmatch(word)}
    assert len(told) > 5
    assert told <= {*EVENT_TYPES, TEST_EVENT}
