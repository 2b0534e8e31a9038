"""What a proof finds: a row that does not say what follows from the facts, and the first of them in order."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

MOST_FINDINGS = 20


@dataclass(frozen=True, slots=True)
class Row:
    """A stored row, by table and primary key, and whose it is."""

    table: str
    id: str
    merchant: str
    mode: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One column of one row: what it should say, what it says, and what the first was computed from."""

    table: str
    id: str
    column: str
    wanted: str
    got: str
    computed_from: str
    merchant: str
    mode: str

    def sentence(self) -> str:
        """The finding in one line."""
        return (
            f"{self.table} {self.id} {self.column}: wanted {self.wanted}, got {self.got} "
            f"(from {self.computed_from}; {self.merchant}, {self.mode})"
        )


@dataclass(slots=True)
class Findings:
    """Gathers findings: all are counted, the first ones are kept, so that memory does not grow with the damage."""

    count: int = 0
    first: list[Finding] = field(default_factory=list)

    def same(self, row: Row, column: str, *, wanted: Any, got: Any, computed_from: str) -> bool:
        """Note that ``column`` is not what it should be; says whether it is."""
        if wanted == got:
            return True
        self.note(row, column, wanted=wanted, got=got, computed_from=computed_from)
        return False

    def among(self, row: Row, column: str, *, wanted: Collection[Any], got: Any, computed_from: str) -> bool:
        """The same where several values are right: a job that has not run yet leaves the one of before."""
        if got in wanted:
            return True
        texts = " or ".join(sorted({_text(value) for value in wanted})) or "nothing"
        self.note(row, column, wanted=texts, got=got, computed_from=computed_from)
        return False

    def note(self, row: Row, column: str, *, wanted: Any, got: Any, computed_from: str) -> None:
        """Note a row that disagrees."""
        self.count += 1
        if len(self.first) < MOST_FINDINGS:
            self.first.append(
                Finding(
                    row.table,
                    row.id,
                    column,
                    _text(wanted),
                    _text(got),
                    computed_from,
                    row.merchant,
                    row.mode,
                )
            )

    def as_json(self) -> list[dict[str, str]]:
        """The first findings as plain values."""
        return [asdict(finding) for finding in self.first]


def _text(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return str(value)
