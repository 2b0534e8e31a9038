"""Rate cards as files: CSV for a spreadsheet, JSON for programs; every refusal names line and column.

A CSV file has one heading row with the names of ``COLUMNS``. A row is a price, or, where ``subsidy_programme`` is
filled in, a programme that the merchant takes part in.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from json import decoder, scanner
from typing import Any

from gateway.errors import ValidationFailed
from gateway.plans.cards.content import (
    NEEDED,
    NUMBERS,
    PRICE_FIELDS,
    PRICES,
    PROGRAMME_FIELDS,
    PROGRAMMES,
    Content,
    Fault,
)

COLUMNS = (*PRICE_FIELDS[:-2], *PROGRAMME_FIELDS)
MOST_BYTES = 1_000_000
WHOLE = re.compile(r"[0-9]{1,12}")
DAYS = ("valid_from", "valid_to")


class Unreadable(ValueError):
    """A file that cannot be read as a card: each of ``faults`` is a place and a sentence."""

    def __init__(self, *faults: tuple[str, str]) -> None:
        self.faults = faults
        super().__init__("; ".join(f"{place}: {says}" for place, says in faults))


@dataclass
class Read:
    """What a file says, and where in it each row and field stands."""

    content: Content
    places: dict[str, str] = field(default_factory=dict)
    """By ``Fault.param`` of a field, of a row (without field) and of a part, words for its line and column."""

    def place(self, param: str) -> str:
        """Where a field stands, or its part where that has no row."""
        return self.places.get(param, self.places[PRICES])


def read(name: str, content: bytes) -> Read:
    """The card in a file, by the ending of its name: ``.csv`` or ``.json``. Raises ``Unreadable``."""
    if not name.lower().endswith((".csv", ".json")):
        raise Unreadable(("name", "The name must end in .csv or .json."))
    if len(content) > MOST_BYTES:
        raise Unreadable(("size", f"The file must have {MOST_BYTES} bytes at most."))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = _position(content[: error.start].decode("utf-8-sig", "replace"))
        raise Unreadable((f"line {line}, column {column}", "The file must be UTF-8: save it so.")) from None
    return _read_json(text) if name.lower().endswith(".json") else _read_csv(text)


def csv_text(content: Content) -> str:
    """A card as CSV, which ``read`` takes back unchanged."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    for row in (*content.prices, *content.programmes):
        writer.writerow({name: "" if value is None else value for name, value in row.items()})
    return out.getvalue()


def json_text(content: Content) -> str:
    """A card as JSON, which ``read`` takes back unchanged."""
    card = {PRICES: list(content.prices), PROGRAMMES: list(content.programmes)}
    return json.dumps(card, ensure_ascii=False, indent=2) + "\n"


