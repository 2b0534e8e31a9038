"""How personal data is shown: the one place that masks names, ID numbers, phones and cards, and finds them in text."""

from __future__ import annotations

import re
import unicodedata

from gateway.core.identifiers import resident_id_check_digit

_ALONE = r"(?<![0-9A-Za-z_]){}(?![0-9A-Za-z_])"
_BORN = r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
# Provinces, and what foreigners' cards begin with; not 20…, so that a shop may number its orders by date and time.
_PLACE = r"(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]|9\d)\d{4}"
_RESIDENT_ID = re.compile(_ALONE.format(rf"{_PLACE}{_BORN}\d{{3}}[\dXx]"))
_MOBILE = re.compile(r"(?:(?<![0-9A-Za-z_])|(?<=%2[Bb]))(?:(?:\+|00)?86[- ]?)?(1[3-9]\d{9})(?![0-9A-Za-z_])")
# UnionPay, Visa, Mastercard, JCB, American Express; not 20…, with which order numbers begin.
_ISSUER = r"(?:4\d|5[1-5]|6[0256]|3[457])"
_CARD = re.compile(_ALONE.format(_ISSUER + r"\d\d(?:[ -]?\d{4}){2,3}[ -]?\d{1,4}"))
_FEWEST = 11
"""Digits of the shortest personal number."""
_DIGIT = re.compile("[0-9]")
_BETWEEN = re.compile(r"[\s!-/:-@\[-`{-~]+")
# In plain digits, with a space wherever something stood between two of them; looked for from every place.
_ANY_RESIDENT_ID = re.compile(r"(?<![0-9])(?=([1-9](?: ?[0-9]){16} ?[0-9Xx])(?![0-9]))")
_ANY_CARD = re.compile(
    rf"(?<![0-9A-Za-z])(?=({_ISSUER}\d\d(?: ?\d{{4}}){{2,3}} ?\d{{1,4}}|[3-6](?: \d){{14,18}})(?![0-9A-Za-z]))"
)
_ANY_MOBILE = re.compile(
    r"(?<![0-9A-Za-z])(?:(?:00)? ?86 ?)?"
    r"1[3-9](?:\d{9}|\d \d{4} ?\d{4}|\d{5} \d{4}|\d \d{3} \d{5}|\d\d \d{4} \d{3}|(?: \d){9})(?![0-9A-Za-z])"
    r"|(?<![0-9A-Za-z])1 [3-9](?: \d){9}(?![0-9A-Za-z])"
)

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
    text = _RESIDENT_ID.sub(lambda match: mask_resident_id(match[0]), text)
    text = _CARD.sub(lambda match: mask_card(match[0]) if _is_card(match[0]) else match[0], text)
    return _MOBILE.sub(lambda match: mask_phone(match[1]), text)


def redacted_answer(text: str) -> str:
    """Mask in what somebody else's server said what it should not have said: e-mail addresses and secrets.

    A secret is what follows a word such as ``token`` or ``Bearer``, and what looks drawn at random.
    """
    text = _NAMED_SECRET.sub(lambda match: match[1] + HIDDEN, redacted(text))
    text = _SCHEME.sub(lambda match: f"{match[1]} {HIDDEN}", text)
    text = _EMAIL.sub(lambda match: f"{match[1]}***@{match[2]}", text)
    return _RANDOM.sub(lambda match: HIDDEN if _is_random(match[0]) else match[0], text)


def _is_random(word: str) -> bool:
    """Digits among letters, and less than half of it words or figures, unlike ``/srv/app/v1/handlers/webhooks.py``."""
    runs = re.findall(r"[A-Z]?[a-z]{4,}|[0-9_.+/-]{16,}", word)
    return any(char.isdigit() for char in word) and sum(map(len, runs)) < len(word) / 2


def holds_personal_number(text: str) -> bool:
    """Whether ``text`` holds an ID number or a card with a right check digit, or what can only be a mobile number.

    However it is spaced or parted, and whatever the width of its digits.
    """
    plain = _plain_digits(text)
    return plain != "" and (_holds_resident_id(plain) or _holds_mobile(plain) or _holds_card(plain))


def holds_person_or_phone(text: str) -> bool:
    """The same without cards: one numeric reference in ten that begins like a card is one by its check digit."""
    plain = _plain_digits(text)
    return plain != "" and (_holds_resident_id(plain) or _holds_mobile(plain))


def holds_resident_id(text: str) -> bool:
    """The same for ID numbers alone: a maker's serial number may have the form of a mobile number or of a card."""
    plain = _plain_digits(text)
    return plain != "" and _holds_resident_id(plain)


def _plain_digits(text: str) -> str:
    """``text`` with plain digits, and one space for whatever stands between them; empty when it has too few digits."""
    if len(text) < _FEWEST:
        return ""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        text = "".join(_plain_character(char) for char in text)
    if len(_DIGIT.findall(text)) < _FEWEST:
        return ""
    return _BETWEEN.sub(" ", text)


def _plain_character(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category[0] in "ZPS":
        return " "
    return "" if category in ("Cf", "Mn") else char  # invisible, or upon the one before


def _holds_resident_id(plain: str) -> bool:
    numbers = (match[1].replace(" ", "") for match in _ANY_RESIDENT_ID.finditer(plain))
    return any(_RESIDENT_ID.fullmatch(number) and _is_resident_id(number) for number in numbers)


def _holds_mobile(plain: str) -> bool:
    return any(_MOBILE.search(match[0].replace(" ", "")) for match in _ANY_MOBILE.finditer(plain))


def _holds_card(plain: str) -> bool:
    return any(_is_card(match[1]) for match in _ANY_CARD.finditer(plain))


def _is_resident_id(number: str) -> bool:
    return resident_id_check_digit(number[:17]) == number[17].upper()


def _is_card(number: str) -> bool:
    """Luhn's check, of a number as long as cards of its kind are: the number of a phone (IMEI, 15 digits) is none."""
    digits = [int(char) for char in reversed(number) if char.isdigit()]
    start = "".join(str(digit) for digit in digits[:-3:-1])
    lengths = (15,) if start in ("34", "37") else (16, 19) if start[0] == "4" else range(16, 20)
    doubled = [digit if at % 2 == 0 else sum(divmod(digit * 2, 10)) for at, digit in enumerate(digits)]
    return len(digits) in lengths and sum(doubled) % 10 == 0
