"""What ``fenqi-gateway contracts …`` does: verify, and export the public keys. Each returns the exit code."""

from __future__ import annotations

import json
import sys

from gateway.contracts.verify import Report
from gateway.contracts.verify import verify as verify_contracts
from gateway.core.signing import SigningAuthority
from gateway.db.transactions import Database


def verify(db: Database, authority: SigningAuthority, *, as_json: bool) -> int:
    """Check every contract and print the report: 0 when all are sound; 1 names the first that is not."""
    with db.read() as tx:
        report = verify_contracts(tx, authority)
    if as_json:
        print(json.dumps(report.as_json(), ensure_ascii=False, indent=2))
    else:
        print_report(report)
    return 0 if report.ok else 1


def public_keys(authority: SigningAuthority, *, as_json: bool) -> int:
    """Print the public keys that sign contracts, each with its id, as PEM."""
    if as_json:
        print(json.dumps(authority.public_keys(), indent=2))
        return 0
    for name, pem in authority.public_keys().items():
        print(f"# key {name}\n{pem}", end="")
    return 0


def print_report(report: Report) -> None:
    """Print how many contracts were checked, and the first that is bad."""
    for problem in report.problems[:1]:
        print(f"{problem.contract}: {problem.what}: {problem.detail}", file=sys.stderr)
    if report.missing_guards:
        print(f"Triggers are missing: {', '.join(report.missing_guards)}", file=sys.stderr)
    if report.ok:
        print(f"Contracts checked: {report.checked}. Every hash and signature is valid.")
    else:
        print(f"Contracts checked: {report.checked}. Problems: {len(report.problems)}.", file=sys.stderr)
