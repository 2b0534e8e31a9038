"""The prose of the product is plain international English, and its Chinese is that of the trade.

Each pattern is a habit that native readers stumbled over; where one is found, the sentence says it another way:
"again", "is not a valid port", "people who have none", "after this number of days".
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from gateway.checkout import agreements

ROOT = Path(__file__).parents[2]
PRODUCT = ("gateway", "merchant_portal", "scoring", "sdk/python/src", "examples", "supply")
KINDS = (".py", ".html")
PAGES = ("README.md", "SECURITY.md", "CONTRIBUTING.md", "sdk/python/README.md", "sdk/js-snippet/README.md")

ELSEWHERE = ("gateway/db/", "gateway/oauth/", "gateway/web/")
"""Comments and docstrings of these are not read here; their messages are, by ``MESSAGES``."""
UNREAD_PAGES = ("docs/performance.md", "docs/reliability.md", "docs/planted-bugs.md")

HABITS = {
    "anew: again, recreate, recompute": r"\banew\b",
    "is no X: is not a X": r"(?<!there )\b(?:is|are|was|were) no (?!longer\b|more\b|further\b|less\b)[a-z]",
    "so many Xs: n Xs, this number of Xs": r"(?<!are )\bso many [a-z]+s\b",
    "for who does: for people who do": r"\b(?:for|from|by|to|of) who (?!you are|they are|in |did )[a-z]+",
    "Who has X: people who have X": r"(?:^|[.;:] )who (?:comes|claims|gives|has|lacks|looks|shares|wants)\b",
    "of no matter, at nought": r"\bof no matter\b|\bat nought\b|\bno matter of\b",
    "has not got yet: does not have yet": r"\bhas not got\b",
    "Saying it again changes nothing: Idempotent": r"\bSaying it again\b",
}
MESSAGES = {
    "want X: expected X": r"""(?:Error|Setting|Acceptable)\(\s*f?["']want """,
    "is not right: is not valid, incorrect": r"\"[^\"\n]*\b(?:is|was) not right\b",
    "not one of ours: not valid": r"\bnot one of ours\b",
}
SHOPPERS = (
    "gateway/checkout/locales/zh-CN.json",
    "gateway/web/locales/zh-CN.json",
    "gateway/web/templates/busy.html",
    "sdk/js-snippet/src/catalog.ts",
    "scoring/rules.py",
    "gateway/decision/reasons.py",
    "gateway/payments/quotas.py",
)
"""What shoppers read in Chinese, besides the agreements and the example shop."""
FOR_SHOPPERS = "网关|商户|贷款机构|贷款人|费用明示(?!表)|模拟器|占用本金"
FOR_MERCHANTS = "网关|第二重验证|可付款|付款指令|结账单|商家后台"


def lines_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def sources() -> list[Path]:
    return [
        path
        for room in PRODUCT
        for path in sorted((ROOT / room).rglob("*"))
        if path.suffix in KINDS and "node_modules" not in path.parts
    ]


def pages() -> list[Path]:
    found = [*(ROOT / name for name in PAGES), *sorted((ROOT / "docs").rglob("*.md"))]
    return [path for path in found if path.relative_to(ROOT).as_posix() not in UNREAD_PAGES]


def met(paths: list[Path], habits: dict[str, str]) -> list[str]:
    """File, line and habit of each place, the way an editor opens it."""
    found = []
    for path in paths:
        text = lines_of(path)
        for name, pattern in habits.items():
            for place in re.finditer(pattern, text, re.IGNORECASE | re.MULTILINE):
                line = text.count("\n", 0, place.start()) + 1
                found.append(f"{path.relative_to(ROOT)}:{line}: {place[0]!r} ({name})")
    return found


def test_docs_and_docstrings_are_plain_english() -> None:
    read = [path for path in sources() if not path.relative_to(ROOT).as_posix().startswith(ELSEWHERE)]
    assert len(read) > 300
    assert met([*read, *pages()], HABITS) == []


def test_messages_say_what_is_wrong_in_plain_english() -> None:
    assert met(sources(), MESSAGES) == []


def test_english_words_of_the_pages_are_plain_and_of_one_spelling() -> None:
    words = [path for path in ROOT.glob("*/**/locales/en.json") if "node_modules" not in path.parts]
    assert len(words) == 11
    assert (
        met(words, {**HABITS, "authorize, canceled: authorise, cancelled": r": .*(?:authoriz|canceled\b)"})
        == []
    )


def test_shoppers_read_of_shops_and_lenders_and_of_no_gateway() -> None:
    texts = {name: lines_of(ROOT / name) for name in SHOPPERS}
    texts |= {path.name: lines_of(path) for path in (ROOT / "examples/phones/templates").glob("*.html")}
    for kind in agreements.KINDS:
        texts[kind] = agreements.text(kind, agreements.current(kind), "zh-CN")
    assert {name: found for name, text in texts.items() if (found := re.findall(FOR_SHOPPERS, text))} == {}


@pytest.mark.parametrize("room", ["gateway/oauth", "gateway/team", "merchant_portal"])
def test_merchants_read_one_word_for_each_thing(room: str) -> None:
    words = json.loads(lines_of(ROOT / room / "locales/zh-CN.json"))
    assert {key: word for key, word in words.items() if re.search(FOR_MERCHANTS, word)} == {}


@pytest.mark.parametrize(
    ("sentence", "plain"),
    [
        ("There is no merchant.", True),
        ("It is no longer valid.", True),
        ("It is no port.", False),
        ("All keys are made anew.", False),
        ("Released after so many days.", False),
        ("There are so many ID numbers.", True),
        ("A page for who administers a team.", False),
        ("A proof of who you are.", True),
        ("Who has none is refused.", False),
        ("People who have none are refused.", True),
    ],
)
def test_habits_are_told_from_plain_english(sentence: str, plain: bool) -> None:
    hit = any(re.search(pattern, sentence, re.IGNORECASE | re.MULTILINE) for pattern in HABITS.values())
    assert hit is not plain
