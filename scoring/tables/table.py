"""A CSV file as columns: numbers with gaps, or words; and the target, which is the bad outcome."""

from __future__ import annotations

import bz2
import csv
import gzip
import hashlib
import io
import lzma
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

import numpy as np
from numpy.typing import NDArray

from scoring.errors import TableInvalid

MISSING: Final = frozenset({"", "na", "nan", "null", "none", "?"})
BAD_WORDS: Final = frozenset({"1", "1.0", "bad", "default", "yes", "true", "fraud", "charged off"})
GOOD_WORDS: Final = frozenset({"0", "0.0", "good", "no", "false", "paid", "fully paid", "legit"})
PROTECTED: Final = re.compile(
    r"(?<![a-z])(sex|gender|marital|marriage|married|ethnic\w*|race|religion|nationality|birth\w*)(?![a-z])"
    r"|^((applicant|borrower|client|customer|person|user)\W?)?age(?![a-z])"
    r"|性别|年龄|婚姻|婚否|民族|宗教|籍贯|出生|国籍",
    re.IGNORECASE,
)
"""Names of columns that must not decide about a person: sex, age, marriage, ethnicity, belief, birth."""

FIRST_LINE: Final = 2
"""Line of the first row, below the header."""
LARGEST: Final = float(np.finfo(np.float32).max)
"""The models read float32: a larger number would become infinite on the way."""

Column = NDArray[np.float64] | tuple[str, ...]


def normalised(name: str) -> str:
    """A column's name as it is compared.

    Full-width letters as plain ones, without byte order mark, zero-width and other invisible characters, and
    without spaces around it. So ``"\ufeffSEX"``, ``"SE\u200bX"`` and ``"ＳＥＸ"`` are all the column ``SEX``.
    """
    text = unicodedata.normalize("NFKC", name)
    return " ".join("".join(char for char in text if unicodedata.category(char) != "Cf").split())


