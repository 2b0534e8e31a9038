"""What ``fenqi-gateway audit …`` does. Each returns the exit code."""

from __future__ import annotations

import json
import sys

from gateway.audit import service
from gateway.audit.verify import verify as verify_log
from gateway.core.signing import SigningAuthority
from gateway.core.tables import listed
from gateway.db.transactions import Database


def verify(db: Database, authority: SigningAuthority, *, as_json: bool) -> int:
    """Check the whole log and print the report: 0 when it is sound; 1 names the first entry that is not."""
    with db.read() as tx:
        report = verify_log(tx, authority)
    if as_json:
        print(json.dumps(report.as_json(), ensure_ascii=False, indent=2))
        return 0 if report.ok else 1
    for problem in report.problems[:1]:
        print(f"Entry {problem.number}: {problem.what}: {problem.detail}", file=sys.stderr)
    if report.missing_guards:
        print(f"Triggers are missing: {', '.join(report.missing_guards)}", file=sys.stderr)
    verdict = "Every hash and signature is right." if report.ok else f"Problems: {len(report.problems)}."
    print(f"Entries checked: {report.entries}, signed days: {report.roots}. {verdict}")
    return 0 if report.ok else 1


def roots(db: Database, *, as_json: bool = True) -> int:
    """Print the signed root of each day, to be kept where nobody of the gateway can write: a line of JSON each."""
    with db.read() as tx:
        rows = [root.model_dump(mode="json", exclude={"created_at"}) for root in service.roots(tx)]
    if as_json:
        for row in rows:
            print(json.dumps(row, ensure_ascii=False, sort_keys=True))
    else:
        print(listed(rows, as_json=False))
    return 0
