"""Mutants: one small change of a module each, of the kinds that a typing error or a slip of thought makes.

Every comparison, sum, condition, number, word, returned value, call for its effect, ``min`` and ``max`` is a place.
What only a reader or a type checker sees is none: docstrings, annotations, ``Literal[...]`` that nothing reads, the
words of errors and of log lines.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
SUMS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
}
OPPOSITES = {"min": "max", "max": "min", "any": "all", "all": "any"}
WORD = re.compile(r"[a-z][a-z0-9_]*")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
FOR_READERS = ("log", "logging", "warnings")


@dataclass(frozen=True, slots=True)
class Mutant:
    """The change at one place; ``function`` is empty where it takes a new import to be seen."""

    path: str
    number: int
    """Its place among those of the module."""
    line: int
    last_line: int
    function: str
    what: str

    @property
    def name(self) -> str:
        """``gateway/core/money.py:106#12``."""
        return f"{self.path}:{self.line}#{self.number}"


@dataclass(frozen=True, slots=True)
class _Place:
    node: ast.AST
    function: str
    what: str
    change: Callable[[], None]


def of_module(path: Path, root: Path) -> list[Mutant]:
    """All mutants of a module."""
    places = _places(ast.parse(path.read_text(encoding="utf-8")))
    name = str(path.relative_to(root))
    return [
        Mutant(
            name,
            number,
            getattr(place.node, "lineno", 1),
            getattr(place.node, "end_lineno", None) or getattr(place.node, "lineno", 1),
            place.function,
            place.what,
        )
        for number, place in enumerate(places)
    ]


def compiled(mutant: Mutant, root: Path) -> CodeType:
    """The module with the change in it."""
    path = root / mutant.path
    tree = ast.parse(path.read_text(encoding="utf-8"))
    _places(tree)[mutant.number].change()
    return compile(ast.fix_missing_locations(tree), str(path), "exec")


def code_of(module: CodeType, function: str) -> list[CodeType]:
    """The code of a function by its qualified name; more than one where two share the name."""
    found = [module] if module.co_qualname == function else []
    for constant in module.co_consts:
        if isinstance(constant, CodeType):
            found += code_of(constant, function)
    return found


def _places(tree: ast.Module) -> list[_Place]:
    reads_types = any(isinstance(node, ast.Name) and node.id == "get_args" for node in ast.walk(tree))
    return list(_Walk(reads_types=reads_types).body_of(tree, "", ""))


class _Walk:
    """Walks through a module in the order of its text, with the function it is in."""

    def __init__(self, *, reads_types: bool) -> None:
        self._reads_types = reads_types

    def body_of(self, node: ast.AST, function: str, scope: str) -> Iterator[_Place]:
        """Places in the statements of a module, class or function."""
        for name in ("body", "orelse", "finalbody"):
            statements = getattr(node, name, [])
            for index, statement in enumerate(statements if isinstance(statements, list) else []):
                yield from self._statement(statements, index, statement, function, scope)

    def _statement(
        self, among: list[ast.stmt], index: int, node: ast.stmt, function: str, scope: str
    ) -> Iterator[_Place]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for default in [*node.args.defaults, *node.args.kw_defaults]:
                yield from self._expression(default, function)
            inner = f"{scope}{node.name}"
            yield from self.body_of(node, function or inner, f"{inner}.<locals>.")
        elif isinstance(node, ast.ClassDef):
            yield from self.body_of(node, function, f"{scope}{node.name}.")
        elif isinstance(node, ast.Import | ast.ImportFrom | ast.Raise | ast.Assert):
            return
        elif not _is_for_readers(node):
            yield from self._of_statement(among, index, node, function)
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.expr):
                    if not (isinstance(node, ast.AnnAssign) and child is node.annotation):
                        yield from self._expression(child, function)
                elif isinstance(child, ast.withitem):
                    yield from self._expression(child.context_expr, function)
                elif isinstance(child, ast.ExceptHandler | ast.match_case):
                    yield from self.body_of(child, function, scope)
            yield from self.body_of(node, function, scope)

    def _of_statement(
        self, among: list[ast.stmt], index: int, node: ast.stmt, function: str
    ) -> Iterator[_Place]:
        def instead(other: ast.stmt) -> Callable[[], None]:
            return lambda: among.__setitem__(index, ast.copy_location(other, node))

        if function and isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            yield _Place(node, function, f"without {_short(node)}", instead(ast.Pass()))
        elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
            yield _Place(node, function, "returns None", instead(ast.Return(ast.Constant(None))))
        elif isinstance(node, ast.AugAssign):
            yield _Place(node, function, f"without {_short(node)}", instead(ast.Pass()))
            if type(node.op) in SUMS:
                yield _sum(node, function)
        elif isinstance(node, ast.If) and not _is_for_types(node):
            yield _Place(node.test, function, f"if not {_short(node.test)}", lambda: _negate(node))

    def _expression(self, node: ast.AST | None, function: str) -> Iterator[_Place]:
        if node is None or isinstance(node, ast.JoinedStr):
            return
        if _is_a_type(node) and not self._reads_types:
            return
        yield from _of_expression(node, function)
        if isinstance(node, ast.Lambda):
            yield from self._expression(node.body, function)
            return
        for child in ast.iter_child_nodes(node):
            yield from self._expression(child, function)


