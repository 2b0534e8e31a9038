"""Operators: added, confirmed, proved by a code of their app, given a password, and removed."""

from __future__ import annotations

import re
from datetime import timedelta

import pyotp
from sqlmodel import col, select

from gateway.core import one_time_codes
from gateway.db.transactions import Database, Transaction
from gateway.errors import CodeRefused, Conflict, InvalidRequest, NotFound, TooManyRequests
from gateway.operators import sessions
from gateway.operators.models import Operator
from gateway.privacy.vault import Vault

NAME = re.compile(r"[a-z][a-z0-9._-]{1,39}")
MOST, WINDOW = 5, timedelta(minutes=15)
"""Codes that are tried in a row, and for how long nobody may try further then."""


def add(tx: Transaction, vault: Vault, name: str, *, by: Operator | None) -> tuple[Operator, str]:
    """A new operator and the secret (base32) of the authenticator app, which is shown this once.

    ``by`` vouches for everybody but the first. Raises ``InvalidRequest`` for a name that cannot be one or where nobody
    vouches, ``Conflict`` for a name that was ever taken.
    """
    if by is None:
        _check_is_first(tx)
    wanted = normalised(name)
    if not NAME.fullmatch(wanted):
        raise InvalidRequest(
            f"{name!r} cannot be an operator's name: use 2 to 40 of the signs a-z, 0-9, dot, dash and underscore, "
            "beginning with a letter, such as li.na.",
            param="name",
        )
    if _row(tx, wanted) is not None:
        raise Conflict(f"The name {wanted} was already given: choose another.", param="name")
    row = Operator(
        id=tx.new_id("opr"),
        name=wanted,
        secret=b"",
        last_step=0,
        added_by=by.id if by else None,
        created_at=tx.wall,
    )
    return row, _new_secret(tx, vault, row)


def reset(tx: Transaction, vault: Vault, name: str) -> tuple[Operator, str]:
    """A new secret for whoever has lost their app; it must be confirmed again. Raises ``NotFound``."""
    row = present(tx, name)
    row.confirmed_at = None
    sessions.end_all(tx, row.id)
    return row, _new_secret(tx, vault, row)


def remove(tx: Transaction, name: str) -> Operator:
    """End what an operator may do; what they did stays under their name. Raises ``NotFound``."""
    row = present(tx, name)
    row.removed_at = tx.wall
    tx.add(row)
    sessions.end_all(tx, row.id)
    return row


def choose_password(tx: Transaction, name: str, hashed: str) -> Operator:
    """Let an operator log in with a password, given as argon2id; logins by the one before end. Raises ``NotFound``."""
    row = present(tx, name)
    row.password = hashed
    tx.add(row)
    sessions.end_all(tx, row.id)
    return row


def able_to_log_in(tx: Transaction, name: str) -> Operator | None:
    """The operator of this name who may log in, or None."""
    row = _row(tx, normalised(name))
    may = row is not None and row.removed_at is None and row.confirmed_at is not None
    return row if may else None


def present(tx: Transaction, name: str) -> Operator:
    """The operator of this name, in whatever case it is written, unless removed. Raises ``NotFound``."""
    row = _row(tx, normalised(name))
    if row is None or row.removed_at is not None:
        raise NotFound(f"There is no operator {name!r}: see fenqi-gateway operators list.")
    return row


def everybody(tx: Transaction, limit: int) -> list[Operator]:
    """Operators, the newest first, with those who were removed."""
    return list(tx.exec(select(Operator).order_by(col(Operator.id).desc()).limit(limit)))


def names(tx: Transaction, ids: set[str]) -> dict[str, str]:
    """By id the names of some operators."""
    return {row.id: row.name for row in (tx.get(Operator, id) for id in sorted(ids)) if row is not None}


def somebody_vouches(tx: Transaction, name: str) -> bool:
    """Whether anybody can vouch for ``name``: another operator whose app is confirmed."""
    query = select(Operator.id).where(
        col(Operator.confirmed_at).is_not(None),
        col(Operator.removed_at).is_(None),
        Operator.name != normalised(name),
    )
    return tx.exec(query.limit(1)).first() is not None


