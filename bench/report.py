"""What measurements report: for each figure its goal, its yardstick and whether it was met, as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

SIGNS = {"<=": "at most", ">=": "at least"}
HEADS = ("measurement", "result", "yardstick", "ratio", "goal", "met")


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure should be; with ``of_yardstick`` it is asked of the ratio to the yardstick."""

    sign: Literal["<=", ">="]
    value: float
    of_yardstick: bool = False

    def is_met(self, figure: float) -> bool:
        """Whether a figure, or a ratio, is as good."""
        return figure <= self.value if self.sign == "<=" else figure >= self.value

    def __str__(self) -> str:
        times = " of the yardstick" if self.of_yardstick else ""
        return f"{SIGNS[self.sign]} {self.value:g}{times}"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. ``ratio`` is given where it is no quotient of the two, such as a median of rounds."""

    name: str
    result: float
    unit: str
    goal: Goal | None = None
    yardstick: float | None = None
    ratio: float | None = None

    @property
    def to_yardstick(self) -> float | None:
        """The result in yardsticks."""
        return self.ratio if self.ratio is not None or not self.yardstick else self.result / self.yardstick

    @property
    def met(self) -> bool | None:
        """Whether the goal was met; None where there is none."""
        figure = self.to_yardstick if self.goal and self.goal.of_yardstick else self.result
        return None if self.goal is None or figure is None else self.goal.is_met(figure)


def at_least(value: float, *, of_yardstick: bool = False) -> Goal:
    """The more, the better."""
    return Goal(">=", value, of_yardstick)


def at_most(value: float, *, of_yardstick: bool = False) -> Goal:
    """The less, the better."""
    return Goal("<=", value, of_yardstick)


def table(rows: Iterable[Row]) -> str:
    """The figures in columns; with none, nothing."""
    lines = [HEADS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADS))]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n"
        for line in (lines if len(lines) > 1 else [])
    )


def document(facts: Mapping[str, Any], rows: Sequence[Row]) -> dict[str, Any]:
    """The same for a program; ``facts`` say where, when and how much was measured."""
    return {**facts, "rows": [_fields(row) for row in rows]}


def write(path: Path, facts: Mapping[str, Any], rows: Sequence[Row]) -> None:
    """Write the document as JSON."""
    path.write_text(json.dumps(document(facts, rows), indent=2) + "\n", "utf-8")


def _fields(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "result": row.result,
        "unit": row.unit,
        "yardstick": row.yardstick,
        "ratio": row.to_yardstick,
        "goal": str(row.goal) if row.goal else None,
        "met": row.met,
    }


def _cells(row: Row) -> tuple[str, ...]:
    ratio, met = row.to_yardstick, {None: "", True: "yes", False: "no"}[row.met]
    return (
        row.name,
        f"{_short(row.result)} {row.unit}".rstrip(),
        f"{_short(row.yardstick)} {row.unit}".rstrip() if row.yardstick is not None else "",
        _short(ratio) if ratio is not None else "",
        str(row.goal) if row.goal else "",
        met,
    )


def _short(figure: float) -> str:
    """Three digits that mean something, or all of a large figure's whole ones."""
    return f"{figure:,.0f}" if abs(figure) >= 100 else f"{figure:.3g}"
