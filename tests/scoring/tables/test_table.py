"""Reading a CSV file: what is a number, what is bad, and what is refused."""

from __future__ import annotations

import lzma
from pathlib import Path

import numpy as np
import pytest

from scoring.errors import TableInvalid
from scoring.tables.encoding import Encoding, Scaling
from scoring.tables.table import Table

CSV = """amount,kind,score,ended
100,phone,1.5,good
200,,NA,bad
300,sofa,-2,good
"""


def read(tmp_path: Path, text: str, target: str = "ended") -> Table:
    path = tmp_path / "rows.csv"
    path.write_text(text, "utf-8")
    return Table.read(path, target)


def test_columns_are_numbers_with_gaps_or_words(tmp_path: Path) -> None:
    table = read(tmp_path, CSV)
    assert table.names == ("amount", "kind", "score")
    assert table.bad.tolist() == [False, True, False]
    assert table.columns["kind"] == ("phone", "", "sofa")
    score = table.columns["score"]
    assert isinstance(score, np.ndarray)
    assert np.isnan(score).tolist() == [False, True, False]


def test_a_compressed_file_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv.xz"
    path.write_bytes(lzma.compress(CSV.encode()))
    assert len(Table.read(path, "ended")) == 3


@pytest.mark.parametrize(
    ("values", "bads"), [("01", 1), (("no", "yes"), 1), (("bad", "good"), 1), (("0.0", "1.0"), 1)]
)
def test_the_bad_value_is_known_by_its_name(tmp_path: Path, values: tuple[str, str], bads: int) -> None:
    text = "x,ended\n" + "".join(f"1,{value}\n" for value in values)
    assert read(tmp_path, text).bad.sum() == bads


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no column 'ended'"),
        ("a,b\n1,2\n", "there is no column 'ended'; there are: a, b"),
        ("a,ended\n", "no rows"),
        ("a,ended\n1,0\n1,0,3\n", "line 3 has 3 cells, but the header has 2"),
        ("a,ended\n1,0\n2,1\n3,2\n", "must have two values"),
        ("a,ended\n1,red\n2,blue\n", "has blue and red; expected 0 and 1"),
        ("a,a,ended\n1,2,0\n", "repeats a column"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(TableInvalid, match=complaint):
        read(tmp_path, text)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"a,ended\n\xff\xfe,0\n")
    with pytest.raises(TableInvalid, match="not a UTF-8 CSV file"):
        Table.read(tmp_path / "x.csv", "ended")
    (tmp_path / "x.csv.xz").write_bytes(b"not compressed")
    with pytest.raises(TableInvalid, match="not a UTF-8 CSV file"):
        Table.read(tmp_path / "x.csv.xz", "ended")


def test_a_ratio_is_zero_over_zero_and_a_gap_where_a_gap_is(tmp_path: Path) -> None:
    table = read(tmp_path, "a,b,c,ended\n1,2,x,0\n3,0,x,1\nNA,5,x,0\n").with_ratios(["a/b"])
    ratio = table.columns["a/b"]
    assert isinstance(ratio, np.ndarray)
    assert ratio[:2].tolist() == [0.5, 0.0]
    assert np.isnan(ratio[2])
    for wrong in ("a/z", "a/c", "a"):
        with pytest.raises(TableInvalid, match="two number columns"):
            table.with_ratios([wrong])


def test_protected_columns_are_known_by_name(tmp_path: Path) -> None:
    table = read(tmp_path, "SEX,amount,Age,ended\n1,2,3,0\n2,3,4,1\n")
    assert table.protected == ("SEX", "Age")
    assert table.without(["SEX", "Age"]).names == ("amount",)


def test_a_word_that_was_rare_in_training_has_no_input_and_a_new_one_is_harmless(tmp_path: Path) -> None:
    rows = "".join(f"{i % 7},{'a' if i % 2 else 'b'},{i % 2}\n" for i in range(999)) + "1,rare,1\n"
    encoding = Encoding.fit(read(tmp_path, "n,word,ended\n" + rows))
    assert encoding.inputs == ("n", "word=a", "word=b")
    later = read(tmp_path, "word,n,ended\nnew,1,0\na,NA,1\n")
    matrix = encoding.matrix(later)
    assert matrix[0].tolist() == [1, 0, 0]
    assert matrix[1].tolist() == [encoding.fills["n"], 1, 0]
    assert Encoding.from_json(encoding.as_json()) == encoding
    assert encoding.unseen(later) == {"n": {"gaps": 1}, "word": {"words": 1, "examples": ["new"]}}


def test_a_gap_that_the_training_had_too_stays_a_gap_and_is_not_told_as_new(tmp_path: Path) -> None:
    rows = "".join(f"{i % 7 if i % 3 else 'NA'},{i % 2}\n" for i in range(999))
    encoding = Encoding.fit(read(tmp_path, "n,ended\n" + rows))
    later = read(tmp_path, "n,ended\nNA,0\n2,1\n")
    assert np.isnan(encoding.matrix(later)[0, 0])
    assert encoding.unseen(later) == {}


