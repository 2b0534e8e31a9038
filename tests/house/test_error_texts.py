"""Error texts are sentences: no ending is glued to a word that is put in."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import errors
from tests.house.sources import parsed
from tests.one_database import database_url  # noqa: F401

ROOT = Path(__file__).parents[2]
KINDS = {
    name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)
}
PRODUCTS = ("gateway", "merchant_portal", "sdk/python/src", "examples")
GLUE = re.compile(r"\x00[a-z]|[a-z]\x00")
"""A letter right beside a value that is put in: ``{verb}ed``, ``{noun}s``, ``un{word}``."""


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of each message that is given to an exception; what is put in stands as NUL."""
    for node in ast.walk(parsed(path)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name in KINDS or name == "Problem" or name.endswith(("Error", "Exit", "Exception", "Setting")):
            for given in node.args:
                yield from ((given.lineno, text) for text in spelled(given))


def spelled(given: ast.expr) -> Iterator[str]:
    if isinstance(given, ast.Constant) and isinstance(given.value, str):
        yield given.value
    elif isinstance(given, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "\0" for part in given.values)


def glued(text: str) -> bool:
    """Whether an ending hangs on a value."""
    return bool(GLUE.search(text))


def test_no_error_text_glues_an_ending_to_a_word() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text!r}"
        for product in PRODUCTS
        for path in sorted((ROOT / product).rglob("*.py"))
        if "node_modules" not in path.parts
        for line, text in texts(path)
        if glued(text)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("text", "bad"),
    [
        ("that can still be \0\0d.", True),
        ("\0ed", True),
        ("re\0", True),
        ("There is no \0 with the id \0.", False),
        ("no answer within \0 s", False),
        ("`\0`, \0fen", True),
        ("items[\0].\0", False),
        ("\0:\0", False),
    ],
)
def test_glue_is_told_from_grammar(text: str, bad: bool) -> None:
    assert glued(text) is bad


@pytest.mark.parametrize(
    ("verb", "amount", "sentence"),
    [
        ("capture", 599_901, "599901 fen is above the 599900 fen that can still be captured."),
        ("void", 599_901, "599901 fen is above the 599900 fen that can still be voided."),
    ],
)
def test_too_much_is_refused_in_a_sentence(api, verb, amount, sentence) -> None:  # type: ignore[no-untyped-def]
    payment = api.approved()
    body = {"amount": amount, "reason": "too much"} if verb == "void" else {"amount": amount}
    assert api.post(f"/v1/payments/{payment['id']}/{verb}", body).json["detail"] == sentence
