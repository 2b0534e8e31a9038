"""What must be right before real money is served: ``serve`` refuses to start without it, ``doctor`` prints all of it.

A check looks and changes nothing. It returns None, or a sentence that says what is wrong and what to do.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gateway import keyring
from gateway.app import database_of, outside_ports, utc_now
from gateway.config import Settings, WrongSetting
from gateway.core.tables import listed
from gateway.db.engine import canonical_url
from gateway.db.guards import AUDIT, CONSENTS, CONTRACTS, FACTS, LEDGER, TENANCY, missing_guards
from gateway.db.roles import too_mighty
from gateway.db.transactions import Database
from gateway.oauth import service as oauth
from gateway.web.hosts import LOOPBACK

log = logging.getLogger("gateway.gate")
GUARDS = (*LEDGER, *CONTRACTS, *TENANCY, *AUDIT, *CONSENTS, *FACTS)
OTHERS = stat.S_IRWXG | stat.S_IRWXO
NAMED = 3
"""How many files are named; the rest are counted."""

Check = Callable[[Settings], str | None]


def public_url(settings: Settings) -> str | None:
    """Passwords, tokens and one-time codes travel to it."""
    parts = urlsplit(settings.public_url)
    if parts.scheme == "https" and parts.hostname not in LOOPBACK:
        return None
    return (
        f"The public URL is {settings.public_url}: set FENQI_PUBLIC_URL to the https address that merchants "
        "and shoppers use."
    )


def proxies(settings: Settings) -> str | None:
    """The server speaks plain HTTP, so https ends at a proxy, whose address would count as everybody's."""
    if settings.proxies or not settings.public_url.startswith("https:"):
        return None
    return "FENQI_PROXIES is 0: set it to the number of proxies in front, 1 with deploy/nginx.conf."


def simulators(settings: Settings) -> str | None:
    """They refuse live mode, so that every live checkout would fail."""
    names = [name for name, port in outside_ports(settings).items() if getattr(port, "simulator", False)]
    bank = (
        "FENQI_FAKE_BANK_URL plays a bank for test mode only: unset it." if settings.fake_bank_url else None
    )
    if not names:
        return bank
    settings_of = {
        "institution": "FENQI_INSTITUTION_URL",
        "real_name": "FENQI_REAL_NAME_URL",
        "notifier": "FENQI_MESSAGES_URL",
    }
    by = " or ".join(["FENQI_ADAPTERS", *(name for port, name in settings_of.items() if port in names)])
    told = f"{', '.join(names)}: a simulator. Connect the real systems with {by}."
    return f"{told} {bank}" if bank else told


def institution_key(settings: Settings) -> str | None:
    """Without one, live instructions wait for ever."""
    if not settings.institution_url or settings.institution_live_key:
        return None
    return "FENQI_INSTITUTION_URL has no live-mode key: set FENQI_INSTITUTION_LIVE_KEY."


def reading_time(settings: Settings) -> str | None:
    """The shopper must have been able to read what the loan costs."""
    if settings.disclosure_reading_seconds >= 1:
        return None
    return "Shoppers can confirm without reading what a loan costs: set FENQI_DISCLOSURE_READING_SECONDS to 1 or more."


def webhook_local(settings: Settings) -> str | None:
    """Merchants could reach what else listens on this machine."""
    if not settings.webhook_local:
        return None
    return "Webhooks can reach this machine's own services: unset FENQI_WEBHOOK_LOCAL."


def data_folder(settings: Settings) -> str | None:
    """Keys, personal data and logins are for the gateway's user alone."""
    open_to_others = [path for path in _kept(settings) if _mode_of(path) & OTHERS]
    if not open_to_others:
        return None
    named = ", ".join(str(path) for path in open_to_others[:NAMED])
    more = len(open_to_others) - NAMED
    elsewhere = [path for path in open_to_others if settings.data_dir not in (path, *path.parents)]
    places = " ".join(map(str, dict.fromkeys([settings.data_dir, *_outside(settings), *elsewhere])))
    return (
        f"Other users of this machine can read {named}{f' and {more} more' if more > 0 else ''}. "
        f"Run: chmod -R go= {places}"
    )


def keys(settings: Settings) -> str | None:
    """What one folder of keys has sealed and signed, no other opens and verifies."""
    return keyring.problem(settings, _database_of(settings))


