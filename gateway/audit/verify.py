"""Checking the audit log: every hash again, the numbers without gaps, every signed root, and the triggers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlmodel import col, select

from gateway.audit import chain, service
from gateway.audit.models import AuditEntry
from gateway.db import witness
from gateway.db.guards import AUDIT, missing_guards
from gateway.db.transactions import Transaction
from gateway.roots.checking import Verifier, check
from gateway.roots.root import Root

BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and at which number.

    An ``entry`` that was changed, a ``gap``, an ``order``, or what a root shows (see ``gateway.roots.checking``).
    """

    number: int
    what: str
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """How many entries and roots were checked, how many entries no root covers yet, and what is wrong, in order."""

    entries: int
    roots: int
    exported: int
    unsigned: int
    rows: bool
    """Whether rows were compared with their keyed hashes."""
    problems: tuple[Problem, ...]
    missing_guards: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong and every guard stands."""
        return not self.problems and not self.missing_guards

    def as_json(self) -> dict[str, Any]:
        """The report as plain values; ``first`` is the first bad number or None."""
        return {
            "ok": self.ok,
            "entries": self.entries,
            "roots": self.roots,
            "exported_roots": self.exported,
            "unsigned": self.unsigned,
            "rows_compared": self.rows,
            "first": self.problems[0].number if self.problems else None,
            "problems": [asdict(problem) for problem in self.problems],
            "missing_guards": list(self.missing_guards),
        }


def verify(
    tx: Transaction, verifier: Verifier, exported: Sequence[Root] = (), *, rows: bool = True
) -> Report:
    """Check everything; memory stays flat but for what is wrong.

    ``rows`` also compares rows with their keyed hashes, which needs their keys. ``exported`` are roots that were kept
    elsewhere: only they show what somebody did who can write all of the database.
    """
    kept = service.roots(tx)
    problems: list[Problem] = []
    entries, previous, number = 0, chain.BEGINNING, 0
    query = select(AuditEntry).order_by(col(AuditEntry.number)).execution_options(yield_per=BATCH)
    for entry in tx.exec(query):
        entries += 1
        problems += _of_entry(entry, after=number + 1, previous=previous)
        number, previous = entry.number, entry.hash
        tx.expunge(entry)
    signed = max((root.number for root in kept), default=0)
    problems += [
        Problem(found.number, found.what, found.detail)
        for found in check(tx, service.CHAIN, kept, exported, verifier=verifier)
    ]
    if rows:
        compared = witness.unlike(tx.connection(), tx.row_keys())
        problems += [Problem(0, "row", f"{table} {key}: {wrong}") for table, key, wrong in compared]
    problems.sort(key=lambda problem: problem.number)
    return Report(
        entries=entries,
        roots=len(kept),
        exported=len(exported),
        unsigned=max(number - signed, 0),
        rows=rows,
        problems=tuple(problems),
        missing_guards=tuple(missing_guards(tx.connection(), AUDIT)),
    )


def _of_entry(entry: AuditEntry, *, after: int, previous: str) -> list[Problem]:
    """What is wrong with one entry, which should be number ``after`` and follow the hash ``previous``."""
    found = []
    if entry.number != after:
        found.append(Problem(entry.number, "gap", f"number {after} before it is missing"))
    if entry.previous_hash != previous:
        found.append(Problem(entry.number, "order", "it does not follow the entry before it"))
    if chain.entry_hash(entry.model_dump()) != entry.hash:
        found.append(Problem(entry.number, "entry", "its content differs from what was hashed"))
    return found
