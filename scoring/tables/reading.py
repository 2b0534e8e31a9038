"""Reading a table in two passes: the first decides what each column is, the second converts it; both in parts.

What became of each column is told (``Became``): a number that was a percentage, a word that counts as a gap.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring.errors import TableInvalid
from scoring.tables.calendar_numbers import Stamps, dated, is_date
from scoring.tables.cells import DAY_FIRST, MONTH_FIRST, Cell, cell, days, gap_words, plain
from scoring.tables.opening import Form, form_of, rows
from scoring.tables.table import FIRST_LINE, LARGEST, Column, Table, header_of
from scoring.tables.target import outcomes

PART: Final = 20_000
"""Rows that are held as text at one time."""
NUMBERS_SHARE: Final = 0.95
"""A column is numbers when so many of its cells are; the other words are then gaps, and told."""
MOST_WORDS: Final = 50
UNCLEAR: Final = "DD/MM or MM/DD"
WORD_GAPS: Final = frozenset({"none", "\u65e0"})
"""In a column of words these may be an answer, so they stay."""

Part = tuple[Sequence[int], Mapping[str, tuple[str, ...]]]
"""The line on which each row begins, and the cells by column."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is to be read; what is not said is found out."""

    target: str | None = None
    words: Collection[str] = ()
    """Columns of words, also where they look like numbers."""
    numbers: Collection[str] = ()
    """Columns that must be numbers."""
    measures: Mapping[str, str] = field(default_factory=dict)
    """What numbers were in the training: percent, a unit, a form of dates."""
    dates: Collection[str] = ()
    """Columns that hold a day or a time, so that 20230131 and 202301 are dates there, whatever their name."""
    bad: str | None = None
    missing: str | None = None
    encoding: str | None = None
    delimiter: str | None = None


@dataclass(slots=True)
class Became:
    """What became of one column."""

    kind: str = "numbers"
    measure: str = ""
    """percent, a unit such as months, or how dates are written; nothing for plain numbers and words."""
    gaps: int = 0
    converted: list[str] = field(default_factory=list)
    decimal: str = "."


@dataclass(slots=True)
class _Profile:
    """What the first pass finds in one column; lines are those of the first such cell."""

    cells: Counter[str] = field(default_factory=Counter)
    words: Counter[str] = field(default_factory=Counter)
    marks: Counter[str] = field(default_factory=Counter)
    commas: Counter[str] = field(default_factory=Counter)
    dates: Counter[str] = field(default_factory=Counter)
    money: Counter[str] = field(default_factory=Counter)
    scaled: int = 0
    lines: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    stamps: Stamps = field(default_factory=Stamps)

    def floats(self, values: NDArray[np.float64], texts: Sequence[str], lines: Sequence[int]) -> None:
        gaps, zeros = int(np.isnan(values).sum()), int((values == 0).sum())
        self.cells["gap"] += gaps
        self.cells["number"] += len(values) - gaps
        self.marks["zero"] += zeros  # of whichever unit: a percentage of nothing is often written 0
        self.marks[""] += (plain_ones := len(values) - gaps - zeros)
        if plain_ones and ("mark", "") not in self.lines:
            place = int(np.flatnonzero(~np.isnan(values) & (values != 0))[0])
            self.lines["mark", ""] = (lines[place], texts[place])
        self.stamps.see(values[~np.isnan(values)])

    def texts(
        self, texts: Sequence[str], lines: Sequence[int], known: dict[str, Cell], gaps: frozenset[str]
    ) -> None:
        for text, count in Counter(texts).items():
            found = known.get(text)
            if found is None:
                found = cell(text, gaps)
                if len(known) < 200_000:
                    known[text] = found
            self.cells[found.kind] += count
            seen = [("kind", found.kind)]
            if found.kind == "word" and (len(self.words) < MOST_WORDS or text in self.words):
                self.words[text] += count
            elif found.kind == "date":
                self.dates[found.mark] += count
            elif found.kind == "number":
                zero = found.mark == "" and found.digits.strip("-0.,") == ""
                self.marks["zero" if zero else found.mark] += count
                self.commas[found.comma] += count
                self.money[found.currency] += count
                self.scaled += count * (found.scale != 1)
                mark = "zero" if zero else found.mark
                seen += [("mark", mark), ("money", found.currency), ("comma", found.comma)]
                self.stamps.see(np.array([found.number(".")]) if found.comma == "" else np.zeros(1))
            for key in seen:
                if key not in self.lines:
                    self.lines[key] = (lines[texts.index(text)], text)


