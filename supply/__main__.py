"""``./run supply``: the bill of materials, known vulnerabilities, a release and its proof."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from supply import ROOT, advisories, release, sbom
from supply.locks import LockError, packages


def main(argv: Sequence[str] | None = None) -> int:
    """Do one of it; returns the exit status: 1 where something is wrong."""
    parser = argparse.ArgumentParser(prog="./run supply", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    bill = verbs.add_parser("sbom", help="write the bill of materials (CycloneDX 1.6) of the locked packages")
    bill.add_argument("--out", type=Path, default=ROOT / "dist" / release.BILL)
    known = verbs.add_parser("advisories", help="compare the locked packages with the committed advisories")
    known.add_argument("--snapshot", type=Path, default=advisories.SNAPSHOT)
    build = verbs.add_parser("release", help="build a commit with bill of materials and provenance")
    build.add_argument("--out", type=Path, default=ROOT / "dist" / "release")
    build.add_argument("--commit", default="HEAD")
    proof = verbs.add_parser("verify", help="compare a release with its provenance")
    proof.add_argument("folder", type=Path)
    proof.add_argument("--rebuild", action="store_true", help="also build its commit again and compare")
    options = parser.parse_args(argv)
    try:
        if options.verb == "sbom":
            print(f"{options.out}: {sbom.write(options.out)} packages")
        elif options.verb == "advisories":
            return _advisories(options.snapshot)
        elif options.verb == "release":
            made = release.build(options.out, commit=options.commit)
            for subject in made["subject"]:
                print(f"{subject['digest']['sha256']}  {options.out / subject['name']}")
        else:
            release.verify(options.folder, rebuild=options.rebuild)
    except (release.ReleaseError, LockError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _advisories(path: Path) -> int:
    snapshot, locked = advisories.load(path), packages()
    age = advisories.age_days(snapshot, datetime.now(UTC).date())
    if age > advisories.STALE_DAYS:
        print(f"The snapshot is {age} days old: what became known since is not in it.", file=sys.stderr)
    found = advisories.findings(locked, snapshot["advisories"])
    for finding in found:
        print(finding)
    count = len(snapshot["advisories"])
    print(f"{len(locked)} packages, {count} advisories of {snapshot['snapshot']}: {len(found)} found.")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
