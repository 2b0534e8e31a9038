"""``fenqi-gateway client …`` and ``fenqi-gateway keys …``."""

from __future__ import annotations

import argparse
from pathlib import Path

from gateway.cli.parsing import MODES, Verbs, database_of, existing_settings, gateway_of, record_keys


def add(verbs: Verbs) -> None:
    """Declare the commands about OAuth clients and the keys that sign access tokens."""
    _clients(verbs.group("client", "create OAuth clients, rotate and end their secrets"))
    keys = verbs.group(
        "keys", "create the keys of a new gateway; rotate and list those that sign access tokens"
    )
    init = keys.add("init", "create the keys of a new gateway; if they exist, only check them", _init_keys)
    init.add_argument(
        "--again",
        action="store_true",
        help="hash rows of an older release again, after restoring a backup from before the upgrade",
    )
    rotate = keys.add("rotate", "let the next key sign and publish the one after it", _rotate_keys)
    rotate.add_argument(
        "--rows",
        action="store_true",
        help="create a new key for the hashes of rows instead; the old keys stay valid for checking",
    )
    keys.reading("list", "list the published keys and what each does", _list_keys)


def _clients(verbs: Verbs) -> None:
    create = verbs.add("create", "create a client for a merchant's server", _create)
    create.add_argument("merchant", help="identifier of the merchant, mer_…")
    create.add_argument("--mode", choices=MODES, default="test")
    scopes = "a scope it may have; repeat for more (default: all except scores:write)"
    create.add_argument("--scope", action="append", help=scopes)
    create.add_argument("--require-dpop", action="store_true", help="issue only bound tokens to it")
    show = verbs.reading("list", "list clients with the identifiers of their valid secrets", _list)
    show.add_argument("merchant", nargs="?", help="only this merchant's")
    rotate = verbs.add(
        "rotate-secret", "print a new secret; the previous one stays valid for a while", _rotate
    )
    rotate.add_argument("--overlap", type=int, default=24, metavar="HOURS", help="hours (default 24)")
    revoke = verbs.add("revoke-secret", "revoke a secret now", _revoke)
    keys = verbs.add("set-keys", "replace a client's public keys; its secrets are revoked", _set_keys)
    need = verbs.add("require", "set what a client must do", _require)
    need.add_argument("--par", action=argparse.BooleanOptionalAction, help="push its authorisation requests")
    need.add_argument("--dpop", action=argparse.BooleanOptionalAction, help="bind its tokens to a key")
    for found in (rotate, revoke, keys, need):
        found.add_argument("client", help="identifier of the client, ci_…")
    revoke.add_argument("secret", help="identifier of the secret, sec_…, from the list")
    for found in (create, keys):
        text = "its public keys as JWKS: private_key_jwt instead of a secret"
        found.add_argument("--jwks", type=Path, metavar="FILE", required=found is keys, help=text)
        found.add_argument("--alg", choices=("ES256", "Ed25519", "PS256"), help="default: by the kind of key")


def _create(options: argparse.Namespace) -> int:
    from gateway.oauth import commands

    return commands.create(
        gateway_of(options),
        merchant=options.merchant,
        mode=options.mode,
        scopes=options.scope,
        jwks=options.jwks,
        alg=options.alg,
        require_dpop=options.require_dpop,
    )


def _list(options: argparse.Namespace) -> int:
    from gateway.oauth import commands

    return commands.show(database_of(options), options.merchant, as_json=options.json)


def _rotate(options: argparse.Namespace) -> int:
    from gateway.oauth import commands

    return commands.rotate_secret(gateway_of(options), options.client, overlap_hours=options.overlap)


def _revoke(options: argparse.Namespace) -> int:
    from gateway.oauth import commands

    return commands.revoke_secret(gateway_of(options), options.client, options.secret)


def _set_keys(options: argparse.Namespace) -> int:
    from gateway.oauth import commands

    return commands.set_keys(gateway_of(options), options.client, jwks=options.jwks, alg=options.alg)


def _require(options: argparse.Namespace) -> int:
    from gateway.oauth import commands

    return commands.require(gateway_of(options), options.client, par=options.par, dpop=options.dpop)


def _init_keys(options: argparse.Namespace) -> int:
    from gateway import keyring
    from gateway.privacy.keyfile import FOLDER

    settings = existing_settings(options)
    ring = keyring.init(settings, database_of(options), again=options.again)
    print(
        f"The keys are in {settings.data_dir / FOLDER}; their ids stand in the database. Back up the folder, "
        "separately from the database."
    )
    for kind, ids in ring.ids().items():
        print(f"  {kind:9} {ids[0]}")
    return 0


def _rotate_keys(options: argparse.Namespace) -> int:
    from gateway.oauth import commands

    gateway = gateway_of(options)
    if options.rows:
        return record_keys(gateway, commands.rotate_row_keys(gateway))
    return record_keys(gateway, commands.rotate_signing_keys(gateway))


def _list_keys(options: argparse.Namespace) -> int:
    from gateway.oauth import commands

    return commands.show_signing_keys(gateway_of(options), as_json=options.json)
