"""What ``fenqi-gateway ledger …`` does: verify, trial balance, export. Each prints and returns the exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from gateway.core.money import yuan
from gateway.core.tenant import Mode
from gateway.db.progress import bar, silent
from gateway.db.transactions import Database, Transaction
from gateway.ledger.booking.accounts import MEMO_KINDS
from gateway.ledger.integrity.chain import CHAIN
from gateway.ledger.integrity.checks import Invariant
from gateway.ledger.integrity.trees import TREES
from gateway.ledger.integrity.verify import Report
from gateway.ledger.integrity.verify import verify as verify_books
from gateway.ledger.reports import trial_balance as trial
from gateway.ledger.reports.export import Span, count, export_file
from gateway.monitoring import metrics
from gateway.roots import commands as roots_commands
from gateway.roots import service as signing
from gateway.roots.checking import Verifier, of_chain
from gateway.roots.root import read


def verify(
    db: Database,
    *,
    as_json: bool,
    agreements: Sequence[Invariant] = (),
    verifier: Verifier | None = None,
    roots: Path | None = None,
) -> int:
    """Check the invariants and print the report: 0 when all hold, 1 when one is broken.

    ``roots`` is a file or a folder of exported roots. Raises ``ValueError`` when it holds none of the ledger.
    """
    exported = []
    if roots is not None:
        given = read(roots)
        exported = [*of_chain(given, CHAIN, roots), *(root for root in given if root.chain == TREES.name)]
    with still(db) as tx, bar() as progress:
        report = verify_books(tx, agreements, progress=progress, verifier=verifier, exported=exported)
    if as_json:
        print(json.dumps(report.as_json(), ensure_ascii=False, indent=2))
    else:
        print_report(report)
    note_verified(db, report)
    return 0 if report.ok else 1


def note_verified(db: Database, report: Report) -> None:
    """Let the metrics say when the books were sound last."""
    if report.ok:
        metrics.LEDGER_VERIFIED.set(report.chain.chained)
        metrics.LEDGER_VERIFIED_AT.set(db.clock().timestamp())


def roots(db: Database, *, as_json: bool) -> int:
    """Print every signed root of the chain and of the trees over it, to be kept where the gateway cannot write."""
    with db.read() as tx:
        signed = [root for chain in (CHAIN, TREES) for root in signing.signed(tx, chain.name)]
    return roots_commands.show(signed, as_json=as_json)


def trial_balance(db: Database, *, end: date | None = None, as_json: bool = False) -> int:
    """Print the balance of every account in yuan; 0 when debits equal credits in each mode, else 1."""
    with still(db) as tx:
        rows = list(trial.rows(tx, end=end))
    if as_json:
        return _trial_as_json(rows)
    sound = True
    for mode in sorted({row.mode for row in rows}):
        print(f"{mode:60} {'debit':>20} {'credit':>20}")
        debit = credit = 0
        for row in rows:
            if row.mode != mode:
                continue
            name = f"{row.kind}:{row.owner}" if row.owner else row.kind
            memo = "  (memo)" if row.kind in MEMO_KINDS else ""
            print(f"  {name + memo:58} {_column(row.balance_fen)} {_column(-row.balance_fen)}")
            debit += max(row.balance_fen, 0)
            credit += max(-row.balance_fen, 0)
        print(f"  {'total':58} {yuan(debit):>20} {yuan(credit):>20}")
        sound = sound and debit == credit
    if not rows:
        print("The ledger has no entries yet.")
    return 0 if sound else 1


def _trial_as_json(rows: Sequence[trial.TrialRow]) -> int:
    accounts = [
        {
            "mode": row.mode,
            "account": row.kind,
            "owner": row.owner or None,
            "memo": row.kind in MEMO_KINDS,
            "balance_fen": row.balance_fen,
        }
        for row in rows
    ]
    print(json.dumps(accounts, ensure_ascii=False, indent=2))
    modes = {row.mode for row in rows}
    return 1 if any(sum(row.balance_fen for row in rows if row.mode == mode) for mode in modes) else 0


def export(
    db: Database,
    *,
    format: str,
    out: Path,
    start: date | None = None,
    end: date | None = None,
    mode: Mode | None = None,
) -> int:
    """Write the entries of a range of effective dates to ``out``: 0 when they are there, else 1 and nothing changed.

    A file that stands at ``out`` is replaced, and the closing line says so. On a terminal a bar shows how far it is.
    """
    replaced = ", replacing the existing file" if out.exists() else ""
    try:
        span = Span(start, end, mode)
        with still(db) as tx, bar() as progress:
            # Counting takes a separate read, which only a progress bar justifies.
            total = 0 if progress is silent else count(tx, span)
            written = export_file(
                tx, out, format=format, span=span, progress=lambda done: progress("entries", done, total)
            )
    except ValueError as error:
        return _not_exported(str(error))
    except OSError as error:
        return _not_exported(f"{out}: {error.strerror or error}")
    print(f"{written.entries} entries with {written.lines} lines were written to {out} ({format}){replaced}.")
    return 0


def _not_exported(why: str) -> int:
    print(f"The ledger was not exported: {why}", file=sys.stderr)
    return 1


@contextmanager
def still(db: Database) -> Iterator[Transaction]:
    """A reading transaction in which the books stand still, however many statements read them."""
    with db.read() as tx:
        if db.engine.dialect.name == "postgresql":
            tx.connection().exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield tx


def print_report(report: Report) -> None:
    """Print every rule, what is open, and the verdict."""
    for check in report.checks:
        print(f"{'ok  ' if check.ok else 'FAIL'}  {check.name:24} {check.says}")
        if not check.ok:
            print(f"      {check.broken} broken, first: {check.names} {check.first}: {check.detail}")
    for item in report.oldest_clearing_items:
        print(f"open  {item.account} {item.object}: {yuan(item.amount_fen)} yuan for {item.age_days} days")
    more = report.clearing_items - len(report.oldest_clearing_items)
    if more:
        print(f"open  and {more} newer items in transit")
    chain = report.chain
    print(f"chain {chain.head} of {chain.chained} entries; {chain.not_chained} not yet chained")
    size = f"{report.entries} entries, {report.postings} postings"
    print(
        f"The ledger is sound: {size}."
        if report.ok
        else f"The ledger is BROKEN at {report.first_broken}: {size}."
    )


def _column(amount_fen: int) -> str:
    return f"{yuan(amount_fen) if amount_fen > 0 else '':>20}"
