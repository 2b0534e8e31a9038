"""Passwords that are among the first to be guessed: those of a list of leaked ones, and what is made of them.

The list lies beside this module, with its source and licence; nobody is asked.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("common_passwords.txt")
OURS = frozenset(
    {
        "fenqi",
        "woaini",
        "woaini1314",
        "5201314",
        "1314520",
        "iloveyou1314",
        "admin123",
        "zhongguo",
        "administrator",
        "correcthorsebatterystaple",
    }
)
"""What the list, which comes from elsewhere, lacks."""
RUNS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890123456789",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn",
    "!@#$%^&*()_+",
)
LEET = str.maketrans("@4301$5!7", "aaeoissit")
YEAR = re.compile(r"[\W_]*\d{0,4}[\W_]*$")
"""What is hung on a word so that it has a digit and a mark: ``@2026``, ``2026!!!``."""
MOST_ADDED = 4
"""How many characters before or after a common password are guessed with it."""


def is_common(password: str) -> bool:
    """Whether the password is a common one, or one that is repeated, run through, disguised or added to."""
    plain = unicodedata.normalize("NFKC", password).casefold()
    return any(_is_made_of_one(form) for form in {plain, plain.translate(LEET), plain[::-1]})


def _is_made_of_one(form: str) -> bool:
    if len(set(form)) <= 4 or _is_guessed(form) or _is_run(form):
        return True
    pieces = [piece for piece in re.split(r"[\W_]+", form) if piece]
    if len(pieces) <= 2 and len("".join(pieces)) >= 4 and all(_is_guessed(piece) for piece in pieces):
        return True
    cores = {
        form[start : len(form) - end]
        for start in range(MOST_ADDED + 1)
        for end in range(MOST_ADDED + 1 - start)
        if len(form) - start - end >= 4
    }
    cores.add(YEAR.sub("", form, count=1))
    return any(_is_guessed(core) or _is_repeated(core) or _is_run(core) for core in cores) or _is_two(form)


def _is_guessed(text: str) -> bool:
    return text in _common() or text in OURS or (len(text) < 4 and text.isdigit())


def _is_two(form: str) -> bool:
    """Letters and digits, each of them common: ``dragon12345678``."""
    parts = re.fullmatch(r"([a-z]+)\W?([0-9]+)\W*|([0-9]+)\W?([a-z]+)\W*", form)
    if parts is None:
        return False
    return all(_is_guessed(part) or _is_run(part) or _is_repeated(part) for part in parts.groups() if part)


def _is_repeated(text: str) -> bool:
    """Whether a short or common piece is said again and again."""
    again = re.fullmatch(r"(.+?)\1+", text)
    return again is not None and (len(again[1]) <= 4 or _is_guessed(again[1]))


def _is_run(text: str) -> bool:
    return len(text) >= 4 and any(text in run or text in run[::-1] for run in RUNS)


@cache
def _common() -> frozenset[str]:
    lines = FILE.read_text("ascii").splitlines()
    return frozenset(line for line in lines if not line.startswith("# ") and line != "#")