@dataclass(frozen=True, slots=True)
class Table:
    """Columns by name, all of one length; a number column has NaN where the file has a gap."""

    columns: Mapping[str, Column]
    bad: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.bad)

    @property
    def names(self) -> tuple[str, ...]:
        """Columns in the order of the file."""
        return tuple(self.columns)

    @property
    def protected(self) -> tuple[str, ...]:
        """Columns whose name says that they must not decide."""
        return tuple(name for name in self.columns if PROTECTED.search(normalised(name).replace("_", " ")))

    def sha256(self) -> str:
        """Hash of everything in the table: equal tables, equal hashes."""
        digest = hashlib.sha256(np.packbits(self.bad).tobytes())
        for name, column in self.columns.items():
            digest.update(f"\0{name}\0".encode())
            digest.update("\0".join(column).encode() if isinstance(column, tuple) else column.tobytes())
        return digest.hexdigest()

    def rows(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> Table:
        """The chosen rows, by mask or by position, in that order."""
        index = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen
        columns: dict[str, Column] = {
            name: tuple(column[i] for i in index) if isinstance(column, tuple) else column[index]
            for name, column in self.columns.items()
        }
        return Table(columns, self.bad[index])

    def without(self, names: Iterable[str]) -> Table:
        """The table without these columns. Raises ``TableInvalid`` for a name that is not there."""
        dropped = set(names)
        if unknown := dropped - set(self.columns):
            raise TableInvalid(
                f"there is no column {sorted(unknown)[0]!r}; there are: {', '.join(self.columns)}"
            )
        return Table({n: c for n, c in self.columns.items() if n not in dropped}, self.bad)

    def with_ratios(self, ratios: Sequence[str]) -> Table:
        """The table with a column A/B for each text ``A/B``: 0 where B is 0, a gap where either has one."""
        columns = dict(self.columns)
        for ratio in ratios:
            over, _, under = ratio.partition("/")
            a, b = (columns.get(name) for name in (over, under))
            if not isinstance(a, np.ndarray) or not isinstance(b, np.ndarray):
                raise TableInvalid(f"the ratio {ratio!r} needs two number columns, such as AMOUNT/AVERAGE")
            columns[ratio] = np.divide(
                a, b, out=np.where(np.isnan(a) | np.isnan(b), np.nan, 0.0), where=b != 0
            )
        return Table(columns, self.bad)

    @classmethod
    def read(
        cls, path: Path, target: str | None, words: Collection[str] = (), numbers: Collection[str] = ()
    ) -> Table:
        """Read a CSV with a header, plain or compressed (.xz, .gz, .bz2).

        A column is numbers when every cell that is not a gap is one and ``words`` does not name it; one that
        ``numbers`` names must be. The target holds 0 and 1, or words such as good and bad; without one no row is known
        to be bad. Raises ``TableInvalid`` naming what is wrong, the line and the column.
        """
        try:
            with _opened(path) as file:
                return _read(csv.reader(file), target, words, numbers)
        except (UnicodeDecodeError, csv.Error, lzma.LZMAError, EOFError) as problem:
            raise TableInvalid(f"{path} is not a UTF-8 CSV file: {problem}") from problem


def _opened(path: Path) -> TextIO:
    openers: dict[str, Callable[[Path, str], Any]] = {".xz": lzma.open, ".gz": gzip.open, ".bz2": bz2.open}
    opener = openers.get(path.suffix)
    if opener is None:
        return path.open(encoding="utf-8-sig", newline="")
    return io.TextIOWrapper(opener(path, "rb"), encoding="utf-8-sig", newline="")


def _read(
    lines: Iterable[list[str]], target: str | None, words: Collection[str], numbers: Collection[str]
) -> Table:
    unread = iter(lines)
    header = _header(next(unread, []))
    if target is not None and target not in header:
        raise TableInvalid(f"there is no column {target!r}; there are: {', '.join(header)}")
    rows = []
    for number, row in enumerate(unread, start=FIRST_LINE):
        if len(row) != len(header):
            raise TableInvalid(f"line {number} has {len(row)} cells, but the header has {len(header)}")
        rows.append(row)
    if not rows:
        raise TableInvalid("there are no rows below the header")
    cells = dict(zip(header, zip(*rows, strict=True), strict=True))
    bad = np.zeros(len(rows), dtype=bool) if target is None else _target(cells.pop(target), target)
    columns = {
        name: tuple(text.strip() for text in texts)
        if name in words
        else _column(name, texts, must_be_numbers=name in numbers)
        for name, texts in cells.items()
    }
    return Table(columns, bad)


def _header(cells: Sequence[str]) -> list[str]:
    names = [normalised(cell) for cell in cells]
    for place, name in enumerate(names):
        if name in names[:place]:
            raise TableInvalid(
                f"the header repeats a column: {name!r} is in columns {names.index(name) + 1} and {place + 1}"
            )
    return names


def _target(texts: Sequence[str], name: str) -> NDArray[np.bool_]:
    values = {text.strip().lower() for text in texts}
    if len(values) != 2:
        raise TableInvalid(f"the target {name!r} must have two values, one of them bad; it has {len(values)}")
    bads = values & BAD_WORDS
    if len(bads) != 1 or not (values - bads) <= GOOD_WORDS:
        told = " and ".join(sorted(values))
        raise TableInvalid(f"the target {name!r} has {told}; expected 0 and 1, or good and bad")
    return np.array([text.strip().lower() in bads for text in texts])


def _column(name: str, texts: Sequence[str], *, must_be_numbers: bool) -> Column:
    try:
        values = np.array([float(text) for text in texts])  # most columns are numbers without a gap
    except ValueError:
        values = np.empty(len(texts))
        for row, text in enumerate(texts):
            try:
                values[row] = np.nan if text.strip().lower() in MISSING else float(text)
            except ValueError:
                if not must_be_numbers:
                    return tuple(text.strip() for text in texts)
                raise TableInvalid(
                    f"line {row + FIRST_LINE}, column {name!r}: {text!r} is not a number, as in the training"
                ) from None
    _refuse_odd(name, texts, values)
    return values


def _refuse_odd(name: str, texts: Sequence[str], values: NDArray[np.float64]) -> None:
    """Refuse what Python reads as a number and the writer can hardly have meant, or the models cannot hold."""
    for row in np.flatnonzero(np.abs(values) > LARGEST).tolist():
        raise TableInvalid(
            f"line {row + FIRST_LINE}, column {name!r}: {texts[row]!r} is infinite or too large (at most "
            f"{LARGEST:.1e}); write a smaller number, or leave the cell empty"
        )
    if "_" not in "".join(texts):
        return
    for row, text in enumerate(texts):
        if "_" in text:
            raise TableInvalid(
                f"line {row + FIRST_LINE}, column {name!r}: {text!r} has underscores; "
                f"write {text.strip().replace('_', '')}"
            )
