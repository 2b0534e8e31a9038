"""The page of people: its table of roles is the one by which tokens are made."""

from __future__ import annotations

import re
from pathlib import Path

from gateway.core.roles import ROLE_SCOPES, ROLES

PAGE = Path(__file__).parents[2] / "docs" / "people.md"


def test_the_table_of_roles_is_the_one_that_counts():
    text = PAGE.read_text("utf-8")
    assert tuple(re.findall(r"\w+", text[text.index("| scope |") :].splitlines()[0])[1:]) == ROLES
    shown = {
        scope: {role for role, cell in zip(ROLES, cells.split("|")[1:], strict=False) if "✓" in cell}
        for scope, cells in re.findall(r"^\| `([a-z:]+)`[^|]*(\|.*)\|$", text, re.M)
    }
    scopes = {scope for held in ROLE_SCOPES.values() for scope in held}
    assert shown == {scope: {role for role in ROLES if scope in ROLE_SCOPES[role]} for scope in scopes}
