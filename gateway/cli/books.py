"""``fenqi-gateway ledger …``, ``contracts …`` and ``audit …``: what was written down, proved and exported."""

from __future__ import annotations

import argparse
from pathlib import Path

from gateway.cli.verbs import MODES, Verbs, database_of, day, existing, gateway_of

FORMATS = ("hledger", "beancount", "csv", "parquet")


def add(verbs: Verbs) -> None:
    """Declare the commands about books, contracts and the audit log."""
    _ledger(verbs.group("ledger", "verify and export the ledger"))
    contracts = verbs.group("contracts", "verify contracts and export the keys that sign them")
    contracts.reading(
        "verify", "check hash and signature of every contract; exit code 1 names a bad one", _verify_contracts
    )
    contracts.reading("public-keys", "print the public keys that sign contracts, as PEM", _public_keys)
    audit = verbs.group("audit", "verify the audit log and print its signed roots")
    audit.reading(
        "verify", "check every hash and signature; exit code 1 names the first bad entry", _verify_audit
    )
    audit.reading("roots", "print the signed root of each day; with --json, a line of JSON each", _roots)


def _ledger(verbs: Verbs) -> None:
    verbs.reading("verify", "check the invariants; exit code 1 names the first broken entry", _verify_ledger)
    verbs.reading("trial-balance", "print the balance of every account", _trial_balance)
    export = verbs.exporting("export", "write the entries in a format that other tools read", _export)
    export.add_argument("--format", choices=FORMATS, required=True, help="parquet needs the package pyarrow")
    export.add_argument(
        "--out",
        type=Path,
        required=True,
        help="file to write; one that is there is replaced by the whole new one",
    )
    export.add_argument("--from", dest="start", type=day, help="first effective date, YYYY-MM-DD, included")
    export.add_argument("--to", dest="end", type=day, help="last effective date, YYYY-MM-DD, included")
    export.add_argument("--mode", choices=MODES, help="entries of this mode only (default: both)")


def _verify_ledger(options: argparse.Namespace) -> int:
    from gateway.monitoring.sharing import shared

    with shared(existing(options).data_dir, create=False):
        from gateway.ledger import commands
        from gateway.verification import AGREEMENTS

        return commands.verify(database_of(options), as_json=options.json, agreements=AGREEMENTS)


def _trial_balance(options: argparse.Namespace) -> int:
    from gateway.ledger import commands

    return commands.trial_balance(database_of(options), as_json=options.json)


def _export(options: argparse.Namespace) -> int:
    from gateway.ledger import commands

    return commands.export(
        database_of(options),
        format=options.format,
        out=options.out,
        start=options.start,
        end=options.end,
        mode=options.mode,
    )


def _verify_contracts(options: argparse.Namespace) -> int:
    from gateway.contracts import commands

    gateway = gateway_of(options)
    return commands.verify(gateway.db, gateway.ports["signing_authority"], as_json=options.json)


def _public_keys(options: argparse.Namespace) -> int:
    from gateway.contracts import commands

    return commands.public_keys(gateway_of(options).ports["signing_authority"], as_json=options.json)


def _verify_audit(options: argparse.Namespace) -> int:
    from gateway.audit import commands

    gateway = gateway_of(options)
    return commands.verify(gateway.db, gateway.ports["signing_authority"], as_json=options.json)


def _roots(options: argparse.Namespace) -> int:
    from gateway.audit import commands

    return commands.roots(database_of(options), as_json=options.json)
