"""The words that the code itself puts into a column: kinds of ledger entries, states that the tables allow."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from sqlalchemy import CheckConstraint
from sqlmodel import SQLModel

from tests.house.sources import parsed

ROOT = Path(__file__).parents[2]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def allowed(table: str, column: str) -> set[str]:
    """The values that a table's own check lets into a column."""
    for check in SQLModel.metadata.tables[table].constraints:
        if isinstance(check, CheckConstraint):
            listed = re.fullmatch(rf"{column} IN \(([^()]*)\)", str(check.sqltext))
            if listed:
                return set(re.findall(r"'(\w+)'", listed[1]))
    raise AssertionError(f"no check lists the values of {table}.{column}")


@cache
def entry_kinds() -> frozenset[str]:
    """Every kind of ledger entry that some call can book, followed through the functions that pass it on."""
    found: set[str] = set()
    for path in sorted((ROOT / "gateway").rglob("*.py")):
        source = path.read_text("utf-8")
        if "ledger" not in path.parts and "ledger.Event" in source:
            found |= _booked(parsed(path), path)
    assert len(found) > 20, "how entries are booked has changed: look for it anew"
    return frozenset(found)


def _booked(module: ast.Module, path: Path) -> set[str]:
    found: set[str] = set()
    for function, call in _calls(module):
        if ast.unparse(call.func) == "ledger.Event":
            found |= _values(module, function, call.args[0], path)
    return found


def _calls(module: ast.Module) -> Iterator[tuple[Function, ast.Call]]:
    for function in [node for node in ast.walk(module) if isinstance(node, Function)]:
        for node in ast.walk(function):
            if isinstance(node, ast.Call):
                yield function, node


def _called(call: ast.Call) -> str:
    """The last name of what is called."""
    return str(getattr(call.func, "attr", getattr(call.func, "id", "")))


def _values(module: ast.Module, function: Function, value: ast.expr, path: Path) -> set[str]:
    """The texts that an expression can be: itself, either branch, or what callers pass for a parameter."""
    if isinstance(value, ast.Constant):
        return {str(value.value)}
    if isinstance(value, ast.IfExp):
        return _values(module, function, value.body, path) | _values(module, function, value.orelse, path)
    names = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
    keywords = [each.arg for each in function.args.kwonlyargs]
    assert isinstance(value, ast.Name), f"{path}:{value.lineno}: cannot tell what {ast.unparse(value)} is"
    if value.id not in names + keywords:
        assignments = (node for node in ast.walk(function) if isinstance(node, ast.Assign))
        given = [node.value for node in assignments if _assigns(node, value.id)]
        assert given, f"{path}:{value.lineno}: cannot tell what {value.id} is"
        return set().union(*(_values(module, function, each, path) for each in given))
    passed: set[str] = set()
    for module_, path_ in _modules_that_call(function.name, path, module):
        for caller, call in _calls(module_):
            if _called(call) == function.name:
                argument = _argument(call, value.id, names)
                if argument is not None:
                    passed |= _values(module_, caller, argument, path_)
    assert passed, f"{path}: nobody calls {function.name}"
    return passed


def _modules_that_call(name: str, path: Path, module: ast.Module) -> Iterator[tuple[ast.Module, Path]]:
    """The module itself, and for a public function every module that names both."""
    yield module, path
    if not name.startswith("_"):
        for other in sorted((ROOT / "gateway").rglob("*.py")):
            source = other.read_text("utf-8")
            if other != path and any(f"{each}.{name}(" in source for each in (path.stem, path.parent.name)):
                yield parsed(other), other


def _assigns(node: ast.Assign, name: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == name for target in node.targets)


def _argument(call: ast.Call, name: str, names: list[str]) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    at = names.index(name) if name in names else len(call.args)
    return call.args[at] if at < len(call.args) else None
