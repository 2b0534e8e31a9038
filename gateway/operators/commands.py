"""What ``fenqi-gateway operators …`` does, and how a command learns who gives it. Each returns the exit code."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Callable

from gateway.audit import service as audit
from gateway.audit.service import Actor
from gateway.core import one_time_codes
from gateway.core.tables import listed
from gateway.db.transactions import Database, Transaction
from gateway.errors import InvalidRequest
from gateway.operators import service
from gateway.operators.decisions import Person
from gateway.operators.models import Operator
from gateway.web.context import Gateway


def show(db: Database, *, limit: int, as_json: bool) -> int:
    """Print the operators, the newest first."""
    with db.read() as tx:
        rows = [
            {
                "id": row.id,
                "name": row.name,
                "added_by": row.added_by,
                "created_at": _moment(row.created_at),
                "confirmed_at": _moment(row.confirmed_at),
                "removed_at": _moment(row.removed_at),
            }
            for row in service.everybody(tx, limit)
        ]
    print(listed(rows, as_json=as_json))
    return 0


def add(gateway: Gateway, name: str, *, by: str | None) -> int:
    """Add an operator and print the secret of the authenticator app, this once; an operator vouches, once there is one.

    Raises ``InvalidRequest``, ``Conflict``, and what refuses the voucher's code.
    """
    voucher = proved(gateway, by) if by is not None else None

    def in_transaction(tx: Transaction) -> dict[str, str]:
        row, secret = service.add(tx, gateway.vault, name, by=voucher)
        _record(tx, "operator.add", row, voucher)
        return _enrolment(row, secret)

    return _printed(gateway.db.write(in_transaction))


def reset(gateway: Gateway, name: str, *, by: str | None) -> int:
    """Give an operator who has lost the app a new one; another operator vouches.

    Raises ``NotFound``, and what refuses the voucher's code.
    """
    if by is not None and service.normalised(by) == service.normalised(name):
        raise InvalidRequest("Another operator must vouch for you with --by.", param="by")
    voucher = proved(gateway, by) if by is not None else None

    def in_transaction(tx: Transaction) -> dict[str, str]:
        if voucher is None:
            _check_nobody_vouches(tx, name)
        row, secret = service.reset(tx, gateway.vault, name)
        _record(tx, "operator.reset", row, voucher)
        return _enrolment(row, secret)

    return _printed(gateway.db.write(in_transaction))


def confirm(gateway: Gateway, name: str) -> int:
    """Read the first code of a new app; from then on its codes count. Raises ``CodeRefused``."""
    with gateway.db.read() as tx:
        service.present(tx, name)
    row = service.prove(gateway.db, gateway.vault, name, _code(name), first_time=True)
    gateway.db.write(lambda tx: _record(tx, "operator.confirm", row, row))
    print(f"{row.name} may propose and confirm.")
    return 0


def choose_password(
    gateway: Gateway, name: str, *, problem: Callable[[str], str | None], hashed: Callable[[str], str]
) -> int:
    """Let an operator log in with a password; code and password are read from standard input, a line each.

    ``problem`` says what is wrong with a password, ``hashed`` makes argon2id of it. Raises ``InvalidRequest`` for one
    that cannot be chosen, ``NotFound``, and what refuses the code.
    """
    with gateway.db.read() as tx:
        service.present(tx, name)
    code, password = _code(name), _password(name)
    refusal = problem(password)
    if refusal is not None:
        raise InvalidRequest(refusal, param="password")
    kept = hashed(password)
    row = service.prove(gateway.db, gateway.vault, name, code)

    def in_transaction(tx: Transaction) -> None:
        _record(tx, "operator.password", service.choose_password(tx, name, kept), row)

    gateway.db.write(in_transaction)
    print(f"{row.name} may log in with this password and a code of the app.")
    return 0


def remove(gateway: Gateway, name: str, *, by: str) -> int:
    """Remove an operator. Raises ``NotFound``, and what refuses the code of the other operator."""
    remover = proved(gateway, by)

    def in_transaction(tx: Transaction) -> str:
        row = service.remove(tx, name)
        _record(tx, "operator.remove", row, remover)
        return row.name

    print(f"{gateway.db.write(in_transaction)} is removed.")
    return 0


def proved(gateway: Gateway, name: str) -> Operator:
    """The operator who gives a command, by a code of their app, which is read from standard input.

    Raises ``NotFound``, ``CodeRefused``, ``TooManyRequests``.
    """
    with gateway.db.read() as tx:
        service.present(tx, name)
    return service.prove(gateway.db, gateway.vault, name, _code(name))


def person(gateway: Gateway, name: str) -> Person:
    """The same, with the account that runs the command."""
    return Person(proved(gateway, name).id, Actor.at_the_command_line().id)


def _check_nobody_vouches(tx: Transaction, name: str) -> None:
    if service.somebody_vouches(tx, name):
        raise InvalidRequest("There are other operators: one of them must vouch with --by.", param="by")


def _code(name: str) -> str:
    # Not an argument: those stand in the list of processes, where a code could be taken before it is used.
    if sys.stdin.isatty():
        print(f"Code that the authenticator app of {name} shows: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def _password(name: str) -> str:
    if sys.stdin.isatty():
        return getpass.getpass(f"New password of {name}: ")
    return sys.stdin.readline().rstrip("\r\n")


def _record(tx: Transaction, action: str, row: Operator, by: Operator | None) -> None:
    account = Actor.at_the_command_line()
    actor = account if by is None else Actor("operator", by.id)
    audit.record(tx, actor, action, about=row.id, facts={"name": row.name, "account": account.id})


def _enrolment(row: Operator, secret: str) -> dict[str, str]:
    return {
        "operator": row.id,
        "name": row.name,
        "secret": secret,
        "address": one_time_codes.address(secret, row.name),
    }


def _printed(enrolment: dict[str, str]) -> int:
    print(json.dumps(enrolment, indent=2))
    return 0


def _moment(value: object) -> str | None:
    return None if value is None else f"{value:%Y-%m-%dT%H:%M:%SZ}"