def read(
    path: Path, how: Reading, progress: Callable[[int], None] = lambda rows: None
) -> tuple[Table, dict[str, Became], Form]:
    """Read a table; what became of each column, and how the file was written.

    ``progress`` is told the rows of each part, in both passes. Raises ``TableInvalid`` by line and column.
    """
    form = form_of(path, how.encoding, how.delimiter)
    gaps = gap_words(how.missing)
    profiles: dict[str, _Profile] = {}
    known: dict[str, dict[str, Cell]] = {}
    count = 0
    answers: list[str] = []
    for lines, part in _parts(path, form, how.target):
        for name, texts in part.items():
            if name == how.target:
                answers += _shared(texts)
            elif name not in how.words:
                profile = profiles.setdefault(name, _Profile())
                values = _floats(texts) if not how.missing else None
                if values is not None:
                    profile.floats(values, texts, lines)
                else:
                    profile.texts(texts, lines, known.setdefault(name, {}), gaps)
            else:
                profiles.setdefault(name, _Profile())
            length = len(texts)
        count += length
        progress(length)
    known.clear()
    bad, labelled = (
        outcomes(answers, how.target, how.bad) if how.target else (np.zeros(count, dtype=bool), None)
    )
    became = {name: _decide(name, profile, how, form) for name, profile in profiles.items()}
    columns = _converted(path, form, how, became, gaps, count, progress)
    table = Table(columns, bad, frozenset(name for name, found in became.items() if found.kind == "dates"))
    if labelled is not None:
        table = replace(table.rows(labelled), left_out=int((~labelled).sum()))
    return table, became, form


def _parts(path: Path, form: Form, target: str | None) -> Iterator[Part]:
    with rows(path, form) as lines:
        header = header_of(next(lines, []))
        if target is not None and target not in header:
            raise TableInvalid(f"there is no column {target!r}; there are: {', '.join(header)}")
        line = _line(lines, FIRST_LINE - 1) + 1
        empty, whole, begins = True, list[list[str]](), list[int]()
        for row in lines:
            if len(row) == len(header):
                whole.append(row)
                begins.append(line)
            elif row:
                raise TableInvalid(
                    f"line {line} has {len(row)} cells, but the header has {len(header)}; if another "
                    "character divides the cells, name it in --delimiter"
                )
            line = _line(lines, line) + 1
            if len(whole) == PART:
                empty = False
                yield begins, dict(zip(header, zip(*whole, strict=True), strict=True))
                whole, begins = [], []
        if whole:
            empty = False
            yield begins, dict(zip(header, zip(*whole, strict=True), strict=True))
        if empty:
            raise TableInvalid("there are no rows below the header")


def _line(lines: Iterator[list[str]], counted: int) -> int:
    """The last line that was read: a cell may go over several. Sheets and Parquet have one for each row."""
    return int(getattr(lines, "line_num", counted))


def _shared(texts: Sequence[str]) -> list[str]:
    shared: dict[str, str] = {}
    return [shared.setdefault(text, text) for text in texts]


def _floats(texts: Sequence[str]) -> NDArray[np.float64] | None:
    """The cells, when all are plain numbers (most parts of most columns are)."""
    try:
        values = np.array([float(text) for text in texts])
    except ValueError:
        return None
    if (np.abs(values) > LARGEST).any() or any("_" in text for text in texts):
        return None
    return values


