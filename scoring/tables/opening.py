"""A file as rows of text: packed or not, in whichever encoding, with whichever delimiter; Parquet and XLSX too."""

from __future__ import annotations

import bz2
import codecs
import csv
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from scoring.errors import TableInvalid, TrainingUnavailable

DELIMITERS: Final = ",;\t|"
HEAD: Final = 1 << 16
"""Characters from which the delimiter is found."""
SMALLEST_BOUND: Final = 1 << 28
MOST_TIMES: Final = 200
"""A packed file may become this many times larger, or ``SMALLEST_BOUND`` bytes."""
ZEROS_SHARE: Final = 0.05
"""Of the bytes of UTF-16 without byte order mark, at least so many are the empty halves of ASCII."""
CHINESE_SHARE: Final = 0.9
"""GB18030 gives a meaning to almost all bytes: it is believed when so many of the letters beyond ASCII are Chinese."""
PACKED: Final[dict[str, Callable[..., Any]]] = {".xz": lzma.open, ".gz": gzip.open, ".bz2": bz2.open}
DAMAGED: Final = (UnicodeError, csv.Error, lzma.LZMAError, EOFError, zlib.error, zipfile.BadZipFile)


@dataclass(frozen=True, slots=True)
class Form:
    """How a file is written; for Parquet and XLSX ``encoding`` names that and there is no delimiter."""

    encoding: str
    delimiter: str = ""


class _Bounded(io.RawIOBase):
    """A stream that refuses to become much larger than the file it is unpacked from."""

    def __init__(self, stream: Any, path: Path) -> None:
        self.stream, self.path = stream, path
        self.left = max(SMALLEST_BOUND, MOST_TIMES * path.stat().st_size)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.stream.read(len(buffer))
        self.left -= len(data)
        if self.left < 0:
            raise TableInvalid(
                f"{self.path} unpacks to more than {MOST_TIMES} times its size; unpack it yourself if that is right"
            )
        buffer[: len(data)] = data
        return len(data)


def form_of(path: Path, encoding: str | None = None, delimiter: str | None = None) -> Form:
    """Find out how a file is written. Raises ``TableInvalid`` with what to do, ``OSError``."""
    kind = path.suffix.lower()
    if kind in {".parquet", ".xlsx"}:
        return Form(kind[1:])
    if delimiter is not None and len(delimiter.replace("\\t", "\t")) != 1:
        raise TableInvalid(f"--delimiter takes one character, such as ';' or '\\t', not {delimiter!r}")
    if encoding is not None:
        try:
            codecs.lookup(encoding)
        except LookupError:
            raise TableInvalid(
                f"--encoding: there is no encoding {encoding!r}; try utf-8 or gb18030"
            ) from None
    try:
        with _bytes(path) as stream:
            found = encoding or _encoding(stream, path)
        if delimiter is not None:
            return Form(found, delimiter.replace("\\t", "\t"))
        with _bytes(path) as stream:
            return Form(found, _delimiter(_text(stream, found).read(HEAD)))
    except DAMAGED as problem:
        raise not_read(path, problem) from problem


@contextmanager
def rows(path: Path, form: Form) -> Iterator[Iterator[list[str]]]:
    """The rows of a file, header first, each cell as text. Raises ``TableInvalid`` while they are read."""
    try:
        if form.encoding == "parquet":
            yield _parquet(path)
        elif form.encoding == "xlsx":
            yield _xlsx(path)
        else:
            with _bytes(path) as stream:
                yield csv.reader(_text(stream, form.encoding), delimiter=form.delimiter)
    except DAMAGED as problem:
        raise not_read(path, problem) from problem


def not_read(path: Path, problem: Exception) -> TableInvalid:
    """The refusal of a file that is damaged or in another encoding."""
    return TableInvalid(
        f"{path} is not a UTF-8 CSV file, nor UTF-16, GB18030 or a whole packed file: {problem}; "
        "name its encoding in --encoding, such as cp1252"
    )


@contextmanager
def _bytes(path: Path) -> Iterator[Any]:
    kind = path.suffix.lower()
    if kind == ".zip":
        with zipfile.ZipFile(path) as packed, packed.open(_member(packed, path)) as stream:
            yield io.BufferedReader(_Bounded(stream, path))
    elif kind in PACKED:
        with PACKED[kind](path, "rb") as stream:
            yield io.BufferedReader(_Bounded(stream, path))
    else:
        with path.open("rb") as stream:
            yield stream


