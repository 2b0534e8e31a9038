"""Settings, read once from the environment; a wrong value stops the start with a sentence that names the variable."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")


class WrongSetting(SystemExit):
    """A setting cannot be used; the message names the variable, the value and what is wanted."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting of the gateway; each field's variable is ``FENQI_`` + its name in capitals, unless said.

    ``database_url`` is read from ``DATABASE_URL``. ``data_dir`` holds what the process keeps beside the database:
    the signing keys and the key that seals personal data.
    """

    database_url: str
    data_dir: Path
    public_url: str = "http://127.0.0.1:8400"
    """Origin that merchants and browsers use to reach the gateway; the issuer of its tokens."""
    disclosure_reading_seconds: int = 3
    """Shortest time between showing the cost disclosure and accepting its confirmation."""
    settlement_t_plus: int = 1
    """Working days between the business date of a capture and its settlement."""
    settlement_cutoff: str = "23:00"
    """Local time (Asia/Shanghai) from which a capture belongs to the next business date."""
    funder: str = "demo_bank"
    """Name of the lender that decides; the built-in ``demo_bank`` is a simulator and says so."""
    funder_type: str = "bank"
    """Kind of lender for the cost ceiling: bank, consumer_finance or small_loan."""
    funder_cost_basis: str = "both"
    """Basis on which the lender's cost ceiling is tested: nominal, effective, or both."""
    worker_in_process: bool = True
    """Whether this process also drains the outbox; set to 0 where ``fenqi-gateway worker`` runs."""
    review_hours: int = 24
    """Within how many hours a person answers an application or a request to look at a decline, as the page promises."""
    write_off_days: int = 180
    """After how many days overdue a loan is written off."""
    retention_years: int = 10
    """So many years after the end of a loan the law wants the records of it kept, with who it was lent to."""
    applicant_days: int = 365
    """So many days after the newest application a person without a loan is erased."""
    scorer_challengers: tuple[tuple[str, str, int], ...] = ()
    """Models that score in shadow: name, bundle folder, and share of the shoppers in basis points."""
    bureau: str = "off"
    """Credit bureau that is asked with the shopper's consent: ``off``, or ``simulator`` (test mode only)."""
    scorer_bundle: str = ""
    """Folder of the model bundle; empty takes the one that ships with the package."""
    rate_limits: str = "memory"
    """Where requests are counted: ``memory`` (each process for itself), a Redis address, or ``off``."""
    scores_per_day: int = 10_000
    """How many scores a partner institution may ask for a day and mode by ``POST /v1/scores``."""
    adapters: str = ""
    """Connections to real systems, as ``module:function``: called with the settings, it returns ports by name."""
    portal_key: str = field(default="", repr=False)
    """Key by which a portal that runs apart vouches for its browsers' addresses; the portal beside needs none."""
    proxies: int = 0
    """How many proxies stand in front and add to ``X-Forwarded-For``; with 0 the header is not believed."""
    metrics_token: str = field(default="", repr=False)
    """What Prometheus sends to be answered at ``/metrics``; without one the address does not exist."""
    webhook_ports: tuple[int, ...] = (443,)
    """Ports of public hosts that webhooks are delivered to."""
    webhook_answer_days: int = 7
    """How many days the masked answers of merchants' webhook endpoints stay in the log of deliveries."""
    webhook_local: bool = False
    """Whether test mode may deliver webhooks to this machine's loopback, also without TLS: for development."""
    step_up_refund_fen: int = 0
    """A refund by a person above this amount (fen) needs a login within five minutes."""
    real_name_url: str = ""
    """Address of a real-name source for live mode; empty asks nobody there, and test mode always asks the simulator."""
    real_name_key: str = field(default="", repr=False)
    """The source's secret key."""
    institution_url: str = ""
    """Origin of a payment institution with an API like Stripe's; empty takes the built-in simulator."""
    institution_settling_seconds: int = 60
    """So long after it was sent without an answer an instruction may still be acted on there."""
    institution_test_key: str = field(default="", repr=False)
    """The institution's secret key for test mode."""
    institution_live_key: str = field(default="", repr=False)
    """The institution's secret key for live mode."""
    database_connect_seconds: int = 5
    """How long a connection to PostgreSQL may take to be made."""
    database_statement_seconds: int = 15
    """How long a statement may run on PostgreSQL; a server that is silent for two seconds more counts as frozen."""
    database_lock_seconds: int = 10
    """How long a statement waits for another transaction's lock."""
    database_idle_seconds: int = 60
    """After how long PostgreSQL ends a transaction that waits for this process."""
    database_tcp_seconds: int = 15
    """After how long a TCP connection to PostgreSQL is given up whose other end does not acknowledge."""
    roots_to: str = ""
    """Folder or address to which signed roots of the audit log and the ledger are brought; empty: to none."""


