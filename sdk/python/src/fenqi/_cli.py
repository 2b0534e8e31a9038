"""``fenqi``: what a merchant checks on its own machine."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ._money import yuan
from ._version import __version__


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="fenqi", description=__doc__)
    parser.add_argument("--version", action="version", version=f"fenqi {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verify = verbs.add_parser(
        "verify-statement",
        help="check a statement offline: exit code 1 if anything in it is not true",
        description="Check the statement of a settlement against the keys of the gateway, without a connection.",
    )
    verify.add_argument("file", type=Path, help="as client.settlements.download_statement wrote it")
    verify.add_argument(
        "--keys",
        type=Path,
        required=True,
        help="public keys in PEM, as client.settlements.signing_keys answered",
    )
    certificate = verbs.add_parser(
        "verify-certificate",
        help="check the certificate of a month offline: exit code 1 if anything in it is not true",
        description="Check the certificate of a month against the keys of the gateway, without a connection.",
    )
    certificate.add_argument("file", type=Path, help="as client.certificates.download wrote it")
    certificate.add_argument(
        "--keys",
        type=Path,
        required=True,
        help="public keys in PEM, as client.settlements.signing_keys answered",
    )
    options = parser.parse_args(argv)
    check = _show_statement if options.verb == "verify-statement" else _show_certificate
    return _verify(check, options.file, options.keys)


def _verify(check: Callable[[Path, str], None], path: Path, keys: Path) -> int:
    from .statements import StatementError

    try:
        check(path, keys.read_text("ascii"))
    except StatementError as error:
        said = "".join(char if char.isprintable() else "?" for char in str(error))
        print(f"{path} is NOT TRUE: {said}.", file=sys.stderr)
        return 1
    except ImportError:
        print('This needs the package cryptography: pip install "fenqi[verify]"', file=sys.stderr)
        return 2
    except (OSError, UnicodeDecodeError) as error:
        print(f"It cannot be read: {error}", file=sys.stderr)
        return 2
    return 0


def _show_certificate(path: Path, keys: str) -> None:
    from .statements import verify_certificate

    found = verify_certificate(path, keys)
    print(f"{path} is true.")
    print(f"  month       {found['month']} ({found['mode']} mode), closed on {found['closed_on']}")
    for name, fen in found["closing"].items():
        print(f"  {name:<11} {yuan(found['opening'][name])} -> {yuan(fen)} yuan")
    print(f"  entries     {found['entries']} (late for an earlier month: {len(found['late'])})")


def _show_statement(path: Path, keys: str) -> None:
    from .statements import verify

    found = verify(path, keys)
    shown = found.settlement
    print(f"{path} is true.")
    print(f"  settlement  {shown['id']} of {shown['date']} ({shown['mode']} mode)")
    print(f"  payout      {yuan(shown['payout_amount'])} yuan")
    print(f"  lines       {found.lines} (ledger entries: {found.entries}, signed trees: {found.trees})")
    print(f"  signed      {found.signed_at}, key {found.key_id}")
