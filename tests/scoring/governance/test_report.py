"""The report: one file that fetches nothing, in both languages, without a decision's identifier."""

from __future__ import annotations

import json
import re
import sys
from html.parser import HTMLParser

import pytest

from scoring.cli import main
from scoring.governance import scorelog
from scoring.governance.plots import PlotsUnavailable
from scoring.governance.report import HERE, LANGUAGES, read_outcomes, report
from scoring.governance.scorelog import LogInvalid

pytest.importorskip("matplotlib", reason="matplotlib is not installed")


class Page(HTMLParser):
    """Balanced tags, and every attribute that could fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetching: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.fetching += [
            value
            for name, value in attrs
            if name in ("src", "href", "xlink:href") and not value.startswith("#")
        ]

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def pages(scorer, records):
    """The report of a log whose outcomes are known, in each language."""
    outcomes = {record.decision: index % 23 == 0 for index, record in enumerate(records)}
    return {language: report(scorer, records, outcomes=outcomes, language=language) for language in LANGUAGES}


@pytest.mark.parametrize(
    ("language", "title"), [("zh-CN", "评分模型监测报告"), ("en", "Report on the scoring model")]
)
def test_a_report_is_one_page_that_fetches_nothing_and_names_no_decision(pages, language, title):
    page = Page(pages[language])
    assert title in page.text
    assert page.fetching == []
    assert not re.search(r"dec_\d", page.text)
    assert page.text.count("AUC") == 1
    assert "strict" in page.text


def test_a_status_is_told_in_words_and_not_by_colour_alone(scorer, records, pages):
    assert "太少" in Page(report(scorer, records[:60])).text
    assert "Scores and main inputs are distributed much as before." in Page(pages["en"]).text


def test_plots_take_their_colours_from_the_page(scorer, records, pages):
    page = report(scorer, records)
    drawn = "".join(re.findall(r"<svg.*?</svg>", page, re.DOTALL))
    assert {"var(--accent)", "var(--other)", "var(--muted)"} <= set(re.findall(r"var\(--\w+\)", drawn))
    assert not re.search(r"#0[0-9]0[0-9]0[0-9]", drawn)
    of_known_outcomes = re.findall(r"<svg.*?</svg>", pages["zh-CN"], re.DOTALL)
    assert set(re.findall(r"<svg.*?</svg>", page, re.DOTALL)) < set(of_known_outcomes), (
        "the same log, the same plots"
    )


def test_both_languages_say_the_same_things():
    words = json.loads((HERE / "report_words.json").read_text("utf-8"))
    assert words["zh-CN"].keys() == words["en"].keys()


def test_outcomes_are_read_and_a_wrong_line_is_named(tmp_path):
    path = tmp_path / "ended.csv"
    path.write_text("decision,bad\ndec_1,0\ndec_2,1\n")
    assert read_outcomes(path) == {"dec_1": False, "dec_2": True}
    path.write_text("decision,bad\ndec_1,0\ndec_2,maybe\n")
    with pytest.raises(LogInvalid, match="line 3"):
        read_outcomes(path)
    path.write_text("id,ended\n")
    with pytest.raises(LogInvalid, match="decision and bad"):
        read_outcomes(path)


def test_without_matplotlib_the_extra_is_named(scorer, records, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(PlotsUnavailable, match=r"fenqi-gateway\[report\]"):
        report(scorer, records)


def test_the_command_writes_the_page(records, tmp_path, capsys):
    scorelog.write(tmp_path / "log", records)
    out = tmp_path / "page.html"
    assert main(["report", "--log", str(tmp_path / "log"), "--out", str(out)]) == 0
    assert out.read_text("utf-8").startswith("<!doctype html>")
    assert "kB" in capsys.readouterr().out
