"""Identifiers: ours (time-sortable), and those of people and phones in mainland China, and their checks."""

from __future__ import annotations

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


class NotAnIdentifier(ValueError):
    """A number of a person or a phone is not well formed; the message says what is wrong."""


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
    """The number, if its form, check digit, place and birth date are right. Raises ``NotAnIdentifier``."""
    from stdnum.cn import ric  # noqa: PLC0415
    from stdnum.exceptions import ValidationError  # noqa: PLC0415

    number = unicodedata.normalize("NFKC", "".join(text.split())).upper()
    if len(number) != 18 or not number.isascii():
        raise NotAnIdentifier("An ID number has 18 characters.")
    try:
        number = ric.validate(number)
        born = ric.get_birth_date(number)
    except ValidationError:
        raise NotAnIdentifier("The ID number is not right: a digit is wrong.") from None
    if born > on or born.year < OLDEST_BIRTH_YEAR:
        raise NotAnIdentifier("The birth date in the ID number is not possible.")
    had_birthday = (on.month, on.day) >= (born.month, born.day)
    return ResidentId(number, born, on.year - born.year - (0 if had_birthday else 1))


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
        raise NotAnIdentifier("This is no mobile number of mainland China.")
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
        raise NotAnIdentifier("The IMEI is not right: a digit is wrong.") from None
