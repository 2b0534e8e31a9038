"""Verify: does the ledger keep its invariants? Everything is added up by the database; the book is never loaded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, func, select, text

from gateway.core.calendar import shanghai_date
from gateway.db.guards import FACTS, LEDGER, loose_settings, missing_guards
from gateway.db.progress import Progress, silent
from gateway.db.transactions import Transaction
from gateway.ledger.integrity import chain, chain_check, tree_check, trees
from gateway.ledger.integrity.chain_check import ChainState
from gateway.ledger.integrity.checks import INVARIANTS, OPEN_CLEARING_ITEMS, Check, Invariant
from gateway.ledger.models import ENTRY, POSTING, SEAL
from gateway.ledger.reports import trial_balance
from gateway.roots import service as signing
from gateway.roots.chains import Chain
from gateway.roots.checking import Verifier
from gateway.roots.checking import check as check_roots
from gateway.roots.root import Root

MOST_ITEMS = 20
SIGNED = {
    chain.CHAIN: ("chain_roots", "the chain still holds every root that was signed"),
    trees.TREES: ("tree_roots", "the trees still hold every root that was signed"),
}
"""What is signed of the ledger, with the name of its check and what that says."""


@dataclass(frozen=True, slots=True)
class ClearingItem:
    """Something instructed whose outcome is not confirmed; signed fen, days since its first posting (Shanghai)."""

    account: str
    object: str
    amount_fen: int
    age_days: int


@dataclass(frozen=True, slots=True)
class Report:
    """All checks. ``first_broken`` is the earliest broken entry, else the first other thing that is broken."""

    ok: bool
    first_broken: str | None
    entries: int
    postings: int
    checks: tuple[Check, ...]
    clearing_items: int
    oldest_clearing_items: tuple[ClearingItem, ...]
    chain: ChainState

    def as_json(self) -> dict[str, Any]:
        """The report as a JSON object; amounts in fen."""
        return asdict(self)


def verify(
    tx: Transaction,
    agreements: Sequence[Invariant] = (),
    *,
    progress: Progress = silent,
    verifier: Verifier | None = None,
    exported: Sequence[Root] = (),
) -> Report:
    """Check every invariant that the books can show, ``agreements`` with other tables, and recompute the hash chain.

    The chain and the trees over it are compared with their signed roots, and with those that were ``exported``;
    signatures are checked where a ``verifier`` is given. Reads only, in time proportional to the book and in memory
    that does not depend on it. Where others post meanwhile, call it in a transaction in which the books stand still
    (REPEATABLE READ on PostgreSQL).
    """
    connection = tx.connection()
    checks = (
        *invariants(connection, progress),
        *(_check(connection, agreement, False)[0] for agreement in agreements),
        *chain_check.checks(connection, progress),
        tree_check.check(connection, progress),
        *(_roots(tx, one, verifier, exported) for one in SIGNED),
    )
    broken = [check for check in checks if not check.ok]
    entries = [check.first for check in broken if check.names == "entry" and check.first is not None]
    others = [check.first for check in broken if check.first is not None]
    open_items = connection.execute(
        text(f"SELECT count(*) FROM ({OPEN_CLEARING_ITEMS}) AS items")
    ).scalar_one()
    return Report(
        ok=not broken,
        first_broken=min(entries) if entries else others[0] if others else None,
        entries=connection.execute(select(func.count()).select_from(ENTRY)).scalar_one(),
        postings=connection.execute(select(func.count()).select_from(POSTING)).scalar_one(),
        checks=checks,
        clearing_items=open_items,
        oldest_clearing_items=tuple(_oldest_items(connection, shanghai_date(tx.now))),
        chain=chain_check.state(connection),
    )


def invariants(connection: Connection, progress: Progress = silent) -> Iterator[Check]:
    """Check everything but the hash chain: the sums, the guards and the settings."""
    proven = True
    for done, invariant in enumerate(INVARIANTS):
        progress("invariants", done, len(INVARIANTS))
        check, proven = _check(connection, invariant, proven)
        yield check
        if invariant.name == "entries_balanced":
            check = _trial_balance(connection, proven)
            proven = proven and check.ok
            yield check
    missing = missing_guards(connection, (*LEDGER, *FACTS))
    yield Check(
        "guards_stand",
        "the triggers that protect the ledger and all other facts are in place and unchanged",
        ok=not missing,
        broken=len(missing),
        names="guard",
        first=missing[0] if missing else None,
        detail=", ".join(missing),
    )
    loose = loose_settings(connection)
    yield Check(
        "settings_strict",
        "this connection enforces foreign keys and triggers",
        ok=not loose,
        broken=len(loose),
        names="setting",
        first=loose[0] if loose else None,
        detail=", ".join(loose),
    )


def _check(connection: Connection, invariant: Invariant, proven: bool) -> tuple[Check, bool]:
    """Take the rule's proof when all before it are ``proven``, else look for what breaks it.

    The second value says whether later proofs may lean on this rule: one that holds without its proof is not enough.
    """
    sound = Check(invariant.name, invariant.says, ok=True)
    if invariant.proof and connection.dialect.name in invariant.proof_on:
        proven = proven and bool(connection.execute(text(f"SELECT {invariant.proof}")).scalar_one())
        if proven:
            return sound, True
    found = f"({invariant.sql}) AS found"
    broken = connection.execute(text(f"SELECT count(*) FROM {found}")).scalar_one()
    if not broken:
        return sound, proven
    what, detail = connection.execute(
        text(f"SELECT what, detail FROM {found} ORDER BY what, detail LIMIT 1")
    ).one()
    names = invariant.names
    return Check(invariant.name, invariant.says, False, broken, names, what, detail), False


def _roots(tx: Transaction, signed: Chain, verifier: Verifier | None, exported: Sequence[Root]) -> Check:
    kept = signing.signed(tx, signed.name)
    of_it = [root for root in exported if root.chain == signed.name]
    problems = check_roots(tx, signed, kept, of_it, verifier=verifier)
    first = problems[0] if problems else None
    name, says = SIGNED[signed]
    return Check(
        name,
        says,
        ok=first is None,
        broken=len(problems),
        names=signed.unit,
        first=str(first.number) if first else None,
        detail=f"{first.what}: {first.detail}" if first else "",
    )


def _trial_balance(connection: Connection, proven: bool) -> Check:
    """Compare the trial balance with the postings as they are, in one statement, so that nothing comes between.

    Where every entry is ``proven`` to be what its seal states, the sum of the seals stands for that of the postings.
    """
    accounts = trial_balance.query().subquery()
    by_account = select(func.coalesce(func.sum(accounts.c.debit + accounts.c.credit), 0)).scalar_subquery()
    posted_sum = func.sum(SEAL.c.gross) * 2 if proven else func.sum(func.abs(POSTING.c.amount))
    by_posting = select(func.coalesce(posted_sum, 0)).scalar_subquery()
    shown, posted = connection.execute(select(by_account, by_posting)).one()
    return Check(
        "trial_balance_complete",
        "the trial balance shows everything that was posted",
        ok=shown == posted,
        broken=int(shown != posted),
        names="total",
        first=None if shown == posted else "trial balance",
        detail="" if shown == posted else f"turnover shown {shown} fen, posted {posted} fen",
    )


def _oldest_items(connection: Connection, today: date) -> Iterator[ClearingItem]:
    rows = connection.execute(text(f"{OPEN_CLEARING_ITEMS} ORDER BY since, object LIMIT {MOST_ITEMS}"))
    for account, about, amount, since in rows:
        first = date.fromisoformat(since) if isinstance(since, str) else since
        yield ClearingItem(account, about, int(amount), (today - first).days)
