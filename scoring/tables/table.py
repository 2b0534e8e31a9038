"""A CSV file as columns: numbers with gaps, or words; and the target, which is the bad outcome."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring.errors import TableInvalid

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
    dates: frozenset[str] = frozenset()
    """Number columns that hold days since 1970-01-01."""
    left_out: int = 0
    """Rows of the file that had no outcome."""

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
        return Table(columns, self.bad[index], self.dates)

    def without(self, names: Iterable[str]) -> Table:
        """The table without these columns. Raises ``TableInvalid`` for a name that is not there."""
        dropped = set(names)
        if unknown := dropped - set(self.columns):
            raise TableInvalid(
                f"there is no column {sorted(unknown)[0]!r}; there are: {', '.join(self.columns)}"
            )
        return replace(self, columns={n: c for n, c in self.columns.items() if n not in dropped})

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
        return replace(self, columns=columns)

    @classmethod
    def read(
        cls, path: Path, target: str | None, words: Collection[str] = (), numbers: Collection[str] = ()
    ) -> Table:
        """Read a file with a header as ``scoring.tables.reading`` does, which also tells what became of each column.

        A column is numbers when nearly every cell that is not a gap is one and ``words`` does not name it; one that
        ``numbers`` names must be. Without a target no row is known to be bad. Raises ``TableInvalid`` naming what is
        wrong, the line and the column.
        """
        from scoring.tables.reading import Reading, read  # noqa: PLC0415 - it is made of tables itself

        return read(path, Reading(target, words, numbers))[0]


def header_of(cells: Sequence[str]) -> list[str]:
    """Names of the columns as they are compared. Raises ``TableInvalid`` for one that is there twice."""
    names = [normalised(cell) for cell in cells]
    for place, name in enumerate(names):
        if name in names[:place]:
            raise TableInvalid(
                f"the header repeats a column: {name!r} is in columns {names.index(name) + 1} and {place + 1}"
            )
    return names
