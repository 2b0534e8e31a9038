"""Column types that mean the same on SQLite (STRICT tables) and on PostgreSQL.

SQLite's STRICT tables know only INTEGER, REAL, TEXT, BLOB and ANY, so every type names its SQLite form here and
nowhere else. Times are UTC; on SQLite they are ISO 8601 text of fixed width, which sorts as time does.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import orjson
from sqlalchemy import BigInteger, Date, DateTime, Dialect, Double, LargeBinary, Text
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import Boolean, TypeDecorator, TypeEngine

from gateway.db import packing

Fen = BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
"""Signed 64-bit integer of fen; also serves for other whole numbers."""

Whole = BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
"""Signed 64-bit whole number that is not money."""

Number: TypeEngine[float] = Double().with_variant(sqlite.REAL(), "sqlite")
"""A number of a model, such as a probability; never money."""

Words = Text()
"""Text of any length; length limits are the schema's at the edge."""

Bytes = LargeBinary().with_variant(sqlite.BLOB(), "sqlite")


def _moment_of_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _moment_in_utc(value: datetime | None) -> datetime | None:
    return None if value is None else value.astimezone(UTC)


def _document_of_text(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str) else value


def _unpacked_document(value: Any) -> Any:
    if not isinstance(value, str):
        return value  # short, or of an earlier release
    text = packing.text_of(value)
    return value if text is None else orjson.loads(text)


def _unpacked_words(value: str | None) -> str | None:
    """What is no whole packed text is told as it stands: its hash says that it is not what was written."""
    text = None if value is None else packing.text_of(value)
    return value if text is None else text.decode("utf-8", "replace")


class UtcTime(TypeDecorator[datetime]):
    """Moment in UTC: ``timestamptz`` on PostgreSQL, fixed-width ISO 8601 text on SQLite. Refuses naive values."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a stored time needs a zone, got the naive {value!r}")
        moment = value.astimezone(UTC)
        if dialect.name == "sqlite":
            return f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
        return moment

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        """A plain function: the layers of a type decorator cost more than the reading."""
        return _moment_of_text if dialect.name == "sqlite" else _moment_in_utc


class Day(TypeDecorator[date]):
    """Calendar date in Asia/Shanghai: ``date`` on PostgreSQL, ISO 8601 text on SQLite."""

    impl = Date
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else Date())

    def process_bind_param(self, value: date | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        return value.isoformat() if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> date | None:
        return date.fromisoformat(value) if isinstance(value, str) else value


class Document(TypeDecorator[Any]):
    """JSON document: ``jsonb`` on PostgreSQL, canonical text on SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else JSONB())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """A plain function; PostgreSQL's driver reads JSON itself."""
        return _document_of_text if dialect.name == "sqlite" else None


class Packed(Document):
    """A document that resembles its like: on PostgreSQL it is kept packed, as a JSON string (see ``packing``)."""

    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        if value is None or dialect.name == "sqlite":
            return super().process_bind_param(value, dialect)
        try:
            text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        except TypeError:  # whole numbers of more than 64 bits
            return value
        return value if len(text) < packing.LEAST else packing.packed_text(text)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """A plain function; PostgreSQL's driver has read the JSON string."""
        return _document_of_text if dialect.name == "sqlite" else _unpacked_document


class PackedWords(TypeDecorator[str]):
    """A long text that resembles its like: on PostgreSQL it is kept packed."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or dialect.name == "sqlite":
            return value
        return packing.packed_text(value.encode())

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], str | None] | None:
        return None if dialect.name == "sqlite" else _unpacked_words


class PackedBytes(TypeDecorator[bytes]):
    """Bytes that resemble their like: on PostgreSQL they are kept packed."""

    impl = Bytes
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        return value if value is None or dialect.name == "sqlite" else packing.packed_bytes(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> bytes | None:
        return value if value is None or dialect.name == "sqlite" else packing.bytes_of(bytes(value))


class Flag(TypeDecorator[bool]):
    """Truth value: ``boolean`` on PostgreSQL, INTEGER 0 or 1 on SQLite."""

    impl = Boolean
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(sqlite.INTEGER() if dialect.name == "sqlite" else Boolean())

    def process_bind_param(self, value: bool | None, dialect: Dialect) -> Any:
        return int(value) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> bool | None:
        return None if value is None else bool(value)