def _decide(name: str, profile: _Profile, how: Reading, form: Form) -> Became:
    """What a column is. Raises ``TableInvalid`` for one that can be read in two ways."""
    if name in how.words:
        return Became("words")
    cells = profile.cells
    numbers, dates = cells["number"] + cells["odd"], cells["date"]
    filled = cells.total() - cells["gap"]
    forced = name in how.numbers
    if filled and max(numbers, dates) < NUMBERS_SHARE * filled:
        if forced:
            line, text = profile.lines.get(
                ("kind", "word"), profile.lines.get(("kind", "date"), (FIRST_LINE, ""))
            )
            raise TableInvalid(f"line {line}, column {name!r}: {text!r} is not a number, as in the training")
        return Became("words", gaps=cells["gap"])
    became = Became("dates" if dates > numbers else "numbers", gaps=cells["gap"])
    if became.kind == "dates":
        became.measure = _date_form(name, profile, how)
        became.converted.append(f"dates written {became.measure}, as days since 1970-01-01")
    elif filled and not _numbers(name, profile, became, how, form):
        return Became("words", gaps=cells["gap"], converted=["several units: left as words"])
    if cells["odd"]:
        _refuse_odd(name, *profile.lines["kind", "odd"])
    others = filled - (dates if became.kind == "dates" else numbers)
    if others:
        shown = ", ".join(repr(text) for text, _ in profile.words.most_common(3)) or "cells of another kind"
        became.converted.append(f"{others} cells that are no {became.kind} as gaps: {shown}")
        became.gaps += others
    learned = how.measures.get(name)
    nothing = became.kind == "numbers" and not any(n for mark, n in profile.marks.items() if mark != "zero")
    if nothing and learned is not None and not is_date(learned):
        became.measure = learned  # zeros and gaps alone say nothing about a mark
    elif learned is not None and filled and learned != became.measure and not _alike(learned, became.measure):
        raise TableInvalid(
            f"the column {name!r} was {learned or 'plain numbers'} in the training and is "
            f"{became.measure or 'plain numbers'} here; write it as in the training"
        )
    return became


def _alike(learned: str, here: str) -> bool:
    """Dates are the same days however they are written; a unit may be left out; a percentage may not."""
    days_of = [is_date(word) for word in (learned, here)]
    return all(days_of) or (not any(days_of) and "percent" not in (learned, here) and "" in (learned, here))


def _date_form(name: str, profile: _Profile, how: Reading) -> str:
    forms = set(profile.dates)
    if UNCLEAR in forms:
        forms.discard(UNCLEAR)
        if not forms:
            forms = {how.measures.get(name, "")}
        if forms not in ({DAY_FIRST}, {MONTH_FIRST}):
            line, text = profile.lines["kind", "date"]
            raise TableInvalid(
                f"line {line}, column {name!r}: {text!r} may begin with the day or the month; write it as YYYY-MM-DD"
            )
    if len(forms) != 1:
        line, text = profile.lines["kind", "date"]
        raise TableInvalid(
            f"line {line}, column {name!r}: dates are written in several ways ({', '.join(sorted(forms))}); "
            f"write all like {text!r}, or as YYYY-MM-DD"
        )
    return forms.pop()


