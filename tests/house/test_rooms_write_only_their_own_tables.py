"""A room writes only its own tables: nobody assigns to what another room keeps.

Import contracts keep a room's models from being named elsewhere; but a row that was handed out can still be written to.
So names are followed through each function: what comes from another room and is assigned to is a fault.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import gateway
from tests.house.sources import parsed

ROOT = Path(gateway.__file__).parent
MODULES = sorted(path for path in ROOT.rglob("*.py") if "migrations" not in path.parts)


def rooms_of_models() -> dict[str, str]:
    """By the name of a table's class, its room."""
    return {
        node.name: path.parent.name
        for path in ROOT.glob("*/models.py")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ClassDef) and any(word.arg == "table" for word in node.keywords)
    }


ROOM_OF = rooms_of_models()


@cache
def returned_models() -> dict[tuple[str, str], str]:
    """By room's module and function, the table whose row it returns."""
    found = {}
    for path in MODULES:
        for node in parsed(path).body:
            if isinstance(node, ast.FunctionDef) and node.returns and (model := model_in(node.returns)):
                found[f"{path.parent.name}.{path.stem}", node.name] = model
    return found


def model_in(annotation: ast.expr) -> str | None:
    """The table that an annotation names, such as ``Loan`` or ``Loan | None``."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        annotation = ast.parse(annotation.value, mode="eval").body
    names = [node.id for node in ast.walk(annotation) if isinstance(node, ast.Name)]
    names += [node.attr for node in ast.walk(annotation) if isinstance(node, ast.Attribute)]
    return next((name for name in names if name in ROOM_OF), None)


def writes_to_others(tree: ast.Module, room: str, returned: dict[tuple[str, str], str]) -> Iterator[str]:
    """Lines that assign to a column of another room's row, as ``line: Table.column``."""
    modules = {
        alias.asname or alias.name: f"{(node.module or '').rpartition('.')[2]}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            targets = [target for node in ast.walk(function) for target in assigned(node)]
            rows = rows_of(function, modules, returned) if targets else {}
            for target in targets:
                model = rows.get(target.value.id) if isinstance(target.value, ast.Name) else None
                if model is not None and ROOM_OF[model] != room:
                    yield f"{target.lineno}: {model}.{target.attr}"


def rows_of(
    function: ast.FunctionDef, modules: dict[str, str], returned: dict[tuple[str, str], str]
) -> dict[str, str]:
    """By name in a function, the table whose row it holds."""
    known = [
        (argument.arg, model_in(argument.annotation))
        for argument in (*function.args.args, *function.args.kwonlyargs)
        if argument.annotation is not None
    ]
    for node in ast.walk(function):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            known.append((node.target.id, model_in(node.annotation)))
        elif isinstance(node, ast.Assign):
            pairs = [pair for target in node.targets for pair in zip_names(target, node.value)]
            known += [(name, made_by(value, modules, returned)) for name, value in pairs]
        elif isinstance(node, ast.For) and isinstance(node.target, ast.Name):
            known.append((node.target.id, made_by(node.iter, modules, returned)))
    return {name: model for name, model in known if model is not None}


def zip_names(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, other in zip(target.elts, value.elts, strict=False):
            yield from zip_names(one, other)


def made_by(value: ast.expr, modules: dict[str, str], returned: dict[tuple[str, str], str]) -> str | None:
    """The table whose row an expression gives: a call of another room's function, or of the session with the table."""
    if not isinstance(value, ast.Call):
        return None
    called = value.func
    if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
        module = modules.get(called.value.id, "")
        if model := returned.get((module, called.attr)):
            return model
        if called.value.id == "tx" and value.args and isinstance(value.args[0], ast.Name):
            return value.args[0].id if value.args[0].id in ROOM_OF else None
    if isinstance(called, ast.Name):
        return returned.get(tuple(modules.get(called.id, "").rpartition(".")[::2]))  # type: ignore[arg-type]
    return None


def assigned(node: ast.AST) -> Iterator[ast.Attribute]:
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    if isinstance(node, ast.AugAssign | ast.AnnAssign):
        targets = [node.target]
    for target in targets:
        for each in ast.walk(target):
            if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store):
                yield each


def test_a_room_assigns_only_to_its_own_rows() -> None:
    faults = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in MODULES
        for line in writes_to_others(parsed(path), path.relative_to(ROOT).parts[0], returned_models())
    ]
    assert not faults, "give the room whose row it is a verb for it"


@pytest.mark.parametrize(
    "body",
    [
        "def f(tx, loan: Loan) -> None:\n    loan.credit_fen += 1",
        "def f(tx, tenant):\n    loan = loans.locked(tx, tenant, 'x')\n    loan.status, other = 'settled', 1",
        "def f(tx, loan: 'Loan | None') -> None:\n    loan.missed_through = 3",
        "def f(tx):\n    for bill in loans.bills_of(tx, 'x'):\n        bill.late_fen = 0",
    ],
)
def test_a_write_to_a_loan_from_payments_is_seen(body: str) -> None:
    source = f"from gateway.loans import service as loans\n{body}\n"
    assert len(list(writes_to_others(ast.parse(source), "payments", returned_models()))) == 1
    assert not list(writes_to_others(ast.parse(source), "loans", returned_models()))
