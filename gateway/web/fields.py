"""Marshmallow fields that take exactly what the contract says: no text for a number, no 1.0, no true, no NUL."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from gateway.core import return_address
from gateway.core.masking import holds_person_or_phone, holds_personal_number, holds_resident_id
from gateway.web.bodies import Upload

MAX_INT = 2**63 - 1
DIGEST = re.compile(r"^[0-9a-f]{64}$")
NOT_PERSONAL = "Must not contain an ID number, a mobile number or a card number."


class Strict(Schema):
    """Base of everything that comes in: unknown fields are refused by name."""

    class Meta:
        unknown = RAISE

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        """What is shown is nearly always a dict, of which nothing need be tried."""
        return obj.get(attr, default) if type(obj) is dict else super().get_attribute(obj, attr, default)


class WholeNumber(fields.Integer):
    """A JSON integer within bounds; refuses 1.0, true, "1000" and whatever does not fit 64 bits."""

    wrong_type = "Must be a whole number without quotes, such as 599900."

    def __init__(self, *, low: int = 0, high: int = MAX_INT, **kwargs: Any) -> None:
        super().__init__(strict=True, **kwargs)
        self.low, self.high = low, high
        self.metadata = {"minimum": low, "maximum": high, **self.metadata}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if type(value) is not int:
            raise ValidationError(self.wrong_type)
        if not self.low <= value <= self.high:
            raise ValidationError(f"Must be from {self.low} to {self.high}.")
        return value


class Fen(WholeNumber):
    """Money in fen (100 fen = 1 yuan): a positive integer unless ``low`` says otherwise."""

    wrong_type = "Must be a whole number of fen without quotes: 599900 is 5,999.00 yuan."

    def __init__(self, *, low: int = 1, high: int = MAX_INT, **kwargs: Any) -> None:
        super().__init__(low=low, high=high, **kwargs)


class QueryNumber(fields.Field[int]):
    """A whole number written in a query string: ASCII digits only."""

    def __init__(self, *, low: int = 0, high: int = MAX_INT, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.low, self.high = low, high
        self.metadata = {"type": "integer", "minimum": low, "maximum": high, **self.metadata}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if type(value) is int:
            number = value
        elif isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 19:
            number = int(value)
        else:
            raise ValidationError("Must be a whole number, digits only.")
        if not self.low <= number <= self.high:
            raise ValidationError(f"Must be from {self.low} to {self.high}.")
        return number


class Line(fields.String):
    """One line of text: trimmed, NFC, no control characters, of bounded length.

    A personal number in it is refused, for it does not belong with us, unless the field is for one (``personal``).
    """

    holds_personal = staticmethod(holds_personal_number)

    def __init__(
        self,
        *,
        longest: int = 200,
        shortest: int = 1,
        pattern: str | None = None,
        personal: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.longest, self.shortest, self.personal = longest, shortest, personal
        self.pattern = re.compile(pattern) if pattern else None
        self.metadata = {"minLength": shortest, "maxLength": longest, **self.metadata}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError("Must be text.")
        text = unicodedata.normalize("NFC", value.strip())
        if any(unicodedata.category(char) in ("Cc", "Cs") for char in text):
            raise ValidationError("Must not contain control characters.")
        if not self.shortest <= len(text) <= self.longest:
            raise ValidationError(f"Must be {self.shortest} to {self.longest} characters long.")
        if self.pattern and not self.pattern.fullmatch(text):
            raise ValidationError("Contains characters that are not allowed here.")
        if not self.personal and self._is_personal(text, data):
            raise ValidationError(NOT_PERSONAL)
        return text

    def _is_personal(self, text: str, _: Any) -> bool:
        return bool(self.holds_personal(text))


class Reference(Line):
    """What a shop or a carrier calls something, often in digits alone, which may look like a phone's or a card's."""

    holds_personal = staticmethod(holds_resident_id)


class SerialNumber(Line):
    """What the maker calls one piece; full-width characters become plain ones. Never an ID number."""

    holds_personal = staticmethod(holds_resident_id)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(longest=64, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return unicodedata.normalize("NFKC", super()._deserialize(value, attr, data, **kwargs))


class Digest(Line):
    """A SHA-256 in hexadecimal; digits among its letters are no personal number."""

    def __init__(self, **kwargs: Any) -> None:
        shape = validate.Regexp(DIGEST, error="Must be a SHA-256: 64 characters of 0-9 and a-f.")
        super().__init__(longest=64, validate=shape, metadata={"example": "0" * 64}, **kwargs)

    def _is_personal(self, text: str, data: Any) -> bool:
        return DIGEST.fullmatch(text) is None and super()._is_personal(text, data)


class Choice(fields.String):
    """One of a fixed list of words."""

    def __init__(self, *choices: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.choices = choices
        self.metadata = {"enum": [*choices, None] if self.allow_none else list(choices), **self.metadata}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str) or value not in self.choices:
            raise ValidationError("Must be one of: " + ", ".join(self.choices) + ".")
        return value


class ReturnAddress(Reference):
    """An absolute http(s) address of the shop in its canonical form (see ``core.return_address``)."""

    holds_personal = staticmethod(lambda text: holds_person_or_phone(unquote_plus(text)))

    def _is_personal(self, text: str, data: Any) -> bool:
        """The order's own number may look like a phone's there as it may in ``merchant_reference``."""
        own = data.get("merchant_reference") if isinstance(data, dict) else None
        if isinstance(own, str) and holds_person_or_phone(own) and not holds_resident_id(unquote_plus(text)):
            text = unquote_plus(text).replace(own, " order ")
        return self.holds_personal(text)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(longest=2000, **kwargs)
        self.metadata = {"format": "uri", **self.metadata}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            return return_address.canonical(text)
        except return_address.NotAnAddress as error:
            raise ValidationError(str(error)) from None


class UploadedFile(fields.Field[Upload]):
    """A file of a form, with a name that holds no personal number."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.metadata = {"type": "string", "contentMediaType": "application/octet-stream", **self.metadata}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Upload:
        if not isinstance(value, Upload):
            raise ValidationError("Must be a file of the form, with a name.")
        value.name = str(Line(longest=200).deserialize(value.name))
        return value


