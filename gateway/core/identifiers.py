"""Identifiers: ours (time-sortable), and those of people and phones in mainland China, and their checks."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
RANDOM_BITS = 80
BODY_LENGTH = 26
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECK_DIGITS = "10X98765432"
OLDEST_BIRTH_YEAR = 1900


ID_NUMBER_INVALID = "id_number_invalid"
RESIDENCE_PERMITS = ("810000", "820000", "830000")
"""Places in the numbers of residence permits for people from Hong Kong, Macao and Taiwan."""
PAPERS_NOT_SERVED = {
    "paper_old_id": "an old ID card with 15 digits, which is no longer valid",
    "paper_permanent_residence": "a foreign permanent resident ID card",
    "paper_travel_permit": "a mainland travel permit",
    "paper_passport": "a passport or another identity document",
}
"""Documents that are recognised by the form of their number and cannot be used, by the reason of the refusal."""


class NotAnIdentifier(ValueError):
    """A number of a person or a phone is not well formed; the message says what is wrong, ``reason`` in one word."""

    def __init__(self, message: str, reason: str = ID_NUMBER_INVALID) -> None:
        super().__init__(message)
        self.reason = reason


class IdSource:
    """Mints identifiers: prefix, 48 bits of milliseconds, 80 random bits, in Crockford's base 32 (like a ULID).

    Within a millisecond they still rise, so that the order of one process's identifiers is the order of its facts.
    """

    def __init__(self, unix_ms: Callable[[], int], random_bits: Callable[[int], int]) -> None:
        self._unix_ms = unix_ms
        self._random_bits = random_bits
        self._lock = threading.Lock()
        self._last = 0

    def new(self, prefix: str) -> str:
        """A fresh identifier such as ``pay_01KA…``."""
        with self._lock:
            fresh = (self._unix_ms() << RANDOM_BITS) | self._random_bits(RANDOM_BITS)
            # A step back of the clock, or two calls in one millisecond: stay above the last one, still unguessable.
            if fresh <= self._last:
                fresh = self._last + 1 + self._random_bits(64)
            self._last = fresh
        return f"{prefix}_{_crockford(fresh)}"


def first_id(prefix: str, unix_ms: int) -> str:
    """The least identifier that is minted at this millisecond or later: a bound for those that came before."""
    return f"{prefix}_{_crockford(unix_ms << RANDOM_BITS)}"


_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]
_SHIFTS = range(5 * (BODY_LENGTH - 2), -1, -10)


def _crockford(number: int) -> str:
    # Two digits at a time: a day of many loans spends a seventh of its time here otherwise.
    return "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])


@dataclass(frozen=True, slots=True)
class ResidentId:
    """A checked resident identity number (GB 11643): 18 characters, birth date, age in whole years on the day asked."""

    number: str
    born: date
    age: int


def check_resident_id(text: str, on: date) -> ResidentId:
    """The number of a resident identity card or of a residence permit for people from Hong Kong, Macao or Taiwan.

    Form, check digit, place and birth date must be right. Raises ``NotAnIdentifier``; its ``reason`` names the
    document when the number is that of one that is not served.
    """
    number = plain_id_number(text)
    paper = _paper_not_served(number)
    if paper:
        raise NotAnIdentifier(
            f"This looks like the number of {PAPERS_NOT_SERVED[paper]}: enter the 18 characters of a resident"
            " identity card, or of a residence permit for Hong Kong, Macao or Taiwan residents.",
            paper,
        )
    if not re.fullmatch(r"[0-9]{17}[0-9X]", number):
        raise NotAnIdentifier("An ID number has 18 characters: 17 digits, then a digit or X.")
    if number[17] != resident_id_check_digit(number[:17]) or not _place_is_known(number[:6]):
        raise NotAnIdentifier("The ID number is not valid: check its digits.")
    born = _born(number[6:14])
    if born is None or born > on or born.year < OLDEST_BIRTH_YEAR:
        raise NotAnIdentifier("The birth date in the ID number is not a valid date.")
    had_birthday = (on.month, on.day) >= (born.month, born.day)
    return ResidentId(number, born, on.year - born.year - (0 if had_birthday else 1))


def plain_id_number(text: str) -> str:
    """What was typed or pasted, without spaces, dashes and invisible characters, in half-width capitals."""
    wide = unicodedata.normalize("NFKC", text)
    return "".join(
        char for char in wide if unicodedata.category(char)[0] not in "CZ" and char not in "-‐–"
    ).upper()


def _paper_not_served(number: str) -> str | None:
    """A key of ``PAPERS_NOT_SERVED`` for a number of that form."""
    if re.fullmatch(r"[0-9]{15}", number) and _born("19" + number[6:12]):
        return "paper_old_id"
    # Since 2023 the card of foreign permanent residents has 18 digits that begin with 9.
    if re.fullmatch(r"[A-Z]{3}[0-9]{12}", number) or (
        re.fullmatch(r"9[0-9]{16}[0-9X]", number) and number[17] == resident_id_check_digit(number[:17])
    ):
        return "paper_permanent_residence"
    if re.fullmatch(r"[HM][0-9]{8}(?:[0-9]{2})?|[0-9]{8}", number):
        return "paper_travel_permit"
    if re.fullmatch(r"(?=(?:[A-Z]*[0-9]){4})[A-Z][0-9A-Z]{5,10}(?:\([0-9A-Z]\))?|[0-9]{9}", number):
        return "paper_passport"
    return None


def _place_is_known(place: str) -> bool:
    """Whether a place has or had this number: people who got an ID card late have the place of that day."""
    from stdnum import numdb  # noqa: PLC0415

    return place in RESIDENCE_PERMITS or any(facts for _, facts in numdb.get("cn/loc").info(place))


def _born(digits: str) -> date | None:
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return None


def resident_id_check_digit(stem: str) -> str:
    """The check digit of the first 17 digits (ISO 7064, mod 11-2)."""
    return CHECK_DIGITS[sum(int(digit) * weight for digit, weight in zip(stem, WEIGHTS, strict=True)) % 11]


def check_mobile(text: str) -> str:
    """A mainland mobile number in E.164 (``+8613…``). Raises ``NotAnIdentifier``."""
    digits = unicodedata.normalize("NFKC", "".join(text.split())).replace("-", "").removeprefix("+86")
    if len(digits) != 11 or not digits.isascii() or not digits.isdigit() or digits[0] != "1":
        raise NotAnIdentifier("A mobile number has 11 digits and begins with 1.")
    import phonenumbers  # noqa: PLC0415  (its tables load when first asked)

    number = phonenumbers.parse(digits, "CN")
    kind = phonenumbers.number_type(number)
    mobile = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)
    if not phonenumbers.is_valid_number(number) or kind not in mobile:
        raise NotAnIdentifier("This is not a mainland China mobile number.")
    return "+86" + digits


def check_imei(text: str) -> str:
    """A phone's IMEI: 15 digits with Luhn's check digit, spaces and hyphens left out. Raises ``NotAnIdentifier``."""
    from stdnum import imei  # noqa: PLC0415
    from stdnum.exceptions import ValidationError  # noqa: PLC0415

    digits = unicodedata.normalize("NFKC", "".join(text.split())).replace("-", "")
    if len(digits) != 15 or not digits.isascii() or not digits.isdigit():
        raise NotAnIdentifier("An IMEI has 15 digits.")
    try:
        return str(imei.validate(digits))
    except ValidationError:
        raise NotAnIdentifier("The IMEI is not valid: check its digits.") from None
