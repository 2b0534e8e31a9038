"""What ``fenqi-gateway verify`` does: all proofs of one moment, one report. Returns the exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from gateway.audit import commands as audit_commands
from gateway.audit import service as audit
from gateway.audit.verify import verify as verify_log
from gateway.contracts import commands as contract_commands
from gateway.contracts.verify import verify as verify_contracts
from gateway.core.signing import SigningAuthority
from gateway.db.progress import bar
from gateway.db.transactions import Database
from gateway.ledger import commands as ledger_commands
from gateway.ledger.integrity.chain import CHAIN
from gateway.ledger.integrity.checks import Invariant
from gateway.ledger.integrity.verify import verify as verify_books
from gateway.proof import facts
from gateway.roots.checking import Verifier, of_chain
from gateway.roots.root import Root, read


def verify(
    db: Database,
    authority: SigningAuthority,
    verifier: Verifier,
    *,
    as_json: bool,
    only: Collection[str],
    agreements: Sequence[Invariant] = (),
    roots: Path | None = None,
    counts: Callable[[Root], bool] = lambda root: True,
) -> int:
    """Run the proofs that ``only`` names and print one report: 0 when all hold, 1 when one does not.

    They all see the same moment. ``roots`` is a file or a folder of exported roots, of which those are compared that
    ``counts`` accepts. Raises ``ValueError`` when it holds none of a chain that is checked.
    """
    kept = [root for root in read(roots) if counts(root)] if roots is not None else []
    exported = {
        name: of_chain(kept, chain, roots) if roots is not None and name in only else []
        for name, chain in (("ledger", CHAIN), ("audit", audit.CHAIN))
    }
    reports: dict[str, Any] = {}
    with ledger_commands.still(db) as tx, bar() as progress:
        if "ledger" in only:
            reports["ledger"] = verify_books(
                tx, agreements, progress=progress, verifier=verifier, exported=exported["ledger"]
            )
        if "facts" in only:
            reports["facts"] = facts.verify(tx, progress=progress)
        if "contracts" in only:
            reports["contracts"] = verify_contracts(tx, authority)
        if "audit" in only:
            reports["audit"] = verify_log(tx, verifier, exported["audit"])
    if "ledger" in reports:
        ledger_commands.note_verified(db, reports["ledger"])
    broken = [name for name, report in reports.items() if not report.ok]
    if as_json:
        found = {"ok": not broken} | {name: report.as_json() for name, report in reports.items()}
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        _print(reports, broken)
    return 1 if broken else 0


def _print(reports: dict[str, Any], broken: Sequence[str]) -> None:
    prints: dict[str, Callable[[Any], None]] = {
        "ledger": ledger_commands.print_report,
        "facts": _print_facts,
        "contracts": contract_commands.print_report,
        "audit": audit_commands.print_report,
    }
    for name, report in reports.items():
        prints[name](report)
    print(f"BROKEN: {', '.join(broken)}." if broken else f"Sound: {', '.join(reports)}.")


def _print_facts(report: facts.Report) -> None:
    for sentence in report.sentences:
        print(sentence, file=sys.stderr)
    more = report.disagreeing - len(report.sentences)
    if more:
        print(f"and {more} more", file=sys.stderr)
    if report.missing_guards:
        print(f"Triggers are missing: {', '.join(report.missing_guards)}", file=sys.stderr)
    print(
        f"Recomputed from facts: {report.payments} payments, {report.loans} loans, {report.batches} batches, "
        f"{report.events} events. {report.disagreeing} values disagree."
    )