def database_guards(settings: Settings) -> str | None:
    """The triggers that keep books, contracts, merchants and modes as they are."""
    return unguarded(_database_of(settings))


def unguarded(database: Database) -> str | None:
    """What is to say of a database that lacks triggers; None where all are there."""
    with database.read() as tx:
        missing = missing_guards(tx.connection(), list(GUARDS))
    return (
        f"The database is not protected: these triggers are missing: {', '.join(missing)}"
        if missing
        else None
    )


def database_role(settings: Settings) -> str | None:
    """On PostgreSQL the server's role owns nothing, so that nobody who has it can switch a trigger off."""
    return unbound(_database_of(settings))


def unbound(database: Database) -> str | None:
    """What is to say of a role that the triggers do not bind; None where they do."""
    with database.read() as tx:
        mighty = too_mighty(tx.connection())
    if not mighty:
        return None
    return (
        f"The server's database role can bypass the triggers: {'; '.join(mighty)}. Connect with a role that owns "
        "nothing: as the owner, run fenqi-gateway migrate --grant-to ROLE, then use ROLE in DATABASE_URL."
    )


CHECKS: tuple[Check, ...] = (
    public_url,
    proxies,
    simulators,
    institution_key,
    reading_time,
    webhook_local,
    data_folder,
    keys,
    database_guards,
    database_role,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found; ``problem`` is None where all is well."""

    check: str
    problem: str | None


def findings(settings: Settings) -> list[Finding]:
    """Every check, in order."""
    return [Finding(check.__name__, check(settings)) for check in CHECKS]


def is_live(settings: Settings) -> bool:
    """Whether real money is configured: a client of live mode, or the institution's key of live mode."""
    if settings.institution_live_key:
        return True
    with _database_of(settings).read() as tx:
        return oauth.has_clients(tx, "live")


def must_be_open(settings: Settings) -> None:
    """Do nothing in test mode, or where every check is right. Raises ``WrongSetting`` with all that is not."""
    if not is_live(settings):
        return
    problems = [finding.problem for finding in findings(settings) if finding.problem]
    if problems:
        lines = "\n".join(f"- {problem}" for problem in problems)
        raise WrongSetting(f"Live mode is configured but cannot be served:\n{lines}")


def role_must_be_bound(settings: Settings) -> None:
    """Raise ``WrongSetting`` where real money is configured and the database's role could pass the triggers.

    In test mode that is a warning.
    """
    problem = database_role(settings)
    if problem is not None and is_live(settings):
        raise WrongSetting(problem)
    if problem is not None:
        log.warning("live mode would be refused: %s", problem)


def doctor(settings: Settings, *, as_json: bool) -> int:
    """Print every check; returns the exit status, 1 where a live start would be refused."""
    found = findings(settings)
    rows: list[dict[str, Any]] = [
        {"check": one.check, "ok": one.problem is None, "what to do": one.problem or ""} for one in found
    ]
    print(listed(rows, as_json=as_json))
    if not as_json:
        print("\nLive mode is " + ("configured." if is_live(settings) else "not configured yet."))
    return int(any(one.problem for one in found))


def _kept(settings: Settings) -> Iterator[Path]:
    """The data folder, all that lies in it or that its links lead to, and the database where it lies elsewhere."""
    places, seen = [settings.data_dir], set[Path]()
    while places:
        place = places.pop()
        yield place
        for folder, folders, files in os.walk(place):
            for path in (Path(folder, name) for name in (*folders, *files)):
                target = path.resolve()
                if not path.is_symlink():
                    yield path
                elif target.exists() and target not in seen:
                    seen.add(target)
                    places.append(target)
    yield from _outside(settings)


def _mode_of(path: Path) -> int:
    try:
        return path.stat().st_mode
    except FileNotFoundError:  # a server at work has taken it away since
        return 0


def _outside(settings: Settings) -> list[Path]:
    """The files of a SQLite database that lies elsewhere."""
    url = canonical_url(settings.database_url)
    if url.get_backend_name() != "sqlite":
        return []
    files = [Path(f"{url.database}{end}").resolve() for end in ("", "-wal", "-shm")]
    return [path for path in files if path.exists() and settings.data_dir not in path.parents]


def _database_of(settings: Settings) -> Database:
    return database_of(settings, clock=utc_now)
