"""Settings, read once from the environment; an invalid value aborts startup with a message naming the variable.

Each setting stands here once: its default, how its text is read, and what it means, from which the table in
``docs/settings.md`` is written: ``python -m gateway.config docs/settings.md``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from gateway import setting_values as values
from gateway.setting_values import WrongSetting

__all__ = ["Settings", "WrongSetting", "from_environment", "variables"]
START, END = "<!-- settings -->\n", "<!-- end of settings -->"


def setting(
    default: Any, read: Callable[[str], Any], meaning: str, *, shown: str = "", secret: bool = False
) -> Any:
    """A field of ``Settings`` whose variable is ``FENQI_`` + its name in capitals.

    ``meaning`` is what the documentation says of it, in Markdown, and ``shown`` its words for a default that says
    nothing by itself. What is ``secret`` is never printed.
    """
    return field(
        default=default, repr=not secret, metadata={"read": read, "meaning": meaning, "shown": shown}
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting of the gateway; ``data_dir`` and ``database_url`` depend on each other and have no default."""

    database_url: str = setting(
        MISSING,
        str,
        "`sqlite:///FILE` or `postgresql://…`; on PostgreSQL the "
        "[server's role](deployment.md#two-roles-on-postgresql), for `migrate` the owner's",
        shown="a SQLite file in the data folder",
    )
    data_dir: Path = setting(  # noqa: RUF009 - returns a field
        MISSING,
        Path,
        "folder of the signing keys (tokens, contracts), the sealing key, the SQLite file and the portal's "
        "logins; `--data` overrides it",
        shown="`var`",
    )
    pg_bin: str = setting(
        "",
        values.folder,
        "folder of PostgreSQL's `pg_dump` and `pg_restore`, for [backups](operations.md)",
        shown="the `PATH`",
    )
    public_url: str = setting(
        "http://127.0.0.1:8400",
        values.origin,
        "origin that merchants and browsers use; issuer and audience of the tokens. Requests for another host "
        "are refused, and with https browsers are told to keep using it",
    )
    disclosure_reading_seconds: int = setting(
        3,
        values.whole(0, 600),
        "minimum time between showing the cost disclosure and accepting its confirmation",
    )
    settlement_t_plus: int = setting(
        1,
        values.whole(0, 30),
        "working days between the business date of a capture and its settlement ([](deadlines.md))",
    )
    settlement_cutoff: str = setting(
        "23:00",
        values.time_of_day,
        "time in Shanghai from which a capture belongs to the next business date",
    )
    funder: str = setting(
        "demo_bank",
        values.name,
        "name of the lender; the built-in one is a simulator that works in test mode only",
    )
    funder_type: str = setting(
        "bank",
        values.one_of("bank", "consumer_finance", "small_loan"),
        "`bank`, `consumer_finance` or `small_loan`: which cost ceiling applies",
    )
    review_hours: int = setting(
        24,
        values.whole(1, 720),
        "hours within which a person answers an application in review, or an appeal against a decline; the "
        "page promises it (1 to 720)",
    )
    reconciliation_four_eyes_fen: int = setting(
        1_000_000,
        values.whole(0, 10**12),
        "difference (fen) of a reconciliation from which two people must resolve it; 0 means always two",
    )
    reconciliation_spark: str = setting(
        "",
        values.spark_master,
        "master of an Apache Spark cluster that compares the files of reconciliations, such as `spark://host:7077` "
        "(extra `[spark]`, Java 17); DuckDB does it in the worker without one",
        shown="none",
    )
    reconciliation_folder: str = setting(
        "",
        values.folder,
        "where a comparison keeps its tables while it runs; with Spark a folder that all its machines see",
        shown="the system's folder of temporary files",
    )
    milestone_window_days: int = setting(
        7,
        values.whole(1, 60),
        "days that a shopper has, once told, to contest a stage which the merchant says is done ([](milestones.md))",
    )
    milestone_grace_days: int = setting(
        14,
        values.whole(0, 365),
        "days after the due day of a captured stage, after which its merchant's stages are stopped unless it is "
        "claimed",
    )
    milestone_contests: int = setting(
        3,
        values.whole(1, 1000),
        "payments of which stages are contested at one time, from which on all stages of their merchant are stopped",
    )
    payout_account_cooling_hours: int = setting(
        72,
        values.whole(0, 720),
        "hours after which another payout account counts; until then any owner can cancel the change "
        "([](payouts.md))",
    )
    payout_watch_days: int = setting(
        10,
        values.whole(0, 60),
        "days for which a payout that has ended is looked up once a day, because it may still come back; for "
        "institutions that tell of it",
    )
    write_off_days: int = setting(
        180,
        values.whole(90, 3650),
        "days overdue after which a loan is written off (90 or more)",
    )
    retention_years: int = setting(
        10,
        values.whole(0, 30),
        "years for which the records of a loan and of its borrower are kept after it ends "
        "([](personal-data.md))",
    )
    applicant_days: int = setting(
        365,
        values.whole(1, 3650),
        "days after their last application at which a person without a loan is erased",
    )
    step_up_refund_fen: int = setting(
        0,
        values.whole(0, 100_000_000),
        "portal users need a login within the last five minutes to refund more than this many fen; above 0, "
        "several small refunds can pass",
    )
    funder_cost_basis: str = setting(
        "both",
        values.one_of("nominal", "effective", "both"),
        "`nominal` (单利), `effective` (复利) or `both`: which rate the ceiling is tested against",
    )
    worker_in_process: bool = setting(
        True,
        values.truth,
        "whether the server also drains the outbox; `0` where `fenqi-gateway worker` runs",
    )
    webhook_ports: tuple[int, ...] = setting(
        (443,),
        values.ports,
        "ports on public hosts to which webhooks are delivered, separated by commas",
    )
    webhook_answer_days: int = setting(
        7,
        values.whole(1, 30),
        "days for which the masked answer of a merchant's endpoint is kept in the delivery log (1 to 30)",
    )
    webhook_local: bool = setting(
        False,
        values.truth,
        "`1` lets test mode deliver webhooks to this machine's loopback, also without TLS: for development only",
    )
    scorer_bundle: str = setting(
        "",
        str,
        "folder of the model bundle",
        shown="the packaged one",
    )
    rate_limits: str = setting(
        "memory",
        values.counter,
        "where requests are counted for rate limits: `memory` (each process for itself), `redis://…` (needs the extra "
        "`redis`), or `off`",
    )
    scorer_challengers: tuple[tuple[str, str, int], ...] = setting(
        (),
        values.challengers,
        "models that score in shadow, `NAME=FOLDER:SHARE` with the share of shoppers in basis points, "
        "separated by commas; see [governance](governance.md)",
    )
    bureau: str = setting(
        "off",
        values.one_of("off", "simulator"),
        "credit bureau that is queried with the shopper's consent: `off`, or `simulator`, which invents reports "
        "in test mode; when a bureau gives no answer, a person decides",
    )
    real_name_url: str = setting(
        "",
        values.address_with_key,
        "address of a source that verifies name, ID number and phone ([](real-name.md)); `https`, or `http` on "
        "this machine; test mode always uses the simulator",
        shown="empty: the simulator, with which `serve` refuses live mode",
    )
    real_name_key: str = setting(
        "",
        str,
        "its secret key; needed with the address",
        shown="none",
        secret=True,
    )
    messages_url: str = setting(
        "",
        values.address_with_key,
        "address of a provider that sends text messages and e-mails ([](messages.md)); `https`, or `http` on this "
        "machine; test mode always writes to its mailbox file",
        shown="empty: the simulator, with which `serve` refuses live mode",
    )
    messages_key: str = setting("", str, "its secret key; needed with the address", shown="none", secret=True)
    scores_per_day: int = setting(
        10_000,
        values.whole(0, 10**9),
        "how many scores a partner institution may request per day and mode with `POST /v1/scores`",
    )
    adapters: str = setting(
        "",
        values.function,
        "connections to real systems in place of the simulators, `MODULE:FUNCTION` ([](deployment.md))",
    )
    proxies: int = setting(
        0,
        values.whole(0, 5),
        "number of proxies in front that add to `X-Forwarded-For`, for gateway and portal; with `0` the header "
        "is ignored, and the log says once that it arrives",
    )
    portal_key: str = setting(
        "",
        values.portal_key,
        "only for a portal that runs separately: the key with which it vouches for its browsers' addresses, 32 "
        "characters or more (`openssl rand -hex 32`); a portal that runs with the gateway needs none",
        secret=True,
    )
    metrics_token: str = setting(
        "",
        values.token,
        "bearer token with which Prometheus reads `/metrics`, 20 characters or more ([](monitoring.md))",
        shown="empty: `/metrics` does not exist",
        secret=True,
    )
    institution_url: str = setting(
        "",
        values.origin_with_key,
        "origin of a payment institution with an API like Stripe's; `https`, or `http` on this machine",
        shown="empty: the built-in simulator",
    )
    fake_bank_url: str = setting(
        "",
        values.loopback_origin,
        "origin of a running `fenqi-gateway fake-bank` on this machine, which plays the institution in test mode "
        "([](payouts.md#a-bank-to-practise-with)); it refuses live mode",
        shown="empty: none",
    )
    institution_setup_origin: str = setting(
        "",
        values.origin_with_key,
        "origin of the institution's own page on which shoppers give a card, such as `https://checkout.stripe.com` "
        "([](repayment.md))",
        shown="empty: no repayment methods are taken",
    )
    repayment_method_required: bool = setting(
        False,
        values.truth,
        "whether a payment can only be captured once its shopper has given a repayment method; a rule of the "
        "lender's ([](repayment.md))",
    )
    institution_settling_seconds: int = setting(
        60,
        values.whole(0, 86_400),
        "time during which an instruction sent without an answer may still be acted on there without being "
        "found; it is not sent again before then ([outside effects](outside-effects.md))",
    )
    institution_test_key: str = setting(
        "",
        values.institution_key("test", other="live"),
        "its secret key for test mode; without one, instructions in that mode wait",
        shown="none",
        secret=True,
    )
    institution_live_key: str = setting(
        "",
        values.institution_key("live", other="test"),
        "its secret key for live mode; without one, instructions in that mode wait",
        shown="none",
        secret=True,
    )
    database_connect_seconds: int = setting(
        5,
        values.whole(1, 600),
        "time limit for connecting to PostgreSQL",
    )
    database_statement_seconds: int = setting(
        15,
        values.whole(0, 86_400),
        "time limit for a statement of the server or the worker on PostgreSQL (`0`: none); a server that is "
        "silent for two seconds more counts as frozen ([](reliability.md))",
    )
    database_lock_seconds: int = setting(
        10,
        values.whole(0, 86_400),
        "time limit for waiting for another transaction's lock",
    )
    database_idle_seconds: int = setting(
        60,
        values.whole(0, 86_400),
        "time after which PostgreSQL ends a transaction that waits for the gateway (`0`: never)",
    )
    database_tcp_seconds: int = setting(
        15,
        values.whole(0, 86_400),
        "time after which an unacknowledged TCP connection to PostgreSQL is given up (`0`: the system's default)",
    )
    roots_to: str = setting(
        "",
        values.folder_or_address,
        "folder or `https` address to which signed roots of the audit log and of the ledger are copied "
        "([](security.md#the-audit-log))",
        shown="empty: kept in the database only",
    )