class Metadata(fields.Field[dict[str, str]]):
    """Up to 50 pairs of text: keys to 40 characters, values to 500; nothing that identifies a person."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.metadata = {
            "type": "object",
            "additionalProperties": {"type": "string", "maxLength": 500},
            "maxProperties": 50,
            **self.metadata,
        }
        self._key, self._value = Line(longest=40), Line(longest=500, shortest=0)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return value or {}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[str, str]:
        if not isinstance(value, dict):
            raise ValidationError("Must be an object whose values are strings.")
        if len(value) > 50:
            raise ValidationError("Must have at most 50 pairs.")
        return {
            str(self._key.deserialize(key)): str(self._value.deserialize(text)) for key, text in value.items()
        }


class CalendarDay(fields.Date):
    """A calendar date (Asia/Shanghai) such as 2026-11-23."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="iso", **kwargs)


class Moment(fields.Field[datetime]):
    """RFC 3339 time in UTC, such as 2026-11-23T12:00:00.000Z."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.metadata = {"type": "string", "format": "date-time", **self.metadata}

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        if value is None:
            return None
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        try:
            moment = datetime.fromisoformat(value) if isinstance(value, str) and len(value) <= 40 else None
            if moment is not None and moment.tzinfo is not None:
                return moment.astimezone(UTC)
        except (ValueError, OverflowError):  # no such time, or none in UTC
            pass
        raise ValidationError("Must be a time with a time zone, such as 2026-11-23T12:00:00Z.")


class AsStored(fields.Nested):
    """A nested object that is kept in the very shape of the answer: documented by its schema, passed on as it is.

    Dumping four plans row by row through their schema would cost a fifth of creating a checkout.
    """

    # Nested names its first argument differently from Field, so no signature fits both.
    def _serialize(self, nested_obj: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        return nested_obj