def checked(part: str, number: int, given: dict[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    """A row with all its fields, and what of them cannot be read; ``given`` has the types of JSON."""
    fields = PRICE_FIELDS if part == PRICES else PROGRAMME_FIELDS
    needed = NEEDED if part == PRICES else ("subsidy_programme",)
    row: dict[str, Any] = dict.fromkeys(fields)
    found = [
        Fault(part, number, name, f"There is no field {name!r}: known are {', '.join(fields)}.")
        for name in given
        if name not in fields
    ]
    for name in fields:
        value = given.get(name)
        if value is None:
            if name in needed:
                found.append(Fault(part, number, name, f"{name} is missing."))
        elif problem := _problem(name, value):
            found.append(Fault(part, number, name, problem))
        else:
            row[name] = value
    return row, found


def of_objects(prices: Iterable[dict[str, Any]], programmes: Iterable[dict[str, Any]]) -> Content:
    """The card of rows that came as JSON objects. Raises ``ValidationFailed`` with one entry for each wrong field."""
    rows: dict[str, list[dict[str, Any]]] = {PRICES: [], PROGRAMMES: []}
    found: list[Fault] = []
    for part, given in ((PRICES, prices), (PROGRAMMES, programmes)):
        for number, one in enumerate(given):
            row, faults = checked(part, number, one)
            rows[part].append(row)
            found += faults
    if found:
        raise ValidationFailed(
            [{"param": fault.param, "code": "invalid", "detail": fault.says} for fault in found]
        )
    return Content(tuple(rows[PRICES]), tuple(rows[PROGRAMMES]))


def _problem(name: str, value: Any) -> str | None:
    if name in NUMBERS:
        return None if type(value) is int else f"It must be a whole number{_unit(name)}, not {value!r}."
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= 100:
        return f"It must be text on one line, not {value!r}."
    if name in DAYS:
        try:
            if date.fromisoformat(value).isoformat() == value:
                return None
        except ValueError:
            pass
        return f"It must be a date such as 2027-01-31, not {value!r}."
    return None


def _unit(name: str) -> str:
    return " of months" if name == "term" else " of fen"


# -- CSV


def _read_csv(text: str) -> Read:
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        heading = [name.strip() for name in next(rows, [])]
        _check_heading(heading)
        return _collected(_csv_rows(rows, heading))
    except csv.Error as error:
        raise Unreadable((f"line {rows.line_num}", f"It is not CSV: {error}.")) from None


def _check_heading(heading: list[str]) -> None:
    if not heading:
        raise Unreadable(("line 1", f"The file is empty: its first line must be {','.join(COLUMNS)}."))
    found = [
        (f"line 1, column {number}", f"There is no column {name!r}: known are {', '.join(COLUMNS)}.")
        for number, name in enumerate(heading, 1)
        if name not in COLUMNS
    ]
    found += [
        (f"line 1, column {number}", f"The column {name} stands twice.")
        for number, name in enumerate(heading, 1)
        if name in heading[: number - 1]
    ]
    found += [("line 1", f"The column {name} is missing.") for name in NEEDED if name not in heading]
    if found:
        raise Unreadable(*found)


def _csv_rows(rows: Any, heading: list[str]) -> Iterable[tuple[str, dict[str, Any], Callable[[str], str]]]:
    for cells in rows:
        line = rows.line_num
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(heading):
            says = f"The row has {len(cells)} cells, but the heading {len(heading)}."
            raise Unreadable((f"line {line}", says))
        given = {name: cell.strip() for name, cell in zip(heading, cells, strict=True) if cell.strip()}
        values = {
            name: int(cell) if name in NUMBERS and WHOLE.fullmatch(cell) else cell
            for name, cell in given.items()
        }
        part = PROGRAMMES if "subsidy_programme" in values else PRICES
        yield part, values, lambda name, line=line: f"line {line}, column {name}" if name else f"line {line}"  # type: ignore[misc]


# -- JSON


@dataclass
class _Objects(json.JSONDecoder):
    """A decoder that notes where each object begins."""

    starts: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(object_pairs_hook=_no_key_twice)
        self.parse_object = self._parse_object
        self.scan_once = scanner.py_make_scanner(self)  # type: ignore[attr-defined]

    def _parse_object(self, s_and_end: tuple[str, int], *rest: Any) -> Any:
        text, start = s_and_end
        try:
            found, end = decoder.JSONObject(s_and_end, *rest)  # type: ignore[attr-defined]
        except _Twice as error:
            raise Unreadable((_at(text, start - 1), f"The object has {str(error)!r} twice.")) from None
        self.starts[id(found)] = start
        return found, end


class _Twice(Exception):
    """An object has this key twice."""


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(next(name for name in names if names.count(name) > 1))
    return found


def _read_json(text: str) -> Read:
    objects = _Objects()
    try:
        card = objects.decode(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise Unreadable((place, f"It is not JSON: {error.msg}.")) from None
    except Unreadable:
        raise
    except ValueError:
        raise Unreadable(("the file", "It has a number of thousands of digits.")) from None
    except RecursionError:
        raise Unreadable(("the file", "It is nested too deeply.")) from None
    unknown = sorted(card.keys() - {PRICES, PROGRAMMES}) if isinstance(card, dict) else [""]
    if unknown or PRICES not in card:
        raise Unreadable(
            ("line 1", f"The file must be an object with {PRICES} and {PROGRAMMES}, and no more.")
        )
    return _collected(_json_rows(text, card, objects.starts))


def _json_rows(
    text: str, card: dict[str, Any], starts: dict[int, int]
) -> Iterable[tuple[str, dict[str, Any], Callable[[str], str]]]:
    for part in (PRICES, PROGRAMMES):
        rows = card.get(part, [])
        if not isinstance(rows, list):
            raise Unreadable((_at(text, text.find(f'"{part}"')), f"{part} must be a list of objects."))
        for number, row in enumerate(rows):
            if not isinstance(row, dict):
                says = f"{part}[{number}] must be an object, not {row!r}."
                raise Unreadable((_at(text, text.find(f'"{part}"')), says))
            yield part, row, _json_places(text, starts[id(row)])


def _json_places(text: str, start: int) -> Callable[[str], str]:
    def place(name: str) -> str:
        found = re.compile(rf'"{re.escape(name)}"\s*:').search(text, start, text.find("}", start) + 1)
        return _at(text, found.start() if name and found else start - 1)

    return place


def _at(text: str, index: int) -> str:
    line, column = _position(text[: max(index, 0)])
    return f"line {line}, column {column}"


def _position(before: str) -> tuple[int, int]:
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


# -- both


def _collected(rows: Iterable[tuple[str, dict[str, Any], Callable[[str], str]]]) -> Read:
    parts: dict[str, list[dict[str, Any]]] = {PRICES: [], PROGRAMMES: []}
    places, found = {PRICES: "the file"}, []
    for part, given, place in rows:
        number = len(parts[part])
        row, wrong = checked(part, number, given)
        parts[part].append(row)
        places[f"{part}[{number}]"] = place("")
        places.update({f"{part}[{number}].{name}": place(name) for name in (*row, *given)})
        found += [(places[fault.param], fault.says) for fault in wrong]
    if found:
        raise Unreadable(*found)
    return Read(Content(tuple(parts[PRICES]), tuple(parts[PROGRAMMES])), places)
