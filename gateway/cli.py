"""The ``fenqi-gateway`` command. Each verb imports what it needs when it runs, so that ``--help`` is instant."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.rights import parser as rights

if TYPE_CHECKING:
    from gateway.web.context import Gateway

LEDGER_FORMATS = ("hledger", "beancount", "csv", "parquet")
CATEGORIES = ("3c", "furnishing", "education", "appliance", "general")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code (0 done, 1 failed, 2 wrong usage)."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options) or 0)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        return _told(error)


def _told(error: Exception) -> int:
    """A refusal of the gateway in one line, without a traceback; anything else is a mistake of ours and is shown."""
    from gateway.errors import GatewayError  # noqa: PLC0415

    if not isinstance(error, GatewayError):
        raise error
    print(f"{error.title}: {error.__cause__ or error.message}".splitlines()[0], file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fenqi-gateway", description="Instalment gateway that merchants embed."
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(name: str, run: object, text: str, **kwargs: object) -> argparse.ArgumentParser:
        found = commands.add_parser(name, help=text, description=text, **kwargs)  # type: ignore[arg-type]
        found.set_defaults(run=run)
        found.add_argument("--data", metavar="DIR", help="data folder (default: FENQI_DATA_DIR or ./var)")
        return found

    demo = command("demo", _demo, "start everything with three demo merchants and print where to look")
    demo.add_argument("--port", type=_port, default=8400, help="port on the loopback (default 8400)")
    serve = command("serve", _serve, "serve the API, the checkout pages and the portal")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    serve.add_argument("--port", type=_port, default=8400, help="port to listen on (default 8400)")
    serve.add_argument(
        "--workers", type=int, default=1, help="processes; more than one needs PostgreSQL (default 1)"
    )
    command("worker", _worker, "drain the outbox and run the jobs of the day")
    command("migrate", _migrate, "bring the database to the newest schema")
    settle = command("settle", _settle, "close the settlement batches of a day and instruct their payouts")
    settle.add_argument("--date", type=_day, help="settlement date in Shanghai, YYYY-MM-DD (default: today)")
    vectors = command("vectors", _vectors, "compute every case of a golden vector file and print the results")
    vectors.add_argument("file", type=Path, help="a file such as schedules.json")
    _merchant_commands(command("merchant", _usage, "create merchants"))
    _client_commands(command("client", _usage, "create OAuth clients, rotate and end their secrets"))
    _key_commands(command("keys", _usage, "rotate and list the keys that sign access tokens"))
    _limit_commands(command("limit", _usage, "explain a shopper's credit limit"))
    _ledger_commands(command("ledger", _usage, "verify and export the ledger"))
    _audit_commands(command("audit", _usage, "verify the audit log and print its signed roots"))
    _contract_commands(command("contracts", _usage, "verify contracts and export the keys that sign them"))
    rights.privacy(command("privacy", _usage, "export, erase and re-seal personal data"), _gateway)
    rights.review(command("review", _usage, "answer declined shoppers who ask for a person"), _gateway)
    return parser


def _merchant_commands(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    create = verbs.add_parser("create", help="create a merchant with credentials, shown this once")
    create.add_argument("--name", required=True, help="name shoppers see, in Chinese")
    create.add_argument("--name-en", required=True, help="name in English")
    create.add_argument("--category", required=True, choices=CATEGORIES)
    create.add_argument("--email", required=True, help="address of the owner's portal login")
    create.add_argument("--mode", choices=("test", "live"), default="test")
    create.add_argument("--data", metavar="DIR", help=argparse.SUPPRESS)
    create.set_defaults(run=_merchant_create)
    _reserve_command(verbs)
    _payout_account_command(verbs)


def _reserve_command(verbs: Any) -> None:
    reserve = verbs.add_parser("reserve", help="agree that a part of each batch's captures is held back")
    reserve.add_argument("merchant", help="identifier of the merchant, mer_…")
    reserve.add_argument(
        "--rate", required=True, help="part of the captures, such as 0.05; 0 ends the reserve"
    )
    reserve.add_argument("--days", type=int, default=30, help="released after so many days (default 30)")
    reserve.add_argument("--data", metavar="DIR", help=argparse.SUPPRESS)
    reserve.set_defaults(run=_merchant_reserve)


def _payout_account_command(verbs: Any) -> None:
    account = verbs.add_parser(
        "payout-account", help="name the merchant's account at the payment institution"
    )
    account.add_argument("merchant", help="identifier of the merchant, mer_…")
    account.add_argument("account", help="the institution's name of the account, such as acct_…")
    account.add_argument("--data", metavar="DIR", help=argparse.SUPPRESS)
    account.set_defaults(run=_merchant_payout_account)


def _client_commands(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, run: object, text: str) -> argparse.ArgumentParser:
        found = verbs.add_parser(name, help=text, description=text)
        found.add_argument("--data", metavar="DIR", help="data folder (default: FENQI_DATA_DIR or ./var)")
        found.set_defaults(run=run)
        return found

    create = verb("create", _client_create, "create a client for a merchant's server")
    create.add_argument("merchant", help="identifier of the merchant, mer_…")
    create.add_argument("--mode", choices=("test", "live"), default="test")
    create.add_argument("--scope", action="append", help="a scope it may have; again for more (default: all)")
    create.add_argument("--require-dpop", action="store_true", help="give it bound tokens only")
    show = verb("list", _client_list, "list clients with the identifiers of their valid secrets")
    show.add_argument("merchant", nargs="?", help="only this merchant's")
    rotate = verb("rotate-secret", _client_rotate, "print a new secret; the one before it overlaps")
    rotate.add_argument("--overlap", type=int, default=24, metavar="HOURS", help="hours (default 24)")
    revoke = verb("revoke-secret", _client_revoke, "end a secret now")
    keys = verb("set-keys", _client_set_keys, "replace a client's public keys; its secrets end")
    need = verb("require", _client_require, "say what a client must do")
    need.add_argument("--par", action=argparse.BooleanOptionalAction, help="push its authorisation requests")
    need.add_argument("--dpop", action=argparse.BooleanOptionalAction, help="bind its tokens to a key")
    for found in (rotate, revoke, keys, need):
        found.add_argument("client", help="identifier of the client, ci_…")
    revoke.add_argument("secret", help="identifier of the secret, sec_…, from the list")
    for found in (create, keys):
        text = "its public keys as JWKS: private_key_jwt instead of a secret"
        found.add_argument("--jwks", type=Path, metavar="FILE", required=found is keys, help=text)
        found.add_argument("--alg", choices=("ES256", "Ed25519", "PS256"), help="default: by the kind of key")


def _key_commands(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for name, run, text in (
        ("rotate", _keys_rotate, "let the next key sign and publish the one after it"),
        ("list", _keys_list, "list the published keys and what each does"),
    ):
        verb = verbs.add_parser(name, help=text, description=text)
        verb.add_argument("--data", metavar="DIR", help="data folder (default: FENQI_DATA_DIR or ./var)")
        verb.set_defaults(run=run)


def _limit_commands(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    history = verbs.add_parser("history", help="print every movement of a shopper's limits with its reason")
    history.add_argument("shopper", help="identifier of the shopper, shp_…")
    history.add_argument("--data", metavar="DIR", help="data folder (default: FENQI_DATA_DIR or ./var)")
    history.set_defaults(run=_limit_history)


def _ledger_commands(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    verify = verbs.add_parser("verify", help="check the invariants; exit code 1 names the first broken entry")
    verify.add_argument("--json", action="store_true", help="print the report as JSON")
    verify.set_defaults(run=_ledger_verify)
    balance = verbs.add_parser("trial-balance", help="print the balance of every account")
    balance.set_defaults(run=_ledger_trial_balance)
    export = verbs.add_parser("export", help="write the entries in a format that other tools read")
    export.add_argument(
        "--format", choices=LEDGER_FORMATS, required=True, help="parquet needs the package pyarrow"
    )
    export.add_argument(
        "--out",
        type=Path,
        required=True,
        help="file to write; one that is there is replaced by the whole new one",
    )
    export.add_argument("--from", dest="start", type=_day, help="first effective date, YYYY-MM-DD, included")
    export.add_argument("--to", dest="end", type=_day, help="last effective date, YYYY-MM-DD, included")
    export.add_argument("--mode", choices=("test", "live"), help="entries of this mode only (default: both)")
    export.set_defaults(run=_ledger_export)
    for verb in (verify, balance, export):
        verb.add_argument("--data", metavar="DIR", help="data folder (default: FENQI_DATA_DIR or ./var)")


def _contract_commands(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    verify = verbs.add_parser(
        "verify", help="check hash and signature of every contract; exit code 1 names a bad one"
    )
    verify.add_argument("--json", action="store_true", help="print the report as JSON")
    verify.set_defaults(run=_contracts_verify)
    keys = verbs.add_parser("public-keys", help="print the public keys that sign contracts, as PEM")
    keys.set_defaults(run=_contracts_public_keys)
    for verb in (verify, keys):
        verb.add_argument("--data", metavar="DIR", help="data folder (default: FENQI_DATA_DIR or ./var)")


def _audit_commands(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    verify = verbs.add_parser(
        "verify", help="check every hash and signature; exit code 1 names the first bad entry"
    )
    verify.add_argument("--json", action="store_true", help="print the report as JSON")
    verify.set_defaults(run=_audit_verify)
    roots = verbs.add_parser("roots", help="print the signed root of each day, a line of JSON each")
    roots.set_defaults(run=_audit_roots)
    for verb in (verify, roots):
        verb.add_argument("--data", metavar="DIR", help="data folder (default: FENQI_DATA_DIR or ./var)")


def _usage(options: argparse.Namespace) -> int:
    raise AssertionError("argparse requires a verb")


def _demo(options: argparse.Namespace) -> int:
    from gateway.demo import start  # noqa: PLC0415

    return start(port=options.port, data_dir=options.data)


def _serve(options: argparse.Namespace) -> int:
    from gateway.server import serve  # noqa: PLC0415

    return serve(host=options.host, port=options.port, workers=options.workers, data_dir=options.data)


def _worker(options: argparse.Namespace) -> int:
    import signal  # noqa: PLC0415
    import threading  # noqa: PLC0415

    from gateway.runtime import work  # noqa: PLC0415

    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    work(_gateway(options), stop)
    return 0


def _migrate(options: argparse.Namespace) -> int:
    from gateway.config import from_environment  # noqa: PLC0415
    from gateway.db.migrate import upgrade  # noqa: PLC0415

    settings = from_environment(data_dir=options.data)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    upgrade(settings.database_url)
    print("The database is at the newest schema.")
    return 0


def _settle(options: argparse.Namespace) -> int:
    from gateway.core.calendar import shanghai_date  # noqa: PLC0415
    from gateway.daily import settle  # noqa: PLC0415
    from gateway.runtime import drain  # noqa: PLC0415

    gateway = _gateway(options)
    closed = settle(gateway, options.date or shanghai_date(gateway.clock()))
    drain(gateway)
    print(json.dumps([{**row, "created_at": row["created_at"].isoformat()} for row in closed], indent=2))
    return 0


def _vectors(options: argparse.Namespace) -> int:
    from gateway.core.golden import compute_file  # noqa: PLC0415

    try:
        results = compute_file(options.file)
    except (OSError, ValueError) as error:
        print(f"{options.file}: {error}", file=sys.stderr)
        return 1
    print(json.dumps(results, ensure_ascii=False, indent=1))
    return 0


def _merchant_create(options: argparse.Namespace) -> int:
    from gateway.audit.service import Actor  # noqa: PLC0415
    from gateway.onboarding import onboard  # noqa: PLC0415

    gateway = _gateway(options)
    credentials = onboard(
        gateway,
        actor=Actor.at_the_command_line(),
        name=options.name,
        name_en=options.name_en,
        category=options.category,
        mode=options.mode,
        email=options.email,
        webhook_url=None,
    )
    print(json.dumps(credentials, ensure_ascii=False, indent=2))
    return 0


def _merchant_reserve(options: argparse.Namespace) -> int:
    from gateway.audit.service import Actor  # noqa: PLC0415
    from gateway.merchants import commands  # noqa: PLC0415

    actor = Actor.at_the_command_line()
    return commands.reserve(
        _gateway(options).db, actor, options.merchant, rate=options.rate, days=options.days
    )


def _merchant_payout_account(options: argparse.Namespace) -> int:
    from gateway.audit.service import Actor  # noqa: PLC0415
    from gateway.merchants import commands  # noqa: PLC0415

    actor = Actor.at_the_command_line()
    return commands.payout_account(_gateway(options).db, actor, options.merchant, options.account)


def _client_create(options: argparse.Namespace) -> int:
    from gateway.oauth import commands  # noqa: PLC0415

    return commands.create(
        _gateway(options),
        merchant=options.merchant,
        mode=options.mode,
        scopes=options.scope,
        jwks=options.jwks,
        alg=options.alg,
        require_dpop=options.require_dpop,
    )


def _client_list(options: argparse.Namespace) -> int:
    from gateway.oauth import commands  # noqa: PLC0415

    return commands.show(_gateway(options), options.merchant)


def _client_rotate(options: argparse.Namespace) -> int:
    from gateway.oauth import commands  # noqa: PLC0415

    return commands.rotate_secret(_gateway(options), options.client, overlap_hours=options.overlap)


def _client_revoke(options: argparse.Namespace) -> int:
    from gateway.oauth import commands  # noqa: PLC0415

    return commands.revoke_secret(_gateway(options), options.client, options.secret)


def _client_set_keys(options: argparse.Namespace) -> int:
    from gateway.oauth import commands  # noqa: PLC0415

    return commands.set_keys(_gateway(options), options.client, jwks=options.jwks, alg=options.alg)


def _client_require(options: argparse.Namespace) -> int:
    from gateway.oauth import commands  # noqa: PLC0415

    return commands.require(_gateway(options), options.client, par=options.par, dpop=options.dpop)


def _keys_rotate(options: argparse.Namespace) -> int:
    from gateway.oauth import commands  # noqa: PLC0415

    return commands.rotate_signing_keys(_gateway(options).ports["signing_keys"])


def _keys_list(options: argparse.Namespace) -> int:
    from gateway.oauth import commands  # noqa: PLC0415

    return commands.show_signing_keys(_gateway(options).ports["signing_keys"])


def _limit_history(options: argparse.Namespace) -> int:
    from gateway.decision import limits  # noqa: PLC0415

    with _gateway(options).db.read() as tx:
        rows = limits.history(tx, options.shopper)
    for row in rows:
        print(f"{row.created_at:%Y-%m-%dT%H:%M:%SZ}  {row.reason:<10}  {row.amount_fen:>12}  {row.about}")
    if not rows:
        print(f"No limit was ever granted to {options.shopper!r}.", file=sys.stderr)
    return 0 if rows else 1


def _ledger_verify(options: argparse.Namespace) -> int:
    from gateway.ledger import commands  # noqa: PLC0415
    from gateway.verification import AGREEMENTS  # noqa: PLC0415

    return commands.verify(_gateway(options).db, as_json=options.json, agreements=AGREEMENTS)


def _ledger_trial_balance(options: argparse.Namespace) -> int:
    from gateway.ledger import commands  # noqa: PLC0415

    return commands.trial_balance(_gateway(options).db)


def _ledger_export(options: argparse.Namespace) -> int:
    from gateway.ledger import commands  # noqa: PLC0415

    return commands.export(
        _gateway(options).db,
        format=options.format,
        out=options.out,
        start=options.start,
        end=options.end,
        mode=options.mode,
    )


def _contracts_verify(options: argparse.Namespace) -> int:
    from gateway.contracts import commands  # noqa: PLC0415

    gateway = _gateway(options)
    return commands.verify(gateway.db, gateway.ports["signing_authority"], as_json=options.json)


def _contracts_public_keys(options: argparse.Namespace) -> int:
    from gateway.contracts import commands  # noqa: PLC0415

    return commands.public_keys(_gateway(options).ports["signing_authority"])


def _audit_verify(options: argparse.Namespace) -> int:
    from gateway.audit import commands  # noqa: PLC0415

    gateway = _gateway(options)
    return commands.verify(gateway.db, gateway.ports["signing_authority"], as_json=options.json)


def _audit_roots(options: argparse.Namespace) -> int:
    from gateway.audit import commands  # noqa: PLC0415

    return commands.roots(_gateway(options).db)


def _gateway(options: argparse.Namespace) -> Gateway:
    from gateway.app import gateway_of  # noqa: PLC0415
    from gateway.config import from_environment  # noqa: PLC0415

    return gateway_of(from_environment(data_dir=options.data))


def _port(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: want 1 to 65535")
    return int(text)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date: want YYYY-MM-DD") from None
