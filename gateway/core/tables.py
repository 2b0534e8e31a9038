"""What a command prints: rows as one table for people, or as JSON for programs; the same over all commands."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any


def listed(rows: Sequence[Mapping[str, Any]], *, as_json: bool) -> str:
    """Rows with the same keys, as a JSON array or as a table with a head; no rows are ``[]`` or ``(none)``."""
    if as_json:
        return json.dumps(list(rows), ensure_ascii=False, indent=2)
    if not rows:
        return "(none)"
    names = list(rows[0])
    cells = [names, *([_cell(row[name]) for name in names] for row in rows)]
    widths = [max(_width(line[place]) for line in cells) for place in range(len(names))]
    right = [all(_is_number(row[name]) for row in rows) for name in names]
    return "\n".join("  ".join(map(_padded, line, widths, right)).rstrip() for line in cells)


def reported(report: Mapping[str, Any], *, as_json: bool) -> str:
    """One report, as a JSON object or as a line for each value with its path."""
    if as_json:
        return json.dumps(report, ensure_ascii=False, indent=2)
    return "\n".join(_lines("", report))


def _lines(path: str, value: Any) -> list[str]:
    if isinstance(value, Mapping) and value:
        return [
            line for name, part in value.items() for line in _lines(f"{path}.{name}" if path else name, part)
        ]
    if isinstance(value, list) and any(isinstance(part, (Mapping, list)) for part in value):
        return [line for place, part in enumerate(value) for line in _lines(f"{path}[{place}]", part)]
    return [f"{path}: {_cell(value)}"]


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, (list, Mapping)) and not value):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ",".join(_cell(part) for part in value)
    if isinstance(value, Mapping):
        return " ".join(f"{name}={_cell(part)}" for name, part in value.items())
    return " ".join(str(value).split())


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _width(text: str) -> int:
    """Columns on a terminal: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def _padded(text: str, width: int, right: bool) -> str:
    gap = " " * (width - _width(text))
    return gap + text if right else text + gap
