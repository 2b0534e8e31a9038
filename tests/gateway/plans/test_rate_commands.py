"""The commands ``rates``: two people, each by a code of their own app, and faults of files that are named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.core.calendar import shanghai_date
from tests.gateway.operators.shell import A_STEP

HEAD = "term,method,annual_rate,merchant_fee_rate,merchant_subsidy_rate,min_amount,max_amount"
GOOD = f"{HEAD}\n12,equal_installment,0.12,0.006,0,10000,10000000\n"


@pytest.fixture
def merchant(shell) -> str:
    names = ("--name", "商户", "--name-en", "Shop", "--category", "3c", "--email", "a@b.example")
    return str(shell("merchant", "create", *names)["merchant"])


def tomorrow() -> str:
    return (shanghai_date(datetime.now(UTC)) + timedelta(days=1)).isoformat()


def test_two_operators_agree_on_a_card_and_everyone_reads_it(shell, merchant):
    shell.operator("zhao.min")
    shell.operator("li.na", by="zhao.min")
    shell.operator("wang.wei", by="zhao.min")
    file = shell.file("card.csv", "\ufeff" + GOOD)
    propose = (
        "rates",
        "propose",
        file,
        "--merchant",
        merchant,
        "--from",
        tomorrow(),
        "--reason",
        "new terms",
    )
    said = shell(*propose, "--by", "Li.Na", types=shell.app("li.na"))
    id = said.split()[0]
    assert "0 same, 1 changed, 0 added, 4 removed" in said
    assert "annual_rate=0.18" in said
    assert shell("rates", "preview", id, "--json")["counts"]["changed"] == 1
    shown = shell("rates", "show", id, "--json")
    assert (shown["status"], shown["proposed_by"], shown["reason"]) == ("proposed", "li.na", "new terms")
    assert len(shown["difference"]["rows"]) == 5
    confirm = ("rates", "confirm", id, "--reason", "checked")
    refused = shell(*confirm, "--by", "li.na", types=shell.app("li.na"), code=1)
    assert "another operator must confirm" in refused
    assert "is confirmed" in shell(*confirm, "--by", "wang.wei", types=shell.app("wang.wei"))
    assert "only a proposed card" in shell(*confirm, "--by", "wang.wei", code=1)
    (row,) = shell("rates", "list", "--merchant", merchant, "--status", "confirmed", "--json")
    assert (row["id"], row["decided_by"]) == (id, "wang.wei")
    assert shell("rates", "list", "--status", "rejected", "--json") == []
    out = shell.folder / "again.json"
    shell("rates", "export", merchant, "--from", tomorrow(), "--format", "json", "--out", str(out))
    again = ("rates", "propose", str(out), *propose[3:])
    said = shell(*again, "--by", "wang.wei", types=shell.app("wang.wei"))
    assert "1 same, 0 changed, 0 added, 0 removed; it replaces" in said
    withdraw = ("rates", "withdraw", said.split()[0], "--by", "wang.wei", "--reason", "no need")
    shell.now -= A_STEP
    assert "was used" in shell(*withdraw, types=shell.app("wang.wei"), code=1)


def test_csv_of_what_began_with_the_merchant_is_taken_back(shell, merchant):
    shell.operator("li.na")
    text = shell("rates", "export", merchant, "--from", tomorrow())
    assert text.startswith("term,method,annual_rate")
    propose = ("rates", "propose", shell.file("same.csv", text), "--merchant", merchant, "--from", tomorrow())
    said = shell(*propose, "--by", "li.na", "--reason", "as it is", types=shell.app("li.na"))
    assert "5 same, 0 changed, 0 added, 0 removed" in said
    withdraw = ("rates", "withdraw", said.split()[0], "--by", "li.na", "--reason", "no need")
    assert "is withdrawn" in shell(*withdraw, types=shell.app("li.na"))


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.csv", GOOD.replace("0.12", "12 %"), "a.csv, line 2, column annual_rate: annual_rate must be"),
        ("a.csv", GOOD.replace("0.12", "0.30"), "a.csv, line 2, column annual_rate: It costs"),
        ("a.csv", GOOD.replace("10000,", "1e4,"), "a.csv, line 2, column min_amount: It must be a whole number of fen"),
        ("a.csv", GOOD + "\n,,,,,,\n3,flat_fee,,0.006,0,1,2\n", "line 5, column method: flat_fee requires"),
        ("a.csv", GOOD.replace("term", "months"), "line 1, column 1: There is no column 'months'"),
        ("a.csv", GOOD.replace("min_amount", "max_amount"), "line 1, column 7: The column max_amount stands twice"),
        ("a.csv", GOOD + "12,equal\n", "line 3: The row has 2 cells, but the heading 7"),
        ("a.csv", GOOD + '12,"equal\n', "It is not CSV"),
        ("a.csv", "", "line 1: The file is empty"),
        ("a.csv", HEAD + "\n", "the file: A card must have at least one price"),
        ("a.csv", GOOD.encode().replace(b"0.12", b"\xff\xfe"), "line 2, column 22: The file must be UTF-8"),
        ("a.csv", b"x" * 1_000_001, "at most"),
        ("a.xlsx", GOOD, "The name must end in .csv or .json"),
        ("a.json", '{"prices": [\n  {"term": 12,\n   "term": 13}]}', "line 2, column 3: The object has 'term' twice"),
        ("a.json", '{"prices": [\n{"term": 12,}]}', "line 2, column"),
        ("a.json", '{"prices": [\n  {"term": "12"}]}', "a.json, line 2, column 4: It must be a whole number of months"),
        ("a.json", '{"prices": [{"term": 3}], "x": 1}', "line 1: The file must be an object with prices"),
        ("a.json", '{"prices":\n {"term": 3}}', "line 1, column 2: prices must be a list"),
        ("a.json", '{"prices": [7]}', "prices[0] must be an object, not 7"),
        ("a.json", '{"prices": [{"rate": 3}]}', "There is no field 'rate'"),
        ("a.json", '{"prices": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
        ("a.json", '{"prices": [{"term": ' + "9" * 5_000 + "}]}", "digits"),
        ("a.json", "[]", "must be an object"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_card_is_refused_with_line_and_column(shell, merchant, name, text, says):
    shell.operator("li.na")
    propose = ("rates", "propose", shell.file(name, text), "--merchant", merchant, "--from", tomorrow())
    said = shell(*propose, "--by", "li.na", "--reason", "x", code=1)
    assert says in said, said
    assert "Nothing was proposed" in said
    assert shell("rates", "list", "--json") == []


def test_an_operator_is_proved_by_each_code_once_and_guesses_end(shell, merchant):
    made = shell("operators", "add", "Li.Na")
    shell.secrets["li.na"] = made["secret"]
    assert made["address"].startswith("otpauth://totp/")
    file = shell.file("card.csv", GOOD)
    propose = (
        "rates",
        "propose",
        file,
        "--merchant",
        merchant,
        "--from",
        tomorrow(),
        "--reason",
        "x",
        "--by",
    )
    assert "not confirmed yet" in shell(*propose, "li.na", types=shell.app("li.na"), code=1)
    shell("operators", "confirm", "li.na", types=shell.app("li.na"))
    shell.now -= A_STEP
    assert "was used" in shell(*propose, "li.na", types=shell.app("li.na"), code=1), "the same code again"
    for _ in range(4):
        assert "current code" in shell(*propose, "li.na", types="000000\n", code=1)
    assert "wait 15 minutes" in shell(*propose, "li.na", types=shell.app("li.na"), code=1)
    assert "no operator" in shell(*propose, "nobody", code=1)
    assert shell("rates", "list", "--json") == []
