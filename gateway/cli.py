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
    _limit_commands(command("limit", _usage, "explain a shopper's credit limit"))
    _ledger_commands(command("ledger", _usage, "verify and export the ledger"))
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
    from gateway.onboarding import onboard  # noqa: PLC0415

    gateway = _gateway(options)
    credentials = onboard(
        gateway,
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
    from gateway.merchants import service as merchants  # noqa: PLC0415

    _gateway(options).db.write(
        lambda tx: (
            merchants.agree_reserve(tx, options.merchant, rate=options.rate, days=options.days) and None
        )
    )
    print(f"{options.rate} of the captures of {options.merchant} is held back for {options.days} days.")
    return 0


def _merchant_payout_account(options: argparse.Namespace) -> int:
    from gateway.merchants import service as merchants  # noqa: PLC0415

    _gateway(options).db.write(
        lambda tx: merchants.pay_out_to(tx, options.merchant, options.account) and None
    )
    print(f"{options.merchant} is paid out to {options.account}.")
    return 0


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