@pytest.mark.parametrize(("bad_when", "quartile"), [("low", 25.0), ("high", 75.0)])
def test_a_new_gap_counts_as_the_quartile_on_the_side_of_the_bad_outcomes(
    tmp_path: Path, bad_when: str, quartile: float
) -> None:
    rows = "".join(f"{i},{int((i < 30) == (bad_when == 'low'))}\n" for i in range(101))
    encoding = Encoding.fit(read(tmp_path, "income,ended\n" + rows))
    assert encoding.matrix(read(tmp_path, "income,ended\n,0\n1,1\n"))[0, 0] == quartile


@pytest.mark.parametrize(
    "header",
    [
        "\ufeffSEX",
        "SE\u200bX",
        "\u2060SEX",
        "ＳＥＸ",
        " SEX\u00a0",
        "S\u00adEX",
        "性\u200d别",
        "Ａge",
        "applicant\u3000age",
    ],
)
def test_a_protected_column_is_known_however_its_name_is_dressed(tmp_path: Path, header: str) -> None:
    table = read(tmp_path, f"{header},n,ended\n1,2,0\n2,3,1\n")
    assert len(table.protected) == 1
    assert table.names[0].isprintable()
    assert Table({header: np.zeros(2)}, np.array([True, False])).protected == (header,)


def test_a_byte_order_mark_before_a_quoted_name_is_no_part_of_it(tmp_path: Path) -> None:
    assert read(tmp_path, '\ufeff"a, b",ended\n1,0\n2,1\n').names == ("a, b",)


def test_names_that_only_look_different_are_one_column_twice(tmp_path: Path) -> None:
    with pytest.raises(TableInvalid, match="repeats a column: 'age' is in columns 1 and 3"):
        read(tmp_path, "age,n,ａｇｅ,ended\n1,2,3,0\n2,3,4,1\n")


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e400", "1e300", "-4e38"])
def test_a_number_that_no_model_can_hold_is_refused_by_line_and_column(tmp_path: Path, cell: str) -> None:
    with pytest.raises(TableInvalid, match=rf"line 3, column 'b': '{cell}' is infinite or too large"):
        read(tmp_path, f"a,b,ended\n1,1,0\n1,{cell},1\n")


def test_a_number_with_underscores_is_refused_by_line_and_column(tmp_path: Path) -> None:
    with pytest.raises(TableInvalid, match="line 2, column 'a': '1_000' has underscores; write 1000"):
        read(tmp_path, "a,ended\n1_000,0\n2,1\n")


def test_such_texts_among_words_are_words(tmp_path: Path) -> None:
    assert read(tmp_path, "a,ended\ninf,0\n1_000,0\nsmall,1\n").columns["a"] == ("inf", "1_000", "small")


def test_a_word_where_the_training_had_numbers_is_named_by_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "later.csv"
    path.write_text("n,ended\n1,0\nlots,1\n", "utf-8")
    with pytest.raises(TableInvalid, match="line 3, column 'n': 'lots' is not a number"):
        Table.read(path, "ended", numbers=("n",))


@pytest.mark.parametrize(
    "text", ["word,ended\na,0\nb,1\n", "n,word,ended\nx,a,0\ny,b,1\n", "n,ended\n1,0\n2,1\n"]
)
def test_a_column_that_is_gone_or_of_another_kind_is_named(tmp_path: Path, text: str) -> None:
    encoding = Encoding(("n",), (("word", ("a",)),))
    with pytest.raises(TableInvalid, match=r"the column '(n|word)' is (missing|no longer numbers)"):
        encoding.matrix(read(tmp_path, text))


def test_scaling_is_bounded_monotone_and_stored_whole() -> None:
    random = np.random.default_rng(1)
    columns = [random.lognormal(3, 2, 500), random.integers(0, 3, 500), np.full(500, 7.0)]
    matrix = np.column_stack(columns).astype(np.float32)
    matrix[::10, 0] = np.nan
    scaling = Scaling.fit(matrix)
    found = scaling.apply(matrix)
    assert found.shape == (500, scaling.width) == (500, 7)
    assert np.abs(found).max() <= 4
    order = np.argsort(np.nan_to_num(matrix[:, 0]), kind="stable")
    assert (np.diff(found[order, 3]) >= 0).all()
    assert found[:, 6].sum() == 50
    again = Scaling.from_arrays(scaling.arrays())
    assert np.array_equal(again.apply(matrix), found)


@pytest.mark.parametrize(
    ("name", "protected"),
    [
        ("personal_status_and_sex", True),
        ("age_in_years", True),
        ("customer_age", True),
        ("date_of_birth", True),
        ("性别", True),
        ("婚姻状况", True),
        ("phone_age_months", False),
        ("average", False),
        ("essex_branch", False),
        ("月收入", False),
    ],
)
def test_a_protected_name_is_known_in_chinese_and_within_a_longer_one(name: str, protected: bool) -> None:
    table = Table({name: np.zeros(2)}, np.array([True, False]))
    assert table.protected == ((name,) if protected else ())