def from_environment(environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Settings from the environment; ``overrides`` (command-line options) win. Raises ``WrongSetting``."""
    env = os.environ if environ is None else environ
    data_dir = Path(overrides.pop("data_dir", None) or env.get("FENQI_DATA_DIR") or "var").resolve()
    values: dict[str, Any] = {
        "data_dir": data_dir,
        "database_url": env.get("DATABASE_URL") or f"sqlite:///{data_dir / 'fenqi.sqlite'}",
    }
    readers: dict[str, Callable[[str], Any]] = {
        "public_url": _origin,
        "disclosure_reading_seconds": _whole(0, 600),
        "settlement_t_plus": _whole(0, 30),
        "settlement_cutoff": _clock_time,
        "funder": _name,
        "funder_type": _one_of("bank", "consumer_finance", "small_loan"),
        "review_hours": _whole(1, 720),
        "write_off_days": _whole(90, 3650),
        "retention_years": _whole(0, 30),
        "applicant_days": _whole(1, 3650),
        "funder_cost_basis": _one_of("nominal", "effective", "both"),
        "step_up_refund_fen": _whole(0, 100_000_000),
        "worker_in_process": _truth,
        "scorer_bundle": str,
        "rate_limits": _counter,
        "scorer_challengers": _challengers,
        "bureau": _one_of("off", "simulator"),
        "scores_per_day": _whole(0, 10**9),
        "adapters": _function,
        "portal_key": _portal_key,
        "proxies": _whole(0, 5),
        "metrics_token": _token,
        "webhook_ports": _ports,
        "webhook_answer_days": _whole(1, 30),
        "webhook_local": _truth,
        "real_name_url": _real_name,
        "real_name_key": str,
        "institution_url": _institution,
        "institution_settling_seconds": _whole(0, 86_400),
        "institution_test_key": _key("test", other="live"),
        "institution_live_key": _key("live", other="test"),
        "roots_to": _folder_or_address,
        "database_connect_seconds": _whole(1, 600),
        "database_statement_seconds": _whole(0, 86_400),
        "database_lock_seconds": _whole(0, 86_400),
        "database_idle_seconds": _whole(0, 86_400),
        "database_tcp_seconds": _whole(0, 86_400),
    }
    for name, read in readers.items():
        variable = f"FENQI_{name.upper()}"
        if variable in env:
            values[name] = _read(variable, env[variable], read)
    values.update({name: value for name, value in overrides.items() if value is not None})
    return Settings(**values)


def variables() -> list[str]:
    """Names of all environment variables that are read, for the docs and their test."""
    named = {"database_url": "DATABASE_URL"}
    return [named.get(setting.name, f"FENQI_{setting.name.upper()}") for setting in fields(Settings)]


def _read(variable: str, text: str, read: Callable[[str], T]) -> T:
    try:
        return read(text)
    except ValueError as error:
        raise WrongSetting(f"{variable}={text!r} cannot be used: {error}") from None


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise ValueError(f"want a whole number from {low} to {high}")
        return int(text)

    return read


def _one_of(*choices: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            raise ValueError("want one of " + ", ".join(choices))
        return text

    return read


def _name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,60}", text):
        raise ValueError("want letters, digits, _ and -, such as demo_bank")
    return text


def _function(text: str) -> str:
    if text and not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", text):
        raise ValueError("want MODULE:FUNCTION, such as mybank.fenqi:adapters")
    return text


def _challengers(text: str) -> tuple[tuple[str, str, int], ...]:
    found = []
    for entry in filter(None, (part.strip() for part in text.split(","))):
        match = re.fullmatch(r"([A-Za-z0-9_-]{1,40})=(.+):(\d{1,5})", entry)
        if match is None or not 1 <= int(match[3]) <= 10_000 or match[1] == "champion":
            raise ValueError(
                "want NAME=FOLDER:SHARE with a share of 1 to 10000, such as autumn=/models/autumn:2000"
            )
        if not Path(match[2]).is_dir():
            raise ValueError(f"{match[2]} is no folder")
        found.append((match[1], match[2], int(match[3])))
    if len({name for name, _, _ in found}) != len(found):
        raise ValueError("a name is given twice")
    return tuple(found)


def _truth(text: str) -> bool:
    choices = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    if text.lower() not in choices:
        raise ValueError("want 1 or 0")
    return choices[text.lower()]


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if (
        parts.scheme not in ("http", "https")
        or not parts.netloc
        or parts.path not in ("", "/")
        or parts.query
    ):
        raise ValueError("want an origin such as https://pay.example.com")
    return f"{parts.scheme}://{parts.netloc}"


def _counter(text: str) -> str:
    if text not in ("memory", "off") and urlsplit(text).scheme not in ("redis", "rediss", "unix"):
        raise ValueError("want memory, off, or an address such as redis://127.0.0.1:6379/0")
    return text


def _ports(text: str) -> tuple[int, ...]:
    found = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and 1 <= int(part) <= 65535 for part in found):
        raise ValueError("want ports with commas between them, such as 443,8443")
    return tuple(int(part) for part in found)


def _token(text: str) -> str:
    if text and not (len(text) >= 20 and text.isascii() and text.isprintable() and " " not in text):
        raise WrongSetting(
            "FENQI_METRICS_TOKEN cannot be used: want 20 or more random characters, without spaces"
        )
    return text


def _institution(text: str) -> str:
    return _with_key(_origin(text)) if text else ""


def _real_name(text: str) -> str:
    parts = urlsplit(text)
    if text and (parts.query or parts.fragment or parts.username or not parts.netloc):
        raise ValueError("want an address such as https://real-name.example/v1")
    return _with_key(text.rstrip("/")) if text else ""


def _with_key(url: str) -> str:
    parts = urlsplit(url)
    local = parts.hostname in ("127.0.0.1", "::1", "localhost")
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise ValueError("want https, because the secret key is sent along; http only on this machine")
    return url


def _folder_or_address(text: str) -> str:
    if not text or Path(text).is_absolute():
        return text
    parts = urlsplit(text)
    local = parts.hostname in ("127.0.0.1", "::1", "localhost")
    if parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and local)):
        return text
    raise ValueError("want a folder such as /mnt/roots, or an https address; http only on this machine")


def _key(mode: str, *, other: str) -> Callable[[str], str]:
    """A secret key of ``mode``; one that names the other mode is refused, in words that do not show it."""

    def read(text: str) -> str:
        if f"_{other}_" in text:
            raise WrongSetting(
                f"FENQI_INSTITUTION_{mode.upper()}_KEY cannot be used: it is a key of {other} mode"
            )
        return text

    return read


def _portal_key(text: str) -> str:
    if text and (len(text) < 32 or not text.isascii()):
        raise WrongSetting(
            "FENQI_PORTAL_KEY cannot be used: want 32 characters or more, such as openssl rand -hex 32"
        )
    return text


def _clock_time(text: str) -> str:
    hour, colon, minute = text.partition(":")
    if not (colon and hour.isdigit() and minute.isdigit() and int(hour) < 24 and int(minute) < 60):
        raise ValueError("want a time of day such as 23:00")
    return text
