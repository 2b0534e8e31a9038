"""What ``fenqi-gateway audit …`` does. Each returns the exit code."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from gateway.audit import service
from gateway.audit.verify import Report
from gateway.audit.verify import verify as verify_log
from gateway.db.transactions import Database
from gateway.roots import commands as roots_commands
from gateway.roots.checking import Verifier, of_chain
from gateway.roots.root import read


def verify(
    db: Database, verifier: Verifier, *, as_json: bool, roots: Path | None = None, rows: bool = True
) -> int:
    """Check the whole log and print the report: 0 when it is sound; 1 names what is wrong.

    Without ``rows`` no key folder is needed. ``roots`` is a file or a folder of exported roots. Raises ``ValueError``
    when it holds none of the log.
    """
    exported = of_chain(read(roots), service.CHAIN, roots) if roots is not None else []
    with db.read() as tx:
        report = verify_log(tx, verifier, exported, rows=rows)
    if as_json:
        print(json.dumps(report.as_json(), ensure_ascii=False, indent=2))
    else:
        print_report(report)
    return 0 if report.ok else 1


def roots(db: Database, *, as_json: bool = True) -> int:
    """Print every signed root as a line of JSON, to be kept where the gateway cannot write."""
    with db.read() as tx:
        return roots_commands.show(service.roots(tx), as_json=as_json)


def print_report(report: Report) -> None:
    """Print how much was checked, and the first problem of each kind."""
    told = {problem.what: problem for problem in reversed(report.problems)}  # the first of each kind
    for problem in sorted(told.values(), key=lambda problem: problem.number):
        print(f"Entry {problem.number}: {problem.what}: {problem.detail}", file=sys.stderr)
    if report.missing_guards:
        print(f"Triggers are missing: {', '.join(report.missing_guards)}", file=sys.stderr)
    verdict = "Every hash and signature is valid." if report.ok else f"Problems: {len(report.problems)}."
    print(f"Entries checked: {report.entries}, signed roots: {report.roots}. {verdict}")
    if report.unsigned:
        print(f"Not yet signed: the last {report.unsigned}. The worker signs them within minutes.")
    if not report.rows:
        print("Rows were not compared with their hashes: that takes the key folder (without --public-key).")
    if report.exported:
        print(f"Exported roots checked: {report.exported}.")
    else:
        print(
            "No exported roots were given (--roots): only they show what the owner of the database removed."
        )
