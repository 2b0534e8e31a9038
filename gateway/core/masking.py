"""How personal data is shown: the one place that masks names, ID numbers, phones and cards, and finds them in text."""

from __future__ import annotations

import re
import unicodedata

from gateway.core.identifiers import resident_id_check_digit

_ALONE = r"(?<![0-9A-Za-z_]){}(?![0-9A-Za-z_])"
_BORN = r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_RESIDENT_ID = re.compile(_ALONE.format(rf"[1-9]\d{{5}}{_BORN}\d{{3}}[\dXx]"))
_MOBILE = re.compile(r"(?:(?<![0-9A-Za-z_])|(?<=%2[Bb]))(?:\+?86[- ]?)?(1[3-9]\d{9})(?![0-9A-Za-z_])")
# UnionPay, Visa, Mastercard, JCB, American Express; not 20…, with which order numbers begin.
_CARD = re.compile(_ALONE.format(r"(?:4\d|5[1-5]|6[0256]|3[457])\d\d(?:[ -]?\d{4}){2,3}[ -]?\d{1,4}"))

_EMAIL = re.compile(r"([\w.+-])[\w.+-]*@((?:[\w-]+\.)+\w+)")
_NAMED_SECRET = re.compile(
    r"""((?:pass(?:word|wd|code)?|pwd|secret|token|api[_-]?key|authorization|cookie|session(?:id)?|signature|credential)
    \w*["']?\s*[:=]\s*["']?(?:(?:bearer|basic|dpop)\s+)?)[^\s"'&,;<>]+""",
    re.IGNORECASE | re.VERBOSE,
)
_SCHEME = re.compile(r"\b(Bearer|Basic|DPoP)\s+[^\s\"'&,;<>]{8,}", re.IGNORECASE)
_RANDOM = re.compile(r"[A-Za-z0-9_~+/.-]{24,}={0,2}")
HIDDEN = "[…]"


def mask_resident_id(number: str) -> str:
    """``110105********002X``."""
    return number[:6] + "*" * (len(number) - 10) + number[-4:]


def mask_phone(phone: str) -> str:
    """``138****8000``."""
    digits = phone.removeprefix("+86")
    return digits[:3] + "****" + digits[-4:]


def mask_name(name: str) -> str:
    """The family name and asterisks."""
    return name[:1] + "*" * max(1, len(name) - 1)


def mask_card(number: str) -> str:
    """``6222********0128``: the first and the last four digits."""
    digits = "".join(char for char in number if char.isdigit())
    return digits[:4] + "*" * (len(digits) - 8) + digits[-4:]


def redacted(text: str) -> str:
    """``text`` with every ID number, mobile number and card number in it masked. Names cannot be told from words."""
    text = _RESIDENT_ID.sub(lambda found: mask_resident_id(found[0]), text)
    text = _CARD.sub(lambda found: mask_card(found[0]) if _is_card(found[0]) else found[0], text)
    return _MOBILE.sub(lambda found: mask_phone(found[1]), text)


def redacted_answer(text: str) -> str:
    """What somebody else's server said, without what it should not have said: e-mail addresses and secrets are masked,
    too. A secret is what follows a word such as ``token`` or ``Bearer``, and what looks drawn at random."""
    text = _NAMED_SECRET.sub(lambda found: found[1] + HIDDEN, redacted(text))
    text = _SCHEME.sub(lambda found: f"{found[1]} {HIDDEN}", text)
    text = _EMAIL.sub(lambda found: f"{found[1]}***@{found[2]}", text)
    return _RANDOM.sub(lambda found: HIDDEN if _is_random(found[0]) else found[0], text)


def _is_random(word: str) -> bool:
    """Digits among letters, and less than half of it words or figures, unlike ``/srv/app/v1/handlers/webhooks.py``."""
    runs = re.findall(r"[A-Z]?[a-z]{4,}|[0-9_.+/-]{16,}", word)
    return any(char.isdigit() for char in word) and sum(map(len, runs)) < len(word) / 2


def holds_personal_number(text: str) -> bool:
    """Whether ``text`` holds an ID number or a card with a right check digit, or what can only be a mobile number."""
    return (
        any(_is_resident_id(found[0]) for found in _RESIDENT_ID.finditer(text))
        or any(_is_card(found[0]) for found in _CARD.finditer(text))
        or _MOBILE.search(text) is not None
    )


def is_resident_id(text: str) -> bool:
    """Whether ``text`` is nothing but an ID number, however it is spaced and whatever the width of its digits."""
    number = unicodedata.normalize("NFKC", re.sub(r"[\s-]", "", text))
    return _RESIDENT_ID.fullmatch(number) is not None and _is_resident_id(number)


def _is_resident_id(number: str) -> bool:
    return resident_id_check_digit(number[:17]) == number[17].upper()


def _is_card(number: str) -> bool:
    """Luhn's check."""
    digits = [int(char) for char in reversed(number) if char.isdigit()]
    doubled = [digit if at % 2 == 0 else sum(divmod(digit * 2, 10)) for at, digit in enumerate(digits)]
    return sum(doubled) % 10 == 0
