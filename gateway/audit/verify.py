"""Checking the audit log: every hash anew, the numbers without gaps, every signed root, and the triggers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlmodel import col, select

from gateway.audit import chain, service
from gateway.audit.models import AuditEntry
from gateway.core.signing import BadSignature, Signature, SigningAuthority, UnknownKey
from gateway.db.guards import AUDIT, missing_guards
from gateway.db.transactions import Transaction

BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and at which number: an ``entry`` that was changed, a ``gap``, an ``order``, or a ``root``."""

    number: int
    what: str
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """How many entries and roots were checked, and what is wrong, in order."""

    entries: int
    roots: int
    problems: tuple[Problem, ...]
    missing_guards: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.problems and not self.missing_guards

    def as_json(self) -> dict[str, Any]:
        """The report as plain values; ``first`` is the first bad number or None."""
        return {
            "ok": self.ok,
            "entries": self.entries,
            "roots": self.roots,
            "first": self.problems[0].number if self.problems else None,
            "problems": [asdict(problem) for problem in self.problems],
            "missing_guards": list(self.missing_guards),
        }


def verify(tx: Transaction, authority: SigningAuthority) -> Report:
    """Check everything; memory stays flat but for what is wrong."""
    roots = {root.number: root for root in service.roots(tx)}
    problems: list[Problem] = []
    entries, previous, unseen = 0, chain.BEGINNING, dict(roots)
    rows = tx.exec(select(AuditEntry).order_by(col(AuditEntry.number)).execution_options(yield_per=BATCH))
    for entry in rows:
        entries += 1
        problems += _of_entry(entry, after=entries, previous=previous)
        root = unseen.pop(entry.number, None)
        if root is not None and root.hash != entry.hash:
            problems.append(
                Problem(entry.number, "root", f"the root of {root.day} was signed over another hash")
            )
        entries, previous = entry.number, entry.hash
        tx.expunge(entry)
    problems += [
        Problem(number, "root", f"the root of {root.day} names an entry that is gone")
        for number, root in unseen.items()
    ]
    for root in roots.values():
        signature = Signature(root.algorithm, root.key_id, root.signature)
        try:
            authority.verify(chain.signed_text(root.day, root.number, root.hash), signature)
        except (BadSignature, UnknownKey) as error:
            problems.append(
                Problem(root.number, "root", f"the root of {root.day} is not signed by us: {error}")
            )
    problems.sort(key=lambda problem: problem.number)
    return Report(entries, len(roots), tuple(problems), tuple(missing_guards(tx.connection(), AUDIT)))


def _of_entry(entry: AuditEntry, *, after: int, previous: str) -> list[Problem]:
    """What is wrong with one entry, which should be number ``after`` and follow the hash ``previous``."""
    found = []
    if entry.number != after:
        found.append(Problem(entry.number, "gap", f"number {after} is missing before it"))
    if entry.previous_hash != previous:
        found.append(Problem(entry.number, "order", "it does not follow the entry before it"))
    if chain.entry_hash(entry.model_dump()) != entry.hash:
        found.append(Problem(entry.number, "entry", "its content is not what was hashed"))
    return found