def from_environment(environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Settings from the environment; ``overrides`` (command-line options) win. Raises ``WrongSetting``."""
    env = os.environ if environ is None else environ
    data_dir = Path(overrides.pop("data_dir", None) or env.get("FENQI_DATA_DIR") or "var").resolve()
    given: dict[str, Any] = {
        "data_dir": data_dir,
        "database_url": env.get("DATABASE_URL") or f"sqlite:///{data_dir / 'fenqi.sqlite'}",
    }
    for each in fields(Settings):
        variable = _variable(each)
        if each.name not in given and variable in env:
            given[each.name] = _read(variable, env[variable], each.metadata["read"])
    given.update({name: value for name, value in overrides.items() if value is not None})
    return Settings(**given)


def variables() -> list[str]:
    """Names of all environment variables that are read, for the docs and their test."""
    return [_variable(each) for each in fields(Settings)]


def as_markdown() -> str:
    """The table of all settings for the documentation."""
    rows = [
        f"| `{_variable(each)}` | {each.metadata['shown'] or _default(each.default)} | {each.metadata['meaning']} |\n"
        for each in fields(Settings)
    ]
    return "| variable | default | meaning |\n| --- | --- | --- |\n" + "".join(rows)


def print_into(page: Path) -> None:
    """Put the table into a page of the documentation, between its two marks."""
    head, start, rest = page.read_text("utf-8").partition(START)
    _, end, tail = rest.partition(END)
    page.write_text(head + start + as_markdown() + end + tail, "utf-8")


def _variable(each: Field[Any]) -> str:
    return "DATABASE_URL" if each.name == "database_url" else f"FENQI_{each.name.upper()}"


def _default(value: Any) -> str:
    if isinstance(value, tuple):
        value = ",".join(str(part) for part in value)
    return f"`{int(value) if isinstance(value, bool) else value}`" if value != "" else "empty"


def _read(variable: str, text: str, read: Callable[[str], Any]) -> Any:
    try:
        return read(text)
    except ValueError as error:
        raise WrongSetting(f"{variable}={text!r} cannot be used: {error}") from None


if __name__ == "__main__":
    print_into(Path(sys.argv[1]))
