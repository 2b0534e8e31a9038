"""``fenqi-gateway verify``, ``ledger …``, ``contracts …``, ``documents …`` and ``audit …``: proved, exported."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from gateway.cli.parsing import MODES, Verbs, database_of, day, existing_settings, gateway_of

FORMATS = ("hledger", "beancount", "csv", "parquet")
PROOFS = ("ledger", "facts", "contracts", "audit")
ROOTS = "print every signed root; with --json, one line of JSON each, to store elsewhere"


def add(verbs: Verbs) -> None:
    """Declare the commands about books, contracts and the audit log."""
    everything = verbs.reading(
        "verify",
        "prove ledger, facts, contracts and audit log; exit code 1 and the first bad rows if any disagree",
        _verify,
    )
    everything.add_argument("--only", choices=PROOFS, help="only this proof (default: all four)")
    _against_roots(everything)
    _ledger(verbs.group("ledger", "verify and export the ledger"))
    contracts = verbs.group("contracts", "verify contracts and export the keys that sign them")
    contracts.reading(
        "verify", "check hash and signature of every contract; exit code 1 if one is bad", _verify_contracts
    )
    contracts.reading("public-keys", "print the public keys that sign contracts, as PEM", _public_keys)
    documents = verbs.group("documents", "export the certificates that signed PDF files are checked with")
    documents.reading("certificates", "print the certificates of PDF files, as PEM", _certificates)
    audit = verbs.group("audit", "verify the audit log and print its signed roots")
    verify = audit.reading(
        "verify", "check every hash and signature; exit code 1 if any is wrong", _verify_audit
    )
    _against_roots(verify)
    audit.reading("roots", ROOTS, _roots)


def _ledger(verbs: Verbs) -> None:
    verify = verbs.reading(
        "verify", "check the invariants; exit code 1 if an entry is broken", _verify_ledger
    )
    _against_roots(verify)
    verbs.reading("roots", ROOTS, _ledger_roots)
    verbs.add("sign", "chain and sign what is new at once, which the worker does within the hour", _sign)
    verbs.reading("trial-balance", "print the balance of every account", _trial_balance)
    export = verbs.exporting("export", "write the entries in a format that other tools read", _export)
    export.add_argument("--format", choices=FORMATS, required=True, help="parquet needs the package pyarrow")
    export.add_argument(
        "--out",
        type=Path,
        required=True,
        help="file to write; an existing file is replaced once the new one is complete",
    )
    export.add_argument("--from", dest="start", type=day, help="first effective date, YYYY-MM-DD, included")
    export.add_argument("--to", dest="end", type=day, help="last effective date, YYYY-MM-DD, included")
    export.add_argument("--mode", choices=MODES, help="entries of this mode only (default: both)")


def _against_roots(verify: argparse.ArgumentParser) -> None:
    verify.add_argument(
        "--roots", type=Path, metavar="PATH", help="check against exported roots, a file or a folder"
    )
    verify.add_argument(
        "--public-key",
        type=Path,
        metavar="FILE",
        help="check signatures with these PEM keys instead of those in the data folder",
    )


def _verifier(options: argparse.Namespace) -> Any:
    """The authority that checks signatures: the given keys, which need no data folder, or the gateway's own."""
    from gateway.roots.commands import public_keys

    if options.public_key is not None:
        return public_keys(options.public_key)
    return gateway_of(options).ports.signing_authority


def _verify(options: argparse.Namespace) -> int:
    from gateway.monitoring.sharing import shared

    with shared(existing_settings(options).data_dir, create=False):
        from gateway.proof import commands
        from gateway.proof.book_agreements import AGREEMENTS

        gateway = gateway_of(options)
        authority = gateway.ports.signing_authority
        return commands.verify(
            gateway.db,
            authority,
            authority if options.public_key is None else _verifier(options),
            as_json=options.json,
            agreements=AGREEMENTS,
            only=(options.only,) if options.only else PROOFS,
            roots=options.roots,
        )


def _verify_ledger(options: argparse.Namespace) -> int:
    from gateway.monitoring.sharing import shared

    with shared(existing_settings(options).data_dir, create=False):
        from gateway.ledger import commands
        from gateway.proof.book_agreements import AGREEMENTS

        return commands.verify(
            database_of(options),
            as_json=options.json,
            agreements=AGREEMENTS,
            verifier=_verifier(options) if options.roots or options.public_key else None,
            roots=options.roots,
        )


def _ledger_roots(options: argparse.Namespace) -> int:
    from gateway.ledger import commands

    return commands.roots(database_of(options), as_json=options.json)


def _sign(options: argparse.Namespace) -> int:
    from gateway.ledger.integrity.trees import TREES
    from gateway.process import daily
    from gateway.roots import service as signing

    gateway = gateway_of(options)
    daily.sign_now(gateway)
    with gateway.db.read() as tx:
        number, moment = signing.newest(tx, TREES.name)
    print(
        f"Signed up to tree {number}, {moment:%Y-%m-%d %H:%M} UTC." if moment else "There is nothing to sign."
    )
    return 0


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
    return commands.verify(gateway.db, gateway.ports.signing_authority, as_json=options.json)


def _certificates(options: argparse.Namespace) -> int:
    from gateway.documents import commands

    return commands.certificates(gateway_of(options).ports.document_authority, as_json=options.json)


def _public_keys(options: argparse.Namespace) -> int:
    from gateway.contracts import commands

    return commands.public_keys(gateway_of(options).ports.signing_authority, as_json=options.json)


def _verify_audit(options: argparse.Namespace) -> int:
    from gateway.audit import commands

    return commands.verify(
        database_of(options),
        _verifier(options),
        as_json=options.json,
        roots=options.roots,
        rows=options.public_key is None,
    )


def _roots(options: argparse.Namespace) -> int:
    from gateway.audit import commands

    return commands.roots(database_of(options), as_json=options.json)
