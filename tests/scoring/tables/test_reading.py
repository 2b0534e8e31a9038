"""Tables as people have them: the same rows written in many ways are the same table, or are refused by line."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from scoring.errors import TableInvalid
from scoring.tables import findings, opening, protocols, reading
from scoring.tables.reading import Became, Reading, read
from scoring.tables.table import Table

Row = dict[str, str]
ENDED = Reading("ended")
HEADER = ("income", "rate", "term", "opened", "home", "ended")


def clean(rows: int = 300) -> list[Row]:
    random = np.random.default_rng(5)
    made = []
    for n in range(rows):
        gap = random.random() < 0.1
        made.append(
            {
                "income": "" if gap else f"{random.integers(1_000, 90_000)}.{random.integers(10, 99)}",
                "rate": f"{random.uniform(3, 24):.2f}",
                "term": str(random.choice([12, 24, 36])),
                "opened": f"2023-{random.integers(1, 13):02}-{random.integers(1, 29):02}",
                "home": str(random.choice(["own", "rent"])),
                "ended": str(int(random.random() < 0.3)) if n > 1 else str(n),
            }
        )
    return made


def grouped(text: str, mark: str = ",", decimal: str = ".") -> str:
    return f"{float(text):,.2f}".replace(".", "!").replace(",", mark).replace("!", decimal) if text else ""


def dated(form: str) -> Callable[[str], str]:
    return lambda text: form.format(*text.split("-"))


ONE: dict[str, tuple[str, Callable[[str], str]]] = {
    **{
        f"gaps as {word}": ("income", lambda text, word=word: text or word)  # type: ignore[misc]
        for word in ("N/A", "-", "#N/A", "\\N", ".", "未知", "NULL", "unknown", "?")
    },
    "percent": ("rate", lambda text: f"{text}%"),
    "percent, full width": ("rate", lambda text: f"{text} ％"),
    "months": ("term", lambda text: f" {text} months"),
    "months in Chinese": ("term", lambda text: f"{text}个月"),
    "thousands": ("income", grouped),
    "thousands by spaces": ("income", lambda text: grouped(text, " ")),
    "thousands by apostrophes": ("income", lambda text: grouped(text, "'")),
    "yuan": ("income", lambda text: text and f"¥{grouped(text)}"),
    "dollars": ("income", lambda text: text and f"$ {text}"),
    "decimal comma": ("income", lambda text: text.replace(".", ",")),
    "decimal comma with points": ("income", lambda text: grouped(text, ".", ",")),
    "dates in one number": ("opened", dated("{0}{1}{2}")),
    "dates with slashes": ("opened", dated("{0}/{1}/{2}")),
    "dates in Chinese": ("opened", dated("{0}年{1}月{2}日")),
    "day first": ("opened", dated("{2}/{1}/{0}")),
    "month first": ("opened", dated("{1}/{2}/{0}")),
    "target Y/N": ("ended", lambda text: "Y" if text == "1" else "N"),
    "target in Chinese": ("ended", lambda text: "是" if text == "1" else "否"),
}


def written(rows: list[Row], delimiter: str = ",") -> str:
    file = io.StringIO()
    lines = csv.DictWriter(file, HEADER, delimiter=delimiter)
    lines.writeheader()
    lines.writerows(rows)
    return file.getvalue()


def read_text(tmp_path: Path, text: str, how: Reading = ENDED) -> tuple[Table, dict[str, Became]]:
    path = tmp_path / "rows.csv"
    path.write_bytes(text.encode())
    table, became, _ = read(path, how)
    return table, became


@pytest.mark.parametrize("variant", ONE)
def test_a_column_written_in_another_way_is_the_same_column(tmp_path: Path, variant: str) -> None:
    plain, _ = read_text(tmp_path, written(clean()))
    name, change = ONE[variant]
    table, became = read_text(tmp_path, written([row | {name: change(row[name])} for row in clean()]))
    assert table.sha256() == plain.sha256()
    told = name not in {"rate", "term"} or bool(became[name].converted)
    assert told


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030"])
def test_encoding_and_delimiter_are_found_out(tmp_path: Path, encoding: str, delimiter: str) -> None:
    rows = [row | {"home": "自有" if row["home"] == "own" else "租房"} for row in clean()]
    plain, _ = read_text(tmp_path, written(rows))
    path = tmp_path / "x.csv"
    path.write_bytes(written(rows, delimiter).encode(encoding))
    table, _, form = read(path, Reading("ended"))
    assert table.sha256() == plain.sha256()
    assert form.delimiter == delimiter


def test_packed_files_are_read_and_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, _ = read_text(tmp_path, written(clean()))
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(written(clean()).encode()))
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("x.csv", written(clean()))
    for name in ("x.csv.gz", "x.zip"):
        assert read(tmp_path / name, Reading("ended"))[0].sha256() == plain.sha256()
    monkeypatch.setattr(opening, "SMALLEST_BOUND", 1000)
    zeros = b"a,ended\n" + b"1,0\n" * 1_000_000
    (tmp_path / "bomb.csv.gz").write_bytes(gzip.compress(zeros))
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("x.csv", zeros)
    for name in ("bomb.csv.gz", "bomb.zip"):
        with pytest.raises(TableInvalid, match="unpacks to more than 200 times its size"):
            read(tmp_path / name, Reading("ended"))


def test_a_parquet_file_is_read(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet  # noqa: PLC0415

    plain, _ = read_text(tmp_path, written(clean()))
    columns = {n: [float(r[n]) if n == "rate" else r[n] or None for r in clean()] for n in HEADER}
    parquet.write_table(pyarrow.table(columns), tmp_path / "x.parquet")
    assert read(tmp_path / "x.parquet", Reading("ended"))[0].sha256() == plain.sha256()


def test_a_sheet_is_read(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in csv.reader(io.StringIO(written(clean()))):
        book.active.append(row)
    book.save(tmp_path / "x.xlsx")
    plain, _ = read_text(tmp_path, written(clean()))
    assert read(tmp_path / "x.xlsx", Reading("ended"))[0].sha256() == plain.sha256()


def test_one_word_in_a_column_of_numbers_is_a_gap_and_told(tmp_path: Path) -> None:
    rows = clean()
    rows[7]["rate"] = "see file"
    table, became = read_text(tmp_path, written(rows))
    rate = table.columns["rate"]
    assert isinstance(rate, np.ndarray)
    assert np.flatnonzero(np.isnan(rate)).tolist() == [7]
    assert became["rate"].converted == ["1 cells that are no numbers as gaps: 'see file'"]


@pytest.mark.parametrize(
    ("name", "cells", "complaint"),
    [
        ("rate", ("8.9%", "0.09"), "line 3, column 'rate': some cells have a %"),
        ("income", ("¥100", "$100"), "is in another currency"),
        ("income", ("1,234.5", "1,23"), "is for thousands, elsewhere for decimals"),
        ("opened", ("01/02/2023", "03/04/2023"), "may begin with the day or the month"),
        ("opened", ("20230101", "20230231"), "line 3, column 'opened': '20230231' is not a date"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(
    tmp_path: Path, name: str, cells: tuple[str, str], complaint: str
) -> None:
    rows = [row | {name: cell} for row, cell in zip(clean(2), cells, strict=True)]
    with pytest.raises(TableInvalid, match=complaint):
        read_text(tmp_path, written(rows))


@pytest.mark.parametrize(("values", "bad"), [("12", "2"), ("+-", "-"), (("a", "b", "c"), "c")])
def test_any_target_is_read_once_its_bad_value_is_named(
    tmp_path: Path, values: tuple[str, ...], bad: str
) -> None:
    text = "n,ended\n" + "".join(f"{n},{value}\n" for n, value in enumerate(values)) + "9,\n"
    with pytest.raises(TableInvalid, match=r"\(1 rows\).*name the bad one with --bad VALUE"):
        read_text(tmp_path, text)
    table, _ = read_text(tmp_path, text, Reading("ended", bad=bad))
    assert table.bad.tolist() == [value == bad for value in values]
    with pytest.raises(TableInvalid, match="has no 'x' to be bad"):
        read_text(tmp_path, text, Reading("ended", bad="x"))


def test_leaks_identifiers_and_constants_are_named(tmp_path: Path) -> None:
    rows = "".join(f"{n * 7},{13800000000 + n % 9},5,{n % 2}.5,{n % 3},{n % 2}\n" for n in range(300))
    table, became = read_text(tmp_path, "id,手机,same,after,n,ended\n" + rows)
    told = findings.findings(table, became)
    assert {name for name, row in told.items() if row["warnings"]} == {"id", "手机", "same", "after"}
    assert findings.lines(told)[-1] == "consider --drop id,手机,same,after"


@pytest.mark.parametrize(
    "cells", [("20230101", "20230103"), ("44927", "44929"), ("1672531200", "1672704000")]
)
def test_a_time_is_a_date_a_day_number_or_seconds(tmp_path: Path, cells: tuple[str, str]) -> None:
    table, _ = read_text(tmp_path, f"t,ended\n{cells[0]},0\n{cells[1]},1\n", Reading("ended", dates=["t"]))
    assert protocols._days(table, "t").tolist() == [0, 2]


def test_a_percentage_of_the_training_is_not_taken_for_a_plain_number(tmp_path: Path) -> None:
    how = Reading("ended", numbers=("rate",), measures={"rate": "percent"})
    with pytest.raises(TableInvalid, match="was percent in the training and is plain numbers here"):
        read_text(tmp_path, written(clean()), how)


def numbered(name: str, values: Sequence[float | int | str]) -> str:
    return f"{name},ended\n" + "".join(f"{value},{n % 2}\n" for n, value in enumerate(values))


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("price", range(200_101, 200_113), "numbers"),
        ("month_amount", range(200_101, 200_113), "numbers"),
        ("x", [20_230_101 + n for n in range(31)], "numbers"),
        ("open_month", range(202_301, 202_304), "dates"),
        ("账期", range(202_301, 202_304), "dates"),
        ("IssueDate", [20_230_131, 20_230_228], "dates"),
        ("x", [20_230_101 + 100 * (n % 12) + n % 28 for n in range(90)], "dates"),
        ("x", [(2015 + n // 12) * 100 + n % 12 + 1 for n in range(48)], "dates"),
        ("x", [20_230_031 + 100 * (n % 12 + 1) for n in range(90)], "numbers"),
    ],
)
def test_amounts_that_look_like_days_stay_numbers(
    tmp_path: Path, name: str, values: Sequence[int], kind: str
) -> None:
    assert read_text(tmp_path, numbered(name, values))[1][name].kind == kind


@pytest.mark.parametrize(("learned", "kind"), [("", "numbers"), ("YYYY-MM-DD", "dates")])
def test_the_training_says_whether_numbers_are_days(tmp_path: Path, learned: str, kind: str) -> None:
    how = Reading("ended", numbers=["day"], measures={"day": learned})
    assert read_text(tmp_path, numbered("day", [20_230_101, 20_230_102]), how)[1]["day"].kind == kind


def test_zeros_without_a_mark_belong_to_any_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PART", 4)
    zeros = ["0", "0", "0.0", ""] * 2
    _, became = read_text(tmp_path, numbered("rate", [*zeros, "8.9%", "3%"]))
    assert became["rate"].measure == "percent"
    later = Reading("ended", numbers=["rate"], measures={"rate": "percent"})
    for cells in (zeros, ["", ""]):
        assert read_text(tmp_path, numbered("rate", cells), later)[1]["rate"].measure == "percent"
    with pytest.raises(TableInvalid, match=r"line 12, column 'rate': .* such as '0.5', do not"):
        read_text(tmp_path, numbered("rate", [*zeros, "8.9%", "3%", "0.5", "0.5", "0.5", "0.5"]))


def test_lines_are_those_of_the_file_after_blank_ones_and_long_cells(tmp_path: Path) -> None:
    text = 'note,n,ended\n"two\nlines",1,0\n\n\nx,2,1\nx,1_000,0\n'
    with pytest.raises(TableInvalid, match="line 7, column 'n': '1_000'"):
        read_text(tmp_path, text)
    with pytest.raises(TableInvalid, match="line 8 has 2 cells"):
        read_text(tmp_path, text.replace("1_000", "3") + "x,1\n")


def test_rows_without_an_outcome_are_counted(tmp_path: Path) -> None:
    table, _ = read_text(tmp_path, numbered("n", [1, 2, 3]) + "4,\n5,未知\n")
    assert (len(table), table.left_out, table.without([]).left_out) == (3, 2, 2)
