"""Error texts are whole sentences: none is joined from fragments, and no ending is glued to a word that is put in."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import errors
from gateway.web import i18n
from merchant_portal import wording
from tests.house.sources import nodes
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
    for node in nodes(path):
        if not isinstance(node, ast.Call):
            continue
        name = called(node)
        if name in KINDS or name == "Problem" or name.endswith(("Error", "Exit", "Exception", "Setting")):
            for given in node.args:
                yield from ((given.lineno, text) for text in spelled(given))


def called(call: ast.Call) -> str:
    """The last name of what is called."""
    return str(getattr(call.func, "id", getattr(call.func, "attr", "")))


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


WORDS = re.compile(r"\b(\w+) \1\b", re.IGNORECASE)


def read_aloud(text: str) -> str:
    """What is wrong with a text that is read as a sentence, its values filled in; empty when nothing is."""
    said = text.replace("\0", "12")
    begins_with_value = said[:1].isdigit() or text.startswith(("\0", "--"))
    if not said[:1].isupper() and not begins_with_value:
        return "begins small"
    if not said.endswith((".", "?", "!")):
        return "ends without a full stop"
    if set(said) & set("{}") or "None" in said:
        return "shows what is for programs"
    if twice := WORDS.search(re.sub("12", "", said)):
        return f"says {twice[1]!r} twice"
    return ""


def refusals() -> Iterator[tuple[str, str]]:
    """Every text of an error that a request, a command or a job can meet, with its place."""
    for name in KINDS:
        if detail := vars(getattr(errors, name)).get("detail"):
            yield name, detail
    for path in sorted((ROOT / "gateway").rglob("*.py")):
        for node in nodes(path):
            if isinstance(node, ast.Call) and called(node) in KINDS:
                for given in node.args[:1]:
                    yield from ((f"{path.name}:{given.lineno}", text) for text in spelled(given))


def test_every_error_of_the_tree_is_read_as_a_sentence() -> None:
    texts = list(refusals())
    assert len(texts) > 200
    assert [(where, text, wrong) for where, text in texts if (wrong := read_aloud(text))] == []


def test_every_title_is_a_phrase() -> None:
    titles = [getattr(errors, name).title for name in KINDS]
    assert [one for one in titles if not one[:1].isupper() or one.endswith(".") or WORDS.search(one)] == []


def test_no_error_is_joined_from_fragments_by_code() -> None:
    """A choice between words inside a sentence is two sentences; only lists are joined."""
    joined = [
        f"{path.relative_to(ROOT)}:{given.lineno}"
        for path in sorted((ROOT / "gateway").rglob("*.py"))
        for node in nodes(path)
        if isinstance(node, ast.Call) and called(node) in KINDS
        for given in node.args[:1]
        for part in ast.walk(given)
        if isinstance(part, ast.FormattedValue)
        and any(
            isinstance(choice, ast.IfExp) and isinstance(choice.body, ast.Constant)
            for choice in ast.walk(part.value)
        )
    ]
    assert joined == []


@pytest.mark.parametrize("catalogue", [i18n.catalogue, wording.catalogue])
def test_both_languages_say_the_same_sentence(catalogue) -> None:  # type: ignore[no-untyped-def]
    """The same values are put in, and what is a sentence in one language is one in the other."""
    english, chinese = catalogue("en"), catalogue("zh-CN")
    labels = {"plan.period", "period", "clause.early_settlement", "clause.late_payment", "clause.seven_days"}
    wrong = []
    for key, text in english.items():
        put_in = [
            sorted(name for _, name, _, _ in string.Formatter().parse(words) if name)
            for words in (text, chinese[key])
        ]
        ends = text.endswith(".") == chinese[key].endswith("。") or key in labels
        if put_in[0] != put_in[1] or not ends or WORDS.search(text) or "None" in text:
            wrong.append((key, text, chinese[key]))
    assert english.keys() == chinese.keys()
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "bad"),
    [
        ("There is no payment \0.", False),
        ("\0 fen is above the \0 fen that can still be voided.", False),
        ("there is no payment \0.", True),
        ("There is no payment \0", True),
        ("There is is no payment.", True),
        ("There is no payment {id}.", True),
        ("The payment is None.", True),
    ],
)
def test_a_sentence_is_told_from_a_fragment(text: str, bad: bool) -> None:
    assert bool(read_aloud(text)) is bad


@pytest.mark.parametrize(
    ("verb", "amount", "sentence"),
    [
        ("capture", 599_901, "599901 fen exceeds the 599900 fen that can still be captured."),
        ("void", 599_901, "599901 fen exceeds the 599900 fen that can still be voided."),
    ],
)
def test_too_much_is_refused_in_a_sentence(api, verb, amount, sentence) -> None:  # type: ignore[no-untyped-def]
    payment = api.approved()
    body = {"amount": amount, "reason": "too much"} if verb == "void" else {"amount": amount}
    assert api.post(f"/v1/payments/{payment['id']}/{verb}", body).json["detail"] == sentence
