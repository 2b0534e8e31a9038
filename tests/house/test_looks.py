"""One token file and one set of components: ``gateway/web/static/fenqi.css``.

Its first two parts are copied into the style sheets of what is served elsewhere. Every other rule says ``var(--…)``
for a colour, a text size or a corner. A brand may give tokens other values in a block of its own. The snippet is not
held to it: it stands in other people's pages and takes their font and colours.

``python tests/house/test_looks.py`` writes the copies.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = "gateway/web/static/fenqi.css"
TOKENS, COMPONENTS = "tokens", "components"
COPIES = {
    "merchant_portal/static/portal.css": (TOKENS, COMPONENTS),
    "gateway/institution/fake_bank/templates/style.css": (TOKENS, COMPONENTS),
    "examples/phones/static/shop.css": (TOKENS,),
    "gateway/web/static/busy.css": (TOKENS,),
}
SHEETS = (SOURCE, *COPIES, "gateway/web/static/reference.css")
TEMPLATES = {
    SOURCE: ("gateway/*/templates", "merchant_portal/templates"),
    "merchant_portal/static/portal.css": ("merchant_portal/templates",),
    "gateway/institution/fake_bank/templates/style.css": ("gateway/institution/fake_bank/templates",),
    "examples/phones/static/shop.css": ("examples/phones/templates",),
    "gateway/web/static/busy.css": ("gateway/web/templates",),
    "gateway/web/static/reference.css": ("gateway/web/templates",),
}
COLOUR = re.compile(
    r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl|oklch|lab)a?\(|:\s*(?:white|black|red|green|blue|gray|grey)\b"
)
SIZE = re.compile(r"(?:font-size|border-radius): [\d.]+(?:px|rem|pt)|font: [\d.]+px")
SPACE = re.compile(r"(?<![\w-])(?:padding|margin|gap)(?:-\w+)*: ([^;}]+)")
STEPS = {0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 18, 20, 22, 24, 28, 32, 36, 40, 48, 56}
"""Pixels of inner and outer distances; what is wider is a matter of a page."""
SAID_BY_CODE = {"due", "captured", "completed", "overdue", "authorized", "partially_captured", "post"}
"""States that are worked out, not stored, and the method of a request in the API reference."""
BRAND = re.compile(r"/\* brand .*?/\* end of brand \*/\n", re.S)
GENERATED = re.compile(r"(?s)/\* generated: .*?/\* end of generated \*/\n")


def part(name: str) -> str:
    """One part of the source."""
    text = (ROOT / SOURCE).read_text("utf-8")
    return text[
        text.index(f"/* {name}") : text.index(f"/* end of {name} */\n") + len(f"/* end of {name} */\n")
    ]


def copied(sheet: str) -> str:
    """The copy that stands at the head of a sheet."""
    names = COPIES[sheet]
    parts = "".join(part(name) for name in names)
    return f"/* generated: {' and '.join(names)} of {SOURCE} */\n{parts}/* end of generated */\n"


def own(sheet: str) -> str:
    """What a sheet says itself, without tokens, copies and its brand."""
    text = (ROOT / sheet).read_text("utf-8")
    text = text.replace(part(TOKENS), "") if sheet == SOURCE else GENERATED.sub("", text)
    return BRAND.sub("", text)


@pytest.mark.parametrize("sheet", COPIES)
def test_a_copy_is_the_source(sheet):
    text = (ROOT / sheet).read_text("utf-8")
    assert copied(sheet) in text, "run: python tests/house/test_looks.py"


@pytest.mark.parametrize("sheet", SHEETS)
def test_no_sheet_says_a_colour_a_text_size_or_a_corner_itself(sheet):
    for number, line in enumerate(own(sheet).splitlines(), 1):
        for pattern, better in ((COLOUR, "a colour"), (SIZE, "a size")):
            found = pattern.search(line)
            assert not found, f"{sheet}: {found[0]!r} in own line {number}: {better} is a token"


@pytest.mark.parametrize("sheet", SHEETS)
def test_distances_are_steps_of_one_scale(sheet):
    for said in SPACE.findall(own(sheet)):
        for number in re.findall(r"(?<![\w.(-])-?(\d+)px", re.sub(r"(?:max|calc|min)\(.*?\)\)?", "", said)):
            assert int(number) in STEPS, f"{sheet}: {said} has {number}px, which is no step"


@pytest.mark.parametrize("sheet", SHEETS)
def test_a_brand_only_gives_tokens_other_values(sheet):
    tokens = set(re.findall(r"(--[\w-]+):", part(TOKENS)))
    for block in BRAND.findall((ROOT / sheet).read_text("utf-8")):
        rules = re.sub(r"/\*.*?\*/|\(prefers-color-scheme: dark\)", "", block)
        assert set(re.findall(r"([\w-]+): ", rules)) <= tokens


@pytest.mark.parametrize("sheet", SHEETS)
def test_every_token_that_is_used_exists(sheet):
    tokens = set(re.findall(r"(--[\w-]+):", part(TOKENS)))
    assert set(re.findall(r"var\((--[\w-]+)", (ROOT / sheet).read_text("utf-8"))) <= tokens


def said_in(folders: tuple[str, ...]) -> str:
    """All templates and scripts of a place, with the Python that names classes."""
    files = [file for folder in folders for found in ROOT.glob(folder) for file in found.rglob("*.html")]
    files += ROOT.glob("gateway/web/static/*.js")
    return "\n".join(file.read_text("utf-8") for file in files)


def states() -> set[str]:
    """Every value that a column of a status may have: templates take them as class names."""
    from tests.house.kinds_of_code import allowed  # noqa: PLC0415

    tables = ("loan", "payout", "refund", "dispute", "milestone", "complaint")
    found: set[str] = set()
    for table in tables:
        found |= set(allowed(table, "status"))
    return found | SAID_BY_CODE


@pytest.mark.parametrize("sheet", SHEETS)
def test_no_selector_is_left_that_nobody_uses(sheet):
    words = said_in(TEMPLATES[sheet])
    used, known = set(re.findall(r"[\w-]+", words)), states()
    for selector in re.findall(r"([^{}]+)\{", re.sub(r"(?s)/\*.*?\*/|url\([^)]*\)", "", own(sheet))):
        for name in re.findall(r"[.#]([a-zA-Z][\w-]*)", selector):
            assert name in used | known, f"{sheet}: nothing on a page is {name!r}"


def main() -> None:
    """Write the copies."""
    for sheet in COPIES:
        file = ROOT / sheet
        text = file.read_text("utf-8")
        rest = GENERATED.sub("", text)
        file.write_text(copied(sheet) + rest, "utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