def _numbers(name: str, profile: _Profile, became: Became, how: Reading, form: Form) -> bool:
    """What marks the numbers carry; false where their units differ, so that they do not compare."""
    marks = {mark for mark, count in profile.marks.items() if count and mark != "zero"}
    if "percent" in marks and len(marks) > 1:
        line, text = profile.lines.get(("mark", ""), profile.lines["mark", "percent"])
        raise TableInvalid(
            f"line {line}, column {name!r}: some cells have a % and some, such as {text!r}, do not"
        )
    units = marks - {"", "percent"}
    if len(units) > 1:
        return False
    money = {currency for currency in profile.money if currency}
    if len(money) > 1:
        line, text = profile.lines["money", sorted(money)[-1]]
        raise TableInvalid(f"line {line}, column {name!r}: {text!r} is in another currency than other cells")
    became.measure = "percent" if "percent" in marks else next(iter(units), "")
    stamped = profile.stamps.form if not marks - {""} and profile.cells["number"] else ""
    if stamped and dated(name, profile.stamps, how.measures.get(name), named=name in how.dates):
        became.kind, became.measure = "dates", stamped
        became.converted.append(f"dates written {became.measure}, as days since 1970-01-01")
        return True
    commas = profile.commas
    if commas["decimal"] and commas["thousands"]:
        line, text = profile.lines["comma", "thousands"]
        raise TableInvalid(
            f"line {line}, column {name!r}: the comma of {text!r} is for thousands, elsewhere for decimals"
        )
    if commas["decimal"] or (commas["either"] and not commas["thousands"] and form.delimiter == ";"):
        became.decimal = ","
        became.converted.append("decimal comma")
    elif commas["thousands"] or commas["either"]:
        became.converted.append("thousands separators removed")
    if became.measure:
        became.converted.append(f"{became.measure}: the mark removed")
    if money:
        became.converted.append(f"currency {money.pop()} removed")
    if profile.scaled:
        became.converted.append(
            f"{profile.scaled} cells multiplied by the word behind them (k, \u4e07, \u4ebf)"
        )
    return True


def _converted(
    path: Path,
    form: Form,
    how: Reading,
    became: Mapping[str, Became],
    gaps: frozenset[str],
    count: int,
    progress: Callable[[int], None],
) -> dict[str, Column]:
    columns: dict[str, Any] = {n: [] if b.kind == "words" else np.empty(count) for n, b in became.items()}
    shared: dict[str, str] = {}
    start = 0
    for lines, part in _parts(path, form, how.target):
        length = 0
        for name, texts in part.items():
            length = len(texts)
            if name == how.target:
                continue
            if became[name].kind == "words":
                forced = name in how.words
                for text in texts:
                    bare = text.strip()
                    gap = (low := plain(text)) in gaps and low not in WORD_GAPS
                    became[name].gaps += forced and gap
                    columns[name].append(shared.setdefault(bare, bare) if not gap else "")
            else:
                columns[name][start : start + length] = _values(name, texts, became[name], gaps, lines, how)
        start += length
        progress(length)
    return {n: tuple(column) if isinstance(column, list) else column for n, column in columns.items()}


def _values(
    name: str, texts: Sequence[str], became: Became, gaps: frozenset[str], lines: Sequence[int], how: Reading
) -> NDArray[np.float64]:
    if became.kind == "numbers" and became.decimal == "." and not how.missing:
        values = _floats(texts)
        if values is not None:
            return values
    known: dict[str, float] = {}
    for text in set(texts):
        try:
            known[text] = _value(text, became, gaps)
        except ValueError as problem:  # such as 20230231
            line = lines[texts.index(text)]
            raise TableInvalid(f"line {line}, column {name!r}: {text!r} is not a date: {problem}") from None
        if abs(known[text]) > LARGEST:
            _refuse_odd(name, lines[texts.index(text)], text)
    return np.array([known[text] for text in texts])


def _value(text: str, became: Became, gaps: frozenset[str]) -> float:
    found = cell(text, gaps)
    if became.kind == "dates":
        wanted = "number" if became.measure in {"YYYYMMDD", "YYYYMM"} else "date"
        return days(text, became.measure) if found.kind == wanted else np.nan
    return found.number(became.decimal) if found.kind == "number" else np.nan


def _refuse_odd(name: str, line: int, text: str) -> None:
    """Refuse what Python reads as a number and the writer can hardly have meant, or the models cannot hold."""
    if "_" in text:
        told = f"has underscores; write {text.strip().replace('_', '')}"
    else:
        told = f"is infinite or too large (at most {LARGEST:.1e}); write a smaller number, or leave the cell empty"
    raise TableInvalid(f"line {line}, column {name!r}: {text!r} {told}")