def _of_expression(node: ast.AST, function: str) -> Iterator[_Place]:
    if isinstance(node, ast.Compare):
        for index, operator in enumerate(node.ops):
            other = COMPARISONS[type(operator)]
            yield _Place(
                node,
                function,
                f"{type(operator).__name__} becomes {other.__name__}",
                lambda index=index, other=other: node.ops.__setitem__(index, other()),  # type: ignore[misc]
            )
    elif isinstance(node, ast.BinOp) and type(node.op) in SUMS:
        yield _sum(node, function)
    elif isinstance(node, ast.BoolOp):
        other_word = ast.Or if isinstance(node.op, ast.And) else ast.And
        what = f"{type(node.op).__name__} becomes {other_word.__name__}"
        yield _Place(node, function, what, lambda: setattr(node, "op", other_word()))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        same = ast.UAdd() if isinstance(node.op, ast.USub) else None
        yield _Place(node, function, f"without {type(node.op).__name__}", lambda: _unsigned(node, same))
    elif isinstance(node, ast.IfExp):
        yield _Place(node, function, f"if not {_short(node.test)}", lambda: _negate(node))
    elif isinstance(node, ast.Name) and node.id in OPPOSITES:
        yield _Place(node, function, f"{node.id} becomes {OPPOSITES[node.id]}", lambda: _rename(node))
    elif isinstance(node, ast.Constant):
        yield from _of_constant(node, function)


def _of_constant(node: ast.Constant, function: str) -> Iterator[_Place]:
    value: Any = node.value
    if isinstance(value, bool):
        other: Any = not value
    elif isinstance(value, int):
        other = value + 1
    elif isinstance(value, str) and WORD.fullmatch(value) and value != "description":
        other = f"{value}_"
    else:
        return
    yield _Place(node, function, f"{value!r} becomes {other!r}", lambda: setattr(node, "value", other))


def _sum(node: ast.BinOp | ast.AugAssign, function: str) -> _Place:
    other = SUMS[type(node.op)]
    what = f"{type(node.op).__name__} becomes {other.__name__}"
    return _Place(node, function, what, lambda: setattr(node, "op", other()))


def _negate(node: ast.If | ast.IfExp) -> None:
    node.test = ast.UnaryOp(ast.Not(), node.test)


def _unsigned(node: ast.UnaryOp, sign: ast.unaryop | None) -> None:
    # Twice "not" keeps the type of an answer.
    node.op, node.operand = (
        (sign, node.operand) if sign else (ast.Not(), ast.UnaryOp(ast.Not(), node.operand))
    )


def _rename(node: ast.Name) -> None:
    node.id = OPPOSITES[node.id]


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_a_type(node: ast.AST) -> bool:
    return isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "Literal"


def _is_for_types(node: ast.If) -> bool:
    return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _is_for_readers(node: ast.stmt) -> bool:
    """Docstrings, log lines, and what is said of a module."""
    if isinstance(node, ast.Expr):
        value = node.value
        if isinstance(value, ast.Constant):
            return True
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
            return isinstance(value.func.value, ast.Name) and value.func.value.id in FOR_READERS
    if isinstance(node, ast.If):
        return _is_for_types(node)
    names = [target.id for target in getattr(node, "targets", ()) if isinstance(target, ast.Name)]
    return any(name.startswith("__") for name in names)


def _short(node: ast.AST) -> str:
    text = ast.unparse(node).replace("\n", " ")
    return text if len(text) <= 60 else f"{text[:57]}..."
