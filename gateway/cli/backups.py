"""``fenqi-gateway backup``, ``backup-keys`` and ``restore``."""

from __future__ import annotations

import argparse
from pathlib import Path

from gateway.cli.parsing import Verbs, gateway_of


def add(verbs: Verbs) -> None:
    """Declare the commands that copy the database and the keys, and bring the database back."""
    backup = verbs.add("backup", "copy the database while servers run; the keys are not in the copy", _backup)
    backup.add_argument("folder", type=Path, help="where the folder of the backup is created")
    keys = verbs.add("backup-keys", "copy the key folder, to another place than the database", _keys)
    keys.add_argument("folder", type=Path, help="where the folder of the keys is created")
    restore = verbs.add(
        "restore",
        "restore a backup into an empty database and prove it; exit code 1 if a proof fails",
        _restore,
    )
    restore.add_argument("backup", type=Path, help="the folder of the backup, fenqi-…")
    restore.add_argument(
        "--roots", type=Path, metavar="PATH", help="check against exported roots, a file or a folder"
    )
    restore.add_argument(
        "--erased", type=Path, metavar="FILE", help="erase again whom privacy erased --json has listed"
    )


def _backup(options: argparse.Namespace) -> int:
    gateway = gateway_of(options)
    from gateway.backups import commands

    return commands.backup(gateway, options.folder)


def _keys(options: argparse.Namespace) -> int:
    gateway = gateway_of(options)
    from gateway.backups import commands

    return commands.backup_keys(gateway, options.folder)


def _restore(options: argparse.Namespace) -> int:
    from gateway.backups import commands
    from gateway.config import from_environment

    return commands.restore(
        from_environment(data_dir=options.data),
        options.backup,
        opened=lambda: gateway_of(options),
        roots=options.roots,
        erased=options.erased,
    )