def _member(packed: zipfile.ZipFile, path: Path) -> zipfile.ZipInfo:
    files = [f for f in packed.infolist() if not f.is_dir() and not f.filename.startswith("__MACOSX/")]
    if len(files) != 1:
        raise TableInvalid(f"{path} holds {len(files)} files; it must hold one table")
    if files[0].flag_bits & 1:
        raise TableInvalid(f"{path} is locked by a password; unpack it first")
    return files[0]


def _text(stream: Any, encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(stream, encoding=encoding, newline="")


def _encoding(stream: Any, path: Path) -> str:
    head = stream.peek(4096)[:4096]
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        if b"\0" in head:
            return "utf-16"
    elif b"\0" in head:
        # The digits and delimiters of a table are ASCII: half of their bytes are 0, always on the same side.
        before, after = head[::2].count(0), head[1::2].count(0)
        if abs(before - after) >= ZEROS_SHARE * len(head):
            return "utf-16-be" if before > after else "utf-16-le"
    try:
        _check(path, "utf-8")
    except UnicodeDecodeError as problem:
        try:
            share = _check(path, "gb18030")
        except UnicodeDecodeError:
            raise problem from None
        if share < CHINESE_SHARE:
            raise problem from None
        return "gb18030"
    return "utf-8-sig"


def _check(path: Path, encoding: str) -> float:
    """Decode the whole file; the share of Chinese among the letters beyond ASCII."""
    decoder = codecs.getincrementaldecoder(encoding)()
    beyond = chinese = 0
    with _bytes(path) as stream:
        while block := stream.read(1 << 20):
            text = decoder.decode(block)
            if encoding != "utf-8" and not text.isascii():
                found = [char for char in text if char > "\x7f"]
                beyond += len(found)
                chinese += sum("\u3000" <= c <= "\u9fff" or "\uff00" <= c <= "\uffef" for c in found)
    decoder.decode(b"", True)
    return chinese / beyond if beyond else 1.0


def _delimiter(head: str) -> str:
    """The character that cuts the first lines into the most cells, equally many in each line."""
    first = head.lstrip("\ufeff").partition("\n")[0].strip()
    if first[:4].lower() == "sep=" and len(first) == 5:
        raise TableInvalid("the first line is 'sep=' of a spreadsheet; remove it")
    whole = head if len(head) < HEAD else head[: head.rfind("\n") + 1]
    best = ("", 0, False)
    for mark in DELIMITERS:
        widths = [len(row) for row in csv.reader(io.StringIO(whole), delimiter=mark) if row]
        if not widths or widths[0] == 1:
            continue
        even = len(set(widths)) == 1
        if (even, widths[0]) > (best[2], best[1]):
            best = (mark, widths[0], even)
    return best[0] or ","


def _parquet(path: Path) -> Iterator[list[str]]:
    try:
        from pyarrow import parquet  # type: ignore[import-untyped]  # noqa: PLC0415
    except ImportError as missing:
        raise TrainingUnavailable("Parquet needs the package pyarrow (extra 'parquet')") from missing
    try:
        file = parquet.ParquetFile(path)
        yield [str(name) for name in file.schema_arrow.names]
        for batch in file.iter_batches(batch_size=20_000):
            columns = [[_cell(value) for value in column.to_pylist()] for column in batch.columns]
            yield from (list(row) for row in zip(*columns, strict=True))
    except (OSError, ValueError) as problem:
        if isinstance(problem, TableInvalid):
            raise
        raise TableInvalid(f"{path} is not a whole Parquet file: {problem}") from problem


def _xlsx(path: Path) -> Iterator[list[str]]:
    try:
        from openpyxl import load_workbook  # type: ignore[import-untyped]  # noqa: PLC0415
    except ImportError as missing:
        raise TrainingUnavailable(
            "XLSX needs the package openpyxl; or save the sheet as CSV UTF-8"
        ) from missing
    with zipfile.ZipFile(path) as packed:
        whole = sum(part.file_size for part in packed.infolist())
    if whole > max(SMALLEST_BOUND, MOST_TIMES * path.stat().st_size):
        raise TableInvalid(
            f"{path} unpacks to more than {MOST_TIMES} times its size; save the sheet as CSV UTF-8"
        )
    book = load_workbook(path, read_only=True, data_only=True)
    try:
        if len(book.worksheets) != 1:
            names = ", ".join(book.sheetnames)
            raise TableInvalid(
                f"{path} has {len(book.worksheets)} sheets ({names}); keep the one with the table"
            )
        for row in book.worksheets[0].iter_rows(values_only=True):
            yield [_cell(value) for value in cast("tuple[Any, ...]", row)]
    finally:
        book.close()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    return str(value)
