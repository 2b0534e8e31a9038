"""``fenqi-gateway demo|fake-bank|serve|doctor|worker|migrate|settle|vectors``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from gateway.cli.parsing import Verbs, count, day, existing_settings, gateway_of, port, share


def add(verbs: Verbs) -> None:
    """Declare the commands that run the gateway."""
    demo = verbs.add("demo", "start everything with three demo merchants and print the addresses", _demo)
    demo.add_argument("--port", type=port, default=8400, help="port on the loopback (default 8400)")
    bank = verbs.add(
        "fake-bank", "play a bank that test mode pays out by, with the faults of real ones", _fake_bank
    )
    bank.add_argument("--port", type=port, default=8410, help="port on the loopback (default 8410)")
    bank.add_argument("--seed", type=int, default=0, help="by which it chooses the payouts that go wrong")
    bank.add_argument(
        "--faults", type=share, default=0, help="share of the payouts that go wrong, 0 to 1 (default 0)"
    )
    serve = verbs.add("serve", "serve the API, the checkout pages and the portal", _serve)
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    serve.add_argument("--port", type=port, default=8400, help="port to listen on (default 8400)")
    serve.add_argument(
        "--workers",
        type=count(64),
        default=1,
        help="number of processes; more than one needs PostgreSQL (default 1)",
    )
    verbs.reading(
        "doctor", "check what must be in place before live mode is served; changes nothing", _doctor
    )
    verbs.add("worker", "drain the outbox and run the jobs of the day", _worker)
    migrate = verbs.add("migrate", "migrate the database to the newest schema", _migrate)
    migrate.add_argument(
        "--grant-to",
        metavar="ROLE",
        help="PostgreSQL: the server's role, granted only what the triggers allow",
    )
    settle = verbs.add("settle", "close the settlement batches of a day and instruct the payouts", _settle)
    settle.add_argument("--date", type=day, help="settlement date in Shanghai, YYYY-MM-DD (default: today)")
    vectors = verbs.add(
        "vectors", "compute every case of a golden vector file and print the results", _vectors
    )
    vectors.add_argument("file", type=Path, help="a file such as schedules.json")


def _demo(options: argparse.Namespace) -> int:
    from gateway.process.demo import start

    return start(port=options.port, data_dir=options.data)


def _fake_bank(options: argparse.Namespace) -> int:
    from gateway.config import from_environment
    from gateway.institution.fake_bank import server

    folder = Path(options.data) if options.data else from_environment().data_dir / "fake-bank"
    return server.serve(folder, port=options.port, seed=options.seed, faults=options.faults)


def _serve(options: argparse.Namespace) -> int:
    from gateway.config import from_environment
    from gateway.monitoring.sharing import shared

    folder = from_environment(data_dir=options.data).data_dir
    with shared(folder, afresh=True, create=folder.is_dir()):
        from gateway.process.server import serve

        return serve(host=options.host, port=options.port, workers=options.workers, data_dir=options.data)


def _doctor(options: argparse.Namespace) -> int:
    from gateway.process.live_gate import doctor

    return doctor(existing_settings(options), as_json=options.json)


def _worker(options: argparse.Namespace) -> int:
    import signal

    from gateway import app, keyring
    from gateway.config import from_environment
    from gateway.monitoring import logs, memory
    from gateway.monitoring.sharing import shared

    memory.share_arenas()
    logs.to_stderr()
    with shared(existing_settings(options).data_dir):
        from gateway.process.live_gate import role_must_be_bound
        from gateway.process.worker import start_worker

        settings = from_environment(data_dir=options.data)
        role_must_be_bound(settings)
        gateway = app.gateway_of(settings)
        keyring.check(gateway)
        ends = {signal.SIGINT, signal.SIGTERM}
        signal.pthread_sigmask(
            signal.SIG_BLOCK, ends
        )  # they are waited for, so that none comes between two steps
        stop = start_worker(gateway)
        signal.sigwait(ends)
        stop()
    return 0


def _migrate(options: argparse.Namespace) -> int:
    from gateway.config import from_environment
    from gateway.db.migrate import upgrade
    from gateway.db.roles import grant

    settings = from_environment(data_dir=options.data)
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    upgrade(settings.database_url)
    print("The database is at the newest schema.")
    if options.grant_to:
        grant(settings.database_url, options.grant_to)
        print(f"{options.grant_to} can serve it and owns nothing.")
    return 0


def _settle(options: argparse.Namespace) -> int:
    from gateway.core.calendar import shanghai_date
    from gateway.process.daily import settle
    from gateway.process.worker import drain

    gateway = gateway_of(options)
    closed = settle(gateway, options.date or shanghai_date(gateway.clock()))
    drain(gateway)
    print(json.dumps([{**row, "created_at": row["created_at"].isoformat()} for row in closed], indent=2))
    return 0


def _vectors(options: argparse.Namespace) -> int:
    from gateway.core.golden import compute_file

    try:
        results = compute_file(options.file)
    except ValueError as error:
        raise ValueError(f"{options.file}: {error}") from None
    print(json.dumps(results, ensure_ascii=False, indent=1))
    return 0
