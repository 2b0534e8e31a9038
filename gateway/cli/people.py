"""``fenqi-gateway privacy …``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gateway.cli.parsing import MODES, Verbs, database_of, day, gateway_of, record_keys

KINDS = ("credit_service", "bureau_query", "funder_sharing", "marketing")


def add(verbs: Verbs) -> None:
    """Declare the commands about shoppers' data."""
    _privacy(verbs.group("privacy", "export, erase and re-seal personal data"))


def _privacy(verbs: Verbs) -> None:
    find = verbs.reading(
        "find", "print the identifier of the shopper with an ID number (read from standard input)", _find
    )
    find.add_argument("--mode", choices=MODES, default="live")
    export = verbs.add("export", "write all that is stored about a shopper as JSON", _export)
    export.add_argument(
        "--out", type=Path, help="file to write, readable only by you (default: standard output)"
    )
    erase = verbs.add("erase", "erase a shopper, or freeze the request and say why and until when", _erase)
    erased = verbs.reading(
        "erased", "print who was erased and when, by identifier; with --json, one line of JSON each", _erased
    )
    erased.add_argument("--since", type=day, help="erased from this day in Shanghai on, YYYY-MM-DD")
    again = verbs.add(
        "erase-again", "after a restore, erase everyone whom a list of erased people names", _again
    )
    again.add_argument("file", type=Path, help="what privacy erased --json has printed")
    withdraw = verbs.add("withdraw", "withdraw a shopper's consent", _withdraw)
    withdraw.add_argument("--kind", required=True, choices=KINDS)
    for verb in (export, erase, withdraw):
        verb.add_argument("--shopper", required=True, help="identifier of the shopper, shp_…")
    verbs.reading("keys", "print the master keys and how much each has sealed", _keys)
    verbs.add(
        "scrub",
        "rewrite tables that may still hold destroyed keys; run as the owner if the server's role owns nothing",
        _scrub,
    )
    retire = verbs.add(
        "retire-key",
        "create a new master key, re-wrap every data key with it, and destroy the older keys",
        _retire,
    )
    retire.add_argument(
        "--resume", action="store_true", help="create no new key; continue an interrupted run"
    )
    lookup = verbs.add(
        "rotate-lookup",
        "create a new key for looking people up, reindex everyone with it, and destroy the old one",
        _lookup,
    )
    lookup.add_argument(
        "--forget", action="store_true", help="accept the loss of entries that name unknown or erased people"
    )
    rotate = verbs.add("rotate-keys", "create a new master key and re-wrap every data key with it", _rotate)
    rotate.add_argument(
        "--resume", action="store_true", help="create no new key; continue an interrupted run"
    )


def _find(options: argparse.Namespace) -> int:
    from gateway.data_requests import commands

    # Not an argument: those stand in the shell's history and in the list of processes.
    return commands.find(
        gateway_of(options), mode=options.mode, id_number=sys.stdin.readline(), as_json=options.json
    )


def _export(options: argparse.Namespace) -> int:
    from gateway.data_requests import commands

    return commands.export_person(gateway_of(options), shopper=options.shopper, out=options.out)


def _erase(options: argparse.Namespace) -> int:
    from gateway.data_requests import commands

    return commands.erase_person(gateway_of(options), shopper=options.shopper)


def _erased(options: argparse.Namespace) -> int:
    from datetime import datetime, time

    from gateway.core.calendar import SHANGHAI
    from gateway.data_requests import erased_again

    since = datetime.combine(options.since, time(), SHANGHAI) if options.since else None
    return erased_again.show(database_of(options), since=since, as_json=options.json)


def _again(options: argparse.Namespace) -> int:
    from gateway.data_requests import erased_again

    gateway = gateway_of(options)
    return erased_again.carry_out(gateway, erased_again.read(options.file))


def _scrub(options: argparse.Namespace) -> int:
    from gateway.data_requests import commands

    return commands.scrub(database_of(options))


def _withdraw(options: argparse.Namespace) -> int:
    from gateway.data_requests import commands

    return commands.withdraw(gateway_of(options), shopper=options.shopper, kind=options.kind)


def _rotate(options: argparse.Namespace) -> int:
    from gateway.data_requests import commands

    gateway = gateway_of(options)
    return record_keys(gateway, commands.rotate_keys(gateway, resume=options.resume))


def _retire(options: argparse.Namespace) -> int:
    from gateway.data_requests import commands

    gateway = gateway_of(options)
    return record_keys(gateway, commands.retire_key(gateway, resume=options.resume))


def _keys(options: argparse.Namespace) -> int:
    from gateway.data_requests import commands

    return commands.keys(gateway_of(options), as_json=options.json)


def _lookup(options: argparse.Namespace) -> int:
    from gateway.data_requests import commands

    gateway = gateway_of(options)
    return record_keys(gateway, commands.rotate_lookup(gateway, forget=options.forget))