def prove(db: Database, vault: Vault, name: str, code: str, *, first_time: bool = False) -> Operator:
    """The operator whose app shows ``code``; the code is used up, and a wrong one counted, before anything else.

    With ``first_time`` it is the first code of a new app, which counts from then on. Raises ``NotFound``,
    ``CodeRefused``, ``TooManyRequests``.
    """
    row, problem = db.write(lambda tx: _tried(tx, vault, name, code, first_time=first_time))
    if problem is not None:
        raise problem
    return row


def reseal(tx: Transaction, vault: Vault, *, after: str, limit: int) -> str | None:
    """Re-seal some secrets with the newest master key, from ``after`` on; returns where to continue, or None."""
    query = select(Operator).where(Operator.id > after).order_by(col(Operator.id))
    rows = list(tx.exec(query.limit(limit)))
    for row in rows:
        if not vault.is_current(row.secret):
            row.secret = _sealed(vault, row.id, _secret(vault, row))
            tx.add(row)
    return rows[-1].id if rows else None


def normalised(name: str) -> str:
    """A name as it is kept and compared."""
    return name.strip().lower()


def _check_is_first(tx: Transaction) -> None:
    """Refuse one for whom nobody vouches as soon as there is another, confirmed or not. Raises ``InvalidRequest``."""
    query = select(Operator).where(col(Operator.removed_at).is_(None)).order_by(col(Operator.id))
    other = tx.exec(query.limit(1)).first()
    if other is None:
        return
    if tx.exec(query.where(col(Operator.confirmed_at).is_not(None)).limit(1)).first() is not None:
        raise InvalidRequest("There are other operators: one of them must vouch with --by.", param="by")
    raise InvalidRequest(
        f"{other.name} was added and has not confirmed yet: run fenqi-gateway operators confirm {other.name} (after "
        f"fenqi-gateway operators reset {other.name} where the secret is lost), then vouch for others with --by.",
        param="by",
    )


def _tried(
    tx: Transaction, vault: Vault, name: str, code: str, *, first_time: bool
) -> tuple[Operator, CodeRefused | TooManyRequests | None]:
    row = present(tx, name)
    if not first_time and row.confirmed_at is None:
        return row, CodeRefused(
            f"The authenticator app of {row.name} is not confirmed yet: run fenqi-gateway operators confirm {row.name}."
        )
    if row.failures_since is not None and row.failures_since <= tx.wall - WINDOW:
        row.failures, row.failures_since = 0, None
    if row.failures >= MOST and row.failures_since is not None:
        wait = row.failures_since + WINDOW - tx.wall
        return row, TooManyRequests(
            f"{MOST} codes of {row.name} were wrong: wait {wait.seconds // 60 + 1} minutes, then try again."
        )
    step = one_time_codes.matching_step(_secret(vault, row), code, at=tx.wall, after=row.last_step)
    if step is None:
        row.failures, row.failures_since = row.failures + 1, row.failures_since or tx.wall
        tx.add(row)
        return row, CodeRefused(
            f"That is not the current code of {row.name}, or it was used: enter the next one that the app shows."
        )
    row.last_step, row.failures, row.failures_since = step, 0, None
    row.confirmed_at = row.confirmed_at or tx.wall
    tx.add(row)
    return row, None


def _row(tx: Transaction, name: str) -> Operator | None:
    if not name.isprintable():
        return None
    return tx.exec(select(Operator).where(Operator.name == name)).first()


def _new_secret(tx: Transaction, vault: Vault, row: Operator) -> str:
    secret = pyotp.random_base32()
    row.secret, row.last_step = _sealed(vault, row.id, secret), 0
    tx.add(row)
    tx.flush()
    return secret


def _sealed(vault: Vault, operator_id: str, secret: str) -> bytes:
    return vault.seal(secret, table="operator", row=operator_id, column="secret")


def _secret(vault: Vault, row: Operator) -> str:
    return vault.open(row.secret, table="operator", row=row.id, column="secret")
