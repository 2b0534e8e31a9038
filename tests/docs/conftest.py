"""Pages of the documentation as tests read them: the marked tables, the examples, and the numbers in the prose."""

from __future__ import annotations

import doctest
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
TABLE = re.compile(r"<!-- computed: ([a-z0-9_]+) -->\n\n?((?:\|.*\n)+)")
FENCE = re.compile(r"^```(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FIGURE = re.compile(r"(?<![\w.,:/-])-?[0-9][0-9,]*(?:\.[0-9]+)?(?![0-9]|[:/-][0-9])")
DATE = re.compile(r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}\b")


@dataclass(frozen=True)
class Page:
    """One page of Markdown."""

    text: str

    @property
    def tables(self) -> dict[str, list[list[str]]]:
        """The rows of every table behind ``<!-- computed: name -->``, without head and rule."""
        found = TABLE.findall(self.text)
        assert len({name for name, _ in found}) == len(found), "a name marks one table"
        return {name: [cells(line) for line in table.splitlines()[2:]] for name, table in found}

    @property
    def examples(self) -> str:
        """The blocks of Python examples, in order: they share their names."""
        return "\n".join(block for language, block in FENCE.findall(self.text) if language == "pycon")

    @property
    def computed(self) -> set[str]:
        """Every figure and date that the code is seen to produce: in marked tables, and printed by examples."""
        shown = [cell for rows in self.tables.values() for row in rows for cell in row]
        shown += [example.want for example in doctest.DocTestParser().get_examples(self.examples)]
        return {figure for text in shown for figure in figures(text)}

    @property
    def claimed(self) -> set[str]:
        """Every figure of money or rates and every date in the prose and the plain blocks."""
        rest = FENCE.sub(
            lambda block: "" if block[1] in {"pycon", "console"} else block[2], TABLE.sub("", self.text)
        )
        return {figure for figure in figures(rest) if not figure.isdigit() or len(figure) > 3}


def cells(line: str) -> list[str]:
    return [cell.strip().strip("`") for cell in line.strip().strip("|").split("|")]


def figures(text: str) -> Iterator[str]:
    yield from DATE.findall(text)
    for figure in FIGURE.findall(DATE.sub("", text)):
        yield figure.strip(",").lstrip("-").replace(",", "")


@pytest.fixture(scope="session")
def read_page() -> Callable[[str], Page]:
    """The page of a name, such as ``formulas``."""
    return lambda name: Page((DOCS / f"{name}.md").read_text("utf-8"))


@pytest.fixture(scope="session")
def run_examples() -> Callable[[Page], int]:
    """Run the Python examples of a page; returns how many there are, and fails where one prints something else."""

    def run(page: Page) -> int:
        test = doctest.DocTestParser().get_doctest(page.examples, {}, "page", "page", 0)
        said: list[str] = []
        result = doctest.DocTestRunner(verbose=False).run(test, out=said.append)
        assert not result.failed, "".join(said)
        return result.attempted

    return run
