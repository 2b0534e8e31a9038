"""Erasures outlive a restore: who was erased is listed without saying who it is, and erased again in a restored backup.

A backup from before an erasure holds the person. The list names identifiers and moments only; carried out on a restored
database, it erases by the verb that everybody is erased by.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from gateway.audit import service as audit
from gateway.audit.service import Actor
from gateway.core.tables import listed
from gateway.data_requests import erasure
from gateway.db.transactions import READ_COMMITTED, Database, Transaction
from gateway.identity import erasure as people
from gateway.privacy import remains
from gateway.web.context import Gateway

A_PAGE = 1_000
PATIENCE_SECONDS = 10
SHOPPER = re.compile(r"shp_[0-9A-Za-z]{1,64}")


def show(db: Database, *, since: datetime | None, as_json: bool) -> int:
    """Print everyone who was erased, with ``as_json`` as the lines that ``read`` takes."""
    rows = [
        {"shopper": id, "erased_at": moment.astimezone(UTC).isoformat()} for id, moment in _all(db, since)
    ]
    db.write(lambda tx: _record(tx, "privacy.erased", "list", people=len(rows)))
    if as_json:
        print("".join(json.dumps(row) + "\n" for row in rows), end="")
    else:
        print(listed(rows, as_json=False))
    return 0


def read(path: Path) -> list[str]:
    """The people of a list. Raises ``ValueError`` that names the line which is none."""
    found = []
    try:
        lines = path.read_text("utf-8").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not a list of erased people: it is not UTF-8 text") from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            shopper = json.loads(line)["shopper"]
        except (ValueError, KeyError, TypeError):
            shopper = None
        if not isinstance(shopper, str) or not SHOPPER.fullmatch(shopper):
            raise ValueError(
                f"{path}, line {number} names no erased person: expected a line of "
                "fenqi-gateway privacy erased --json. Nobody was erased."
            )
        found.append(shopper)
    return list(dict.fromkeys(found))


def carry_out(gateway: Gateway, shoppers: Sequence[str]) -> int:
    """Erase people again and print how many: 0 when nothing of their keys is left in the files, else 1.

    Safe to run twice and to be interrupted: each person is a transaction.
    """
    done: Counter[str] = Counter()
    for shopper in shoppers:
        done[gateway.db.write(lambda tx, who=shopper: _erase(gateway, tx, who), READ_COMMITTED)] += 1  # type: ignore[misc]
    why = remains.clear(gateway.db, seconds=PATIENCE_SECONDS)
    told = {name: done[name] for name in ("erased", "frozen", "erased_before", "not_in_the_database")}
    print(
        json.dumps(told | {"complete": why is None} | ({"incomplete_because": why} if why else {}), indent=2)
    )
    return 0 if why is None else 1


def _erase(gateway: Gateway, tx: Transaction, shopper: str) -> str:
    """Erase one person; returns what became of it."""
    known = people.standing(tx, shopper)
    if known != "present":
        return "erased_before" if known == "erased" else "not_in_the_database"
    status = str(erasure.ask(tx, gateway.settings, shopper)["status"])
    _record(tx, "privacy.erase", shopper, status=status, again=True)
    return status


def _all(db: Database, since: datetime | None) -> Iterator[tuple[str, datetime]]:
    after = ""
    with db.read(snapshot=True) as tx:
        while page := people.erased(tx, since=since, after=after, limit=A_PAGE):
            yield from page
            after = page[-1][0]


def _record(tx: Transaction, action: str, about: str, **facts: object) -> None:
    audit.record(tx, Actor.at_the_command_line(), action, about=about, facts=facts)
