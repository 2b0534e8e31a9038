"""``fenqi-gateway rates …`` and ``fenqi-gateway operators …``."""

from __future__ import annotations

import argparse
from pathlib import Path

from gateway.cli.parsing import Verbs, database_of, day, gateway_of, of_nobody
from gateway.cli.records import limit

STATUSES = ("proposed", "confirmed", "rejected", "withdrawn")
BY = "name of the operator who gives the command; a code of their app is read from standard input"


def add(verbs: Verbs) -> None:
    """Declare the commands about rate cards, and about the operators who agree on them."""
    _rates(
        verbs.group("rates", "propose, confirm and read merchants' rate cards: two operators for each change")
    )
    _operators(verbs.group("operators", "list, add and remove the gateway's own people"))


def _rates(rates: Verbs) -> None:
    found = rates.reading("list", "list the newest rate cards", _list)
    found.add_argument("--merchant", help="only of this merchant, mer_…")
    found.add_argument("--status", choices=STATUSES, help="only in this state")
    limit(found)
    show = rates.reading("show", "print a rate card; of a proposal also what it would change now", _show)
    propose = rates.add("propose", "propose the card in a file, and print what it would change", _propose)
    propose.add_argument("file", type=Path, metavar="FILE", help="CSV or JSON, as export writes it")
    propose.add_argument("--merchant", required=True, help="identifier of the merchant, mer_…")
    propose.add_argument(
        "--from",
        dest="first_day",
        type=day,
        required=True,
        help="first day in force (Shanghai), not in the past",
    )
    confirm = rates.add(
        "confirm", "confirm a proposal of another operator, after checking it again", _confirm
    )
    preview = rates.reading("preview", "check a proposal again and print what it would change", _preview)
    reject = rates.add("reject", "refuse a proposal of another operator", _decide)
    withdraw = rates.add("withdraw", "take back a proposal of one's own", _decide)
    for verb in (show, confirm, preview, reject, withdraw):
        verb.add_argument("card", help="identifier of the rate card, rcd_…")
    for verb in (propose, confirm, reject, withdraw):
        verb.add_argument("--by", required=True, help=BY)
        verb.add_argument(
            "--reason", type=of_nobody, required=True, help="why, for the audit log; must not name anyone"
        )
    reject.set_defaults(verb="reject")
    withdraw.set_defaults(verb="withdraw")
    export = rates.exporting("export", "write what is in force as a file that propose takes back", _export)
    export.add_argument("merchant", help="identifier of the merchant, mer_…")
    export.add_argument("--from", dest="first_day", type=day, help="as from this day on (default: today)")
    export.add_argument(
        "--format", choices=("csv", "json"), default="csv", help="form of the file (default csv)"
    )
    export.add_argument("--out", type=Path, help="file to write (default: standard output)")


def _operators(operators: Verbs) -> None:
    limit(operators.reading("list", "list the operators, newest first", _list_operators))
    add = operators.add(
        "add", "add an operator and print the secret of the app, shown only once", _add_operator
    )
    confirm = operators.add("confirm", "read the first code of an operator's new app", _confirm_operator)
    reset = operators.add("reset", "give an operator who has lost the app a new one", _reset_operator)
    password = operators.add(
        "password",
        "let an operator log in to the API; a code of the app and the new password are read from standard input",
        _choose_password,
    )
    remove = operators.add(
        "remove", "remove an operator; what they did stays under their name", _remove_operator
    )
    for verb in (add, confirm, reset, password, remove):
        verb.add_argument("name", help="name of the operator, such as li.na")
    for verb in (add, reset):
        verb.add_argument(
            "--by",
            help="name of another operator, who vouches, where there is one; a code of their app is read from"
            " standard input",
        )
    remove.add_argument("--by", required=True, help=BY)


def _list(options: argparse.Namespace) -> int:
    from gateway.operators import service as operators
    from gateway.plans import commands

    return commands.show_list(
        database_of(options),
        operators.names,
        merchant=options.merchant,
        status=options.status,
        limit=options.limit,
        as_json=options.json,
    )


def _show(options: argparse.Namespace) -> int:
    from gateway.operators import service as operators
    from gateway.plans import commands

    return commands.show(database_of(options), operators.names, options.card, as_json=options.json)


def _propose(options: argparse.Namespace) -> int:
    from gateway.operators import commands as operators
    from gateway.plans import commands

    gateway = gateway_of(options)
    return commands.propose(
        gateway,
        lambda: operators.person(gateway, options.by),
        path=options.file,
        merchant=options.merchant,
        first_day=options.first_day,
        reason=options.reason,
    )


def _confirm(options: argparse.Namespace) -> int:
    from gateway.operators import commands as operators
    from gateway.plans import commands

    gateway = gateway_of(options)
    return commands.confirm(
        gateway, lambda: operators.person(gateway, options.by), options.card, reason=options.reason
    )


def _preview(options: argparse.Namespace) -> int:
    from gateway.plans import commands

    return commands.preview(gateway_of(options), options.card, as_json=options.json)


def _decide(options: argparse.Namespace) -> int:
    from gateway.operators import commands as operators
    from gateway.plans import commands

    gateway = gateway_of(options)
    return commands.decide(
        gateway,
        lambda: operators.person(gateway, options.by),
        options.card,
        verb=options.verb,
        reason=options.reason,
    )


def _export(options: argparse.Namespace) -> int:
    from gateway.plans import commands

    return commands.export(
        database_of(options),
        options.merchant,
        first_day=options.first_day,
        form=options.format,
        out=options.out,
    )


def _list_operators(options: argparse.Namespace) -> int:
    from gateway.operators import commands

    return commands.show(database_of(options), limit=options.limit, as_json=options.json)


def _add_operator(options: argparse.Namespace) -> int:
    from gateway.operators import commands

    return commands.add(gateway_of(options), options.name, by=options.by)


def _confirm_operator(options: argparse.Namespace) -> int:
    from gateway.operators import commands

    return commands.confirm(gateway_of(options), options.name)


def _reset_operator(options: argparse.Namespace) -> int:
    from gateway.operators import commands

    return commands.reset(gateway_of(options), options.name, by=options.by)


def _choose_password(options: argparse.Namespace) -> int:
    from gateway.operators import commands
    from gateway.team import passwords

    def problem(password: str) -> str | None:
        found = passwords.problem(password)
        return None if found is None else f"The password cannot be used: {passwords.PROBLEMS[found]}"

    return commands.choose_password(
        gateway_of(options), options.name, problem=problem, hashed=passwords.hashed
    )


def _remove_operator(options: argparse.Namespace) -> int:
    from gateway.operators import commands

    return commands.remove(gateway_of(options), options.name, by=options.by)
