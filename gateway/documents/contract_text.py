"""Reading a contract: the figures and names of its canonical text, which is what was signed. Pure.

A document about a contract is made from this text alone, so it cannot say something else than what was agreed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gateway.contracts.text import METHODS, record_of

FEN = re.compile(r"\((-?\d+) fen\)")
HAN = re.compile("[\u4e00-\u9fff]")
BORNE = "商户承担 Borne by the merchant: "
COLUMNS = 7


@dataclass(frozen=True, slots=True)
class Cost:
    """One cost as it was disclosed; ``amount`` in fen."""

    name: str
    amount: int
    facts: dict[str, str]


@dataclass(frozen=True, slots=True)
class Read:
    """What a contract states, amounts in fen."""

    record: dict[str, str]
    lender: str
    borrower: dict[str, str]
    merchant: str
    order: str
    amounts: list[tuple[str, int]]
    """By label as the text has it: the order, a subsidy if there is one, the down payment and the principal."""
    method: str
    term: int
    interest: int
    fee: int
    total: int
    nominal: str
    effective: str
    schedule: list[list[str]]
    costs: list[Cost]
    borne: list[Cost]
    late: dict[str, list[str]]
    """The clauses by language, as of ``changes``."""
    changes: dict[str, list[str]]
    consents: list[tuple[str, str, datetime]]
    """Kind, version and time (UTC)."""

    @property
    def concluded_at(self) -> datetime:
        """When it was concluded (UTC)."""
        return _moment(self.record["concluded_at"])


def read(text: str) -> Read:
    """What a canonical text states. Raises ``ValueError`` for one that is none."""
    try:
        return _read([section.split("\n")[1:] for section in text.removesuffix("\n").split("\n\n")[1:]], text)
    except (IndexError, KeyError) as error:
        raise ValueError(f"the text of the contract cannot be read: {error!r}") from None


def _read(sections: list[list[str]], text: str) -> Read:
    _, parties, amounts, terms, schedule, costs, late, changes, consents, _ = sections
    rows = [_cost(line.removeprefix(BORNE), line.startswith(BORNE)) for line in costs if FEN.search(line)]
    said = dict(line.split(": ", 1) for line in terms)
    return Read(
        record=record_of(text),
        lender=_after(parties[0]),
        borrower=_borrower(_after(parties[1])),
        merchant=_after(parties[2]).split(", ", 1)[1].rpartition(", 订单 order ")[0],
        order=_after(parties[2]).rpartition(", 订单 order ")[2],
        amounts=[(_before(line), _fen(line)) for line in amounts],
        method=_method(said["还款方式 Method"]),
        term=int(said["期数 Instalments"].split(",")[0]),
        interest=_fen(terms[2]),
        fee=_fen(terms[3]),
        total=_fen(terms[4]),
        nominal=_last(terms[5]),
        effective=_last(terms[6]),
        schedule=[_row(line) for line in schedule[2:]],
        costs=[cost for cost, borne in rows if not borne],
        borne=[cost for cost, borne in rows if borne],
        late=_by_language([line for line in late if "; collector " not in line]),
        changes=_by_language(changes[1:]),
        consents=[_consent(line) for line in consents],
    )


def _before(line: str) -> str:
    return line.rpartition(": ")[0]


def _after(line: str) -> str:
    return line.split(": ", 1)[1]


def _last(line: str) -> str:
    return line.rpartition(": ")[2]


def _fen(line: str) -> int:
    return int(FEN.findall(line)[-1])


def _borrower(text: str) -> dict[str, str]:
    shopper, rest = text.split(", ", 1)
    rest, _, phone = rest.rpartition(", 手机 phone ")
    name, _, number = rest.rpartition(", 证件 ID ")
    return {"shopper": shopper, "name": name, "id_number": number, "phone": phone}


def _method(text: str) -> str:
    return next(name for name, words in METHODS.items() if words == text)


def _row(line: str) -> list[str]:
    cells = line.split(" | ")
    if len(cells) != COLUMNS:
        raise ValueError(f"a row of the schedule has {len(cells)} cells, not {COLUMNS}")
    return cells


def _cost(line: str, borne: bool) -> tuple[Cost, bool]:
    name, _, rest = line.partition(": ")
    facts: dict[str, Any] = dict(part.split(" ", 1) for part in rest.split("; ")[:-1])
    return Cost(name, _fen(line), facts), borne


def _by_language(lines: list[str]) -> dict[str, list[str]]:
    return {
        "zh-CN": [line for line in lines if HAN.search(line)],
        "en": [line for line in lines if not HAN.search(line)],
    }


def _consent(line: str) -> tuple[str, str, datetime]:
    kind, version, _, given_at = line.split(" | ")
    return kind, version, _moment(given_at)


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
