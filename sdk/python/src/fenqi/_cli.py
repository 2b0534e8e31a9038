"""``fenqi``: what a merchant checks on its own machine."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
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
    options = parser.parse_args(argv)
    return _verify(options.file, options.keys)


def _verify(path: Path, keys: Path) -> int:
    from .statements import StatementError, verify

    try:
        found = verify(path, keys.read_text("ascii"))
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
    shown = found.settlement
    print(f"{path} is true.")
    print(f"  settlement  {shown['id']} of {shown['date']} ({shown['mode']} mode)")
    print(f"  payout      {yuan(shown['payout_amount'])} yuan")
    print(f"  lines       {found.lines} (ledger entries: {found.entries}, signed trees: {found.trees})")
    print(f"  signed      {found.signed_at}, key {found.key_id}")
    return 0
