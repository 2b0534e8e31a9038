"""Paper: statements and the monthly certificate as PDF documents, in Chinese and English side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from gateway.core.calendar import shanghai_date
from gateway.core.signing import SigningAuthority
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.documents.making import Block, Document, document
from gateway.documents.words import Words, figure
from gateway.exports.models import Export
from gateway.ledger import certificates
from gateway.merchants import service as merchants
from gateway.settlement import service as settlement

CHINESE, ENGLISH = Words("zh-CN"), Words("en")
ONE_DAY = timedelta(days=1)
EQUATION = {
    "opening": 1,
    "captures": 1,
    "subsidies": 1,
    "merchant_fees": -1,
    "merchant_subsidies": -1,
    "refunds": -1,
    "disputes": -1,
    "adjustments": 1,
    "reserve_change": -1,
    "closing": -1,
    "payout_amount": 1,
}
"""The figures of a settlement in the order of their equation, and with which sign they make the payout."""
Row = Mapping[str, Any]
Facts = list[tuple[str, str]]


def document_of(
    tx: Transaction, tenant: Tenant, row: Export, rows: Sequence[Row], authority: SigningAuthority
) -> Document:
    """The document of an export: ``rows`` are those of its kind, as every other format has them."""
    if row.kind == "settlement_lines":
        title, facts, blocks = _settlement(tx, tenant, row, rows)
    elif row.kind == "certificates":
        title, facts, blocks = _certificate(tx, tenant, row, authority)
    else:
        title, facts, blocks = _balances(tx, tenant, row, rows)
    seller = merchants.get(tx, tenant.merchant_id)
    made = document(
        CHINESE,
        name=f"{row.id}.pdf",
        dated=row.created_at,
        mode=tenant.mode,
        title=_both(f"{title}.title"),
        subtitle=f"{seller.name} {seller.name_en} · {seller.id}",
        facts=[*facts, (_both("made"), CHINESE.moment(row.created_at))],
        blocks=blocks,
    )
    return Document(made.name, made.dated, {**made.values, "wide": True})


def _both(key: str) -> str:
    """Some words in both languages."""
    return f"{CHINESE.t(f'paper.{key}')} {ENGLISH.t(f'paper.{key}')}"


def _named(group: str, value: str) -> str:
    """The name of a value of the API in both languages, or the value; also of an entry that cancels another."""
    base = value.removesuffix("_reversed")
    names = [words.of(f"paper.{group}.{base}", base) for words in (CHINESE, ENGLISH)]
    if base != value:
        pairs = zip((CHINESE, ENGLISH), names, strict=True)
        names = [words.t("paper.event.reversed", event=name) for words, name in pairs]
    return " ".join(dict.fromkeys(names))


def _settlement(
    tx: Transaction, tenant: Tenant, row: Export, rows: Sequence[Row]
) -> tuple[str, Facts, list[Block]]:
    found = settlement.view(settlement.get(tx, tenant, row.filters["settlement"]))
    pairs = [
        (_both(f"eq.{name}"), figure(sign * found[name] if name != "closing" else -found[name]))
        for name, sign in EQUATION.items()
    ]
    sums = [sum(one[name] for one in rows) for name in ("amount", "merchant_fee", "merchant_subsidy", "net")]
    blocks: list[Block] = [
        {"kind": "figures", "figures": _highlights(found)},
        {"kind": "heading", "text": _both("equation")},
        {"kind": "pairs", "pairs": pairs},
        {"kind": "heading", "text": _both("lines")},
        {"kind": "notes", "paragraphs": [_both("unit")]},
        _table(
            ("date", "reference", "kind", "about", "amount", "fee", "subsidy", "net"),
            numbers=4,
            rows=map(_settlement_row, rows),
            foot=[_both("sum"), "", "", "", *map(figure, sums)],
        ),
        {"kind": "proof", "lines": [], "note": _both("proof.settlement")},
    ]
    return "settlement", [(_both("number"), found["id"]), (_both("settled_on"), found["date"])], blocks


def _highlights(settled: Row) -> Facts:
    names = ("captures", "refunds", "merchant_fees", "payout_amount")
    return [(_both(f"eq.{name}"), CHINESE.money(settled[name])) for name in names]


def _settlement_row(row: Row) -> list[str]:
    about = row["refund"] or row["dispute"] or row["payout"] or row["payment"] or ""
    return [
        shanghai_date(row["created_at"]).isoformat(),
        row["merchant_reference"] or "",
        _named("line", row["kind"]),
        about,
        *(figure(row[name]) for name in ("amount", "merchant_fee", "merchant_subsidy", "net")),
    ]


def _balances(
    tx: Transaction, tenant: Tenant, row: Export, rows: Sequence[Row]
) -> tuple[str, Facts, list[Block]]:
    first, last = row.first_day or date.min, row.last_day or date.max
    opening = certificates.standing(tx, tenant, before=first)
    closing, names = dict(opening), certificates.BALANCES
    for one in rows:
        closing[names[one["account"]]] += one["amount"]
    stands = [
        [_named("balance", name), *map(figure, (opening[name], closing[name] - opening[name], closing[name]))]
        for name in opening
    ]
    total = [sum(opening.values()), sum(closing.values())]
    blocks: list[Block] = [
        {"kind": "heading", "text": _both("balances")},
        {"kind": "notes", "paragraphs": [_both("unit")]},
        _table(
            ("balance", "opening", "change", "closing"),
            numbers=3,
            rows=stands,
            foot=[_both("sum"), *map(figure, (total[0], total[1] - total[0], total[1]))],
        ),
        {"kind": "heading", "text": _both("lines")},
        _table(
            ("date", "event", "balance", "about", "amount"),
            numbers=1,
            rows=(
                [
                    one["effective_date"] + _own_day(one),
                    _named("event", one["kind"]),
                    _named("balance", names[one["account"]]),
                    one["about"],
                    figure(one["amount"]),
                ]
                for one in rows
            ),
            foot=[_both("sum"), "", "", "", figure(total[1] - total[0])],
        ),
        {"kind": "proof", "lines": [], "note": _both("proof.entries")},
    ]
    facts = [(_both("number"), row.id), (_both("days"), f"{first} – {last}")]
    return "entries", facts, blocks


def _own_day(one: Row) -> str:
    if one["value_date"] == one["effective_date"]:
        return ""
    return f" ({CHINESE.t('paper.value_date')} {one['value_date']})"


def _certificate(
    tx: Transaction, tenant: Tenant, row: Export, authority: SigningAuthority
) -> tuple[str, Facts, list[Block]]:
    month = f"{row.first_day:%Y-%m}"
    found = certificates.certificate(tx, tenant, month, authority)
    names = list(found["opening"])

    def amounts(of: Mapping[str, int]) -> list[str]:
        return [figure(of[name]) if name in of else "" for name in names]

    rows = [[_both("opening"), "", *amounts(found["opening"])]]
    for one in found["movements"]:
        rows.append([_named("event", one["kind"]), f"{one['entries']:,}", *amounts(one["amounts"])])
    blocks: list[Block] = [
        {"kind": "heading", "text": _both("movements")},
        {"kind": "notes", "paragraphs": [_both("unit")]},
        {
            "kind": "table",
            "columns": [_both("col.event"), _both("count"), *(_named("balance", name) for name in names)],
            "align": ["left", *["right"] * (len(names) + 1)],
            "widths": ["1.6fr", "auto", *["1fr"] * len(names)],
            "rows": rows,
            "foot": [_both("closing"), f"{found['entries']:,}", *amounts(found["closing"])],
        },
    ]
    if found["late"]:
        late = [[one["entry"], one["value_date"]] for one in found["late"]]
        blocks.append({"kind": "heading", "text": _both("late")})
        blocks.append(
            {
                "kind": "table",
                "columns": [_both("entry"), _both("value_date")],
                "align": ["left", "left"],
                "widths": ["1fr", "auto"],
                "rows": late,
                "foot": [],
            }
        )
    signature = found["signature"]
    lines = [
        (_both("text_hash"), found["sha256"]),
        (_both("text_key"), f"{signature['algorithm']} · {signature['key_id']}"),
    ]
    blocks.append({"kind": "proof", "lines": lines, "note": _both("proof.certificate")})
    facts = [(_both("month"), month), (_both("closed_on"), found["closed_on"])]
    return "certificate", facts, blocks


def _table(names: Sequence[str], *, numbers: int, rows: Iterable[Sequence[str]], foot: list[str]) -> Block:
    """A table whose last ``numbers`` columns are amounts."""
    known = {"opening": "opening", "closing": "closing"}
    texts = len(names) - numbers
    return {
        "kind": "table",
        "columns": [_both(known.get(name) or f"col.{name}") for name in names],
        "align": [*["left"] * texts, *["right"] * numbers],
        "widths": ["auto" if texts > 1 else "1fr", *["1fr"] * (texts - 1), *["auto"] * numbers],
        "rows": [list(row) for row in rows],
        "foot": foot,
    }
