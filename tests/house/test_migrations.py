"""From 0034 on a migration builds an index of a table in use online, does nothing else, and says how to go on."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VERSIONS = ROOT / "gateway" / "db" / "migrations" / "versions"
FROM = "0034"
BUILDS = {"create_index", "create_unique_constraint", "create_exclude_constraint"}
IN_SQL = re.compile(r"\bCREATE\s+(?:UNIQUE\s+)?INDEX\b", re.IGNORECASE)
ROLL_FORWARD = re.compile(r"^Roll forward: .{20,}", re.MULTILINE)


def faults(source: str, *, any_age: bool = False) -> list[str]:
    """What is wrong with a migration; of one that was released before the rule only how it goes online."""
    tree = ast.parse(source)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    named = [(ast.unparse(call.func), call) for call in calls]
    new = {ast.unparse(call.args[0]) for name, call in named if name == "op.create_table"}
    told = []
    for name, call in named:
        owner, _, verb = name.rpartition(".")
        if verb in BUILDS and owner not in ("", "online") and not any_age:
            table = ast.unparse(call.args[1]) if owner == "op" and len(call.args) > 1 else ""
            if table not in new:
                told.append(f"line {call.lineno}: online.create_index lets others write meanwhile")
    if not any_age:
        told += [
            f"line {node.lineno}: online.create_index, not SQL"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and IN_SQL.search(str(node.value))
        ]
    if any(name == "online.create_index" for name, _ in named):
        told += [
            f"line {call.lineno}: what stands beside an online index is committed with it: a migration of its own"
            for name, call in named
            if name.startswith("op.")
        ]
        if not ROLL_FORWARD.search(ast.get_docstring(tree) or ""):
            told.append("a line `Roll forward:` says what to do when it stops half way")
    return told


def test_migrations_build_indexes_online() -> None:
    files = sorted(VERSIONS.glob("[0-9]*.py"))
    told = {
        path.name: wrong
        for path in files
        if (wrong := faults(path.read_text("utf-8"), any_age=path.name[:4] < FROM))
    }
    assert len(files) > 30
    assert told == {}


HEAD = '"""Title.\n\nRoll forward: run the migrations again, what is built stays."""\n'


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        (HEAD + 'online.create_index("i", "payment", ["id"])', 0),
        ('op.create_table("t")\nop.create_index("i", "t", ["a"])', 0),
        ('"""Title."""\nonline.create_index("i", "payment", ["id"])', 1),
        (HEAD + 'op.add_column("payment", c)\nonline.create_index("i", "payment", ["id"])', 1),
        ('op.create_index("i", "payment", ["id"])', 1),
        ('for table in T:\n    op.create_index("i", table, ["id"])', 1),
        ('batch.create_unique_constraint("u", ["id"])', 1),
        ('op.execute("create unique index i on payment (id)")', 1),
    ],
)
def test_what_would_block_writers_is_told(source: str, wrong: int) -> None:
    assert len(faults(source)) == wrong
