"""An amendment of a schedule as a document: what replaced the schedule before, from which day, and why."""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING

from gateway.core.calendar import SHANGHAI
from gateway.db.transactions import Transaction
from gateway.documents.making import Block, Document, document
from gateway.documents.words import Words, figure
from gateway.errors import NotFound
from gateway.loans import amendments

if TYPE_CHECKING:
    from gateway.loans.amendments import Amendment
    from gateway.loans.models import Loan

COLUMNS = ("period", "due", "payment", "principal", "interest", "fee", "balance")


def amended(tx: Transaction, loan: Loan, version: int, *, contract_id: str | None, language: str) -> Document:
    """The document of one later version of a loan's schedule, in ``zh-CN`` or ``en``.

    The caller has checked that the loan is the reader's own. Raises ``NotFound`` where there is no such amendment.
    """
    amendment = next((one for one in amendments.of_loan(tx, loan) if one.version == version), None)
    if amendment is None:
        raise NotFound("This loan has no such amendment.")
    words = Words(language)
    facts = [(words.t("amendment.loan"), loan.id)]
    if contract_id is not None:
        facts.append((words.t("amendment.contract"), contract_id))
    return document(
        words,
        name=f"{loan.id}-{version}.pdf",
        dated=datetime.combine(amendment.on, time(), SHANGHAI),
        mode=loan.mode,
        title=words.t("amendment.title", version=version),
        facts=facts,
        blocks=[
            {"kind": "paragraphs", "paragraphs": [_said(words, amendment)]},
            {
                "kind": "figures",
                "figures": [
                    (words.t("amendment.day"), words.day(amendment.on)),
                    (words.t("amendment.lowered"), words.money(amendment.lowered_fen)),
                    (words.t("amendment.left"), words.money(amendment.total_fen)),
                ],
            },
            *_schedule(words, amendment),
            {"kind": "proof", "lines": [], "note": words.t("document.amendment.proof")},
        ],
    )


def _said(words: Words, amendment: Amendment) -> str:
    return words.t(
        "amendment.text",
        day=words.day(amendment.on),
        why=words.t(f"amendment.why.{amendment.why}"),
        amount=words.money(amendment.lowered_fen),
    )


def _schedule(words: Words, amendment: Amendment) -> list[Block]:
    if not amendment.rows:
        return [{"kind": "paragraphs", "paragraphs": [words.t("amendment.nothing_left")]}]
    names = ("payment", "principal", "interest", "fee")
    total = [sum(row[name] for row in amendment.rows) for name in names]
    return [
        {"kind": "heading", "text": words.t("amendment.schedule")},
        {"kind": "notes", "paragraphs": [words.t("document.unit"), words.t("amendment.note")]},
        {
            "kind": "table",
            "columns": [words.t(f"document.column.{name}") for name in COLUMNS],
            "align": ["left", "left", *["right"] * 5],
            "widths": ["auto", "1.4fr", *["1fr"] * 5],
            "rows": [
                [
                    str(row["period"]),
                    words.day(row["due_date"]),
                    *(figure(row[name]) for name in (*names, "balance")),
                ]
                for row in amendment.rows
            ],
            "foot": ["", words.t("document.sum"), *map(figure, total), ""],
        },
    ]
