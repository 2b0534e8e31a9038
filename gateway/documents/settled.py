"""The certificate of settlement (结清证明): what a borrower shows who must prove that a loan is paid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.core.calendar import SHANGHAI, shanghai_date
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.documents.making import Block, Document, document
from gateway.documents.words import Words, figure
from gateway.errors import WrongState
from gateway.identity import service as identity
from gateway.loans import service as loans
from gateway.merchants import service as merchants
from gateway.privacy.vault import Vault, VaultError

if TYPE_CHECKING:
    from gateway.loans.models import Loan, LoanBill

ENDED = ("settled", "refunded")
"""States in which nothing is owed and nothing is to come, of a loan that was really lent."""
WHY_NOT = {
    "active": "The loan is not paid: payments are still to come.",
    "overdue": "The loan is not paid: a payment is overdue.",
    "unwound": "The loan was cancelled as if it had never existed, so there is nothing to certify.",
    "written_off": "The lender has written the loan off: it was not settled.",
}


def is_settled(tx: Transaction, loan: Loan) -> bool:
    """Whether nothing is owed on a loan and nothing is to come."""
    if loan.status not in ENDED or loan.next_due_date is not None:
        return False
    return not any(loans.owed_fen(bill) for bill in loans.bills_of(tx, loan.id))


def settled(tx: Transaction, vault: Vault, tenant: Tenant, loan_id: str, *, language: str) -> Document:
    """The certificate that a loan is settled, in ``zh-CN`` or ``en``; typeset it after the transaction.

    ``tx`` has the business time of the merchant, and the caller has checked that the loan is the reader's own. Raises
    ``NotFound``, and ``WrongState`` with the reason before the loan is settled.
    """
    loan = loans.get(tx, tenant, loan_id)
    if not is_settled(tx, loan):
        raise WrongState(WHY_NOT.get(loan.status, WHY_NOT["active"]), param="loan")
    try:
        who = identity.masked(tx, vault, loan.shopper_id)
        who["name"] = identity.opened(tx, vault, loan.shopper_id)["name"]
    except VaultError:
        raise WrongState(
            "The personal data of the borrower were erased, so no certificate can name the borrower.",
            param="loan",
        ) from None
    words, bills = Words(language), loans.bills_of(tx, loan.id)
    today = shanghai_date(tx.now)
    number = f"JQ-{loan.id.partition('_')[2]}"
    return document(
        words,
        name=f"{number}.pdf",
        dated=tx.now.astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0),
        mode=loan.mode,
        title=words.t("document.settled.title"),
        facts=[
            (words.t("document.settled.number"), number),
            (words.t("document.settled.issued"), words.day(today)),
        ],
        blocks=[
            {"kind": "prose", "paragraphs": _said(tx, words, loan, who)},
            *_amounts(words, loan, bills),
            *_payments(words, bills),
            {
                "kind": "issued",
                "lines": [
                    (words.t("document.settled.issuer"), words.t("document.settled.by")),
                    (words.t("document.settled.issued"), words.day(today)),
                ],
            },
            {"kind": "proof", "lines": [], "note": words.t("document.settled.proof")},
        ],
    )


def _said(tx: Transaction, words: Words, loan: Loan, who: dict[str, str]) -> list[str]:
    merchant = merchants.get(tx, loan.merchant_id)
    said = [
        words.t(
            "document.settled.text",
            name=who["name"],
            id_number=who["id_number"],
            merchant=merchant.name_en if words.language == "en" else merchant.name,
            lender=words.lender(loan.funder),
            drawn=words.day(loan.contract_date),
            principal=words.money(loan.principal_fen),
            ended=words.day(_ended_on(loan)),
        ),
        words.t("document.settled.nothing", today=words.day(shanghai_date(tx.now))),
    ]
    if loan.credit_fen:
        said.append(words.t("document.settled.credit", amount=words.money(loan.credit_fen)))
    return said


def _ended_on(loan: Loan) -> str:
    return (loan.ended_on or loan.contract_date).isoformat()


def _amounts(words: Words, loan: Loan, bills: list[LoanBill]) -> list[Block]:
    parts = {
        "paid_principal": sum(bill.paid_principal_fen for bill in bills),
        "paid_interest": sum(bill.paid_interest_fen for bill in bills),
        "paid_fee": sum(bill.paid_fee_fen for bill in bills),
        "paid_late": sum(bill.paid_late_fen for bill in bills),
    }
    shown = {name: amount for name, amount in parts.items() if amount or name != "paid_late"}
    pairs = [(words.t(f"document.settled.{name}"), words.money(amount)) for name, amount in shown.items()]
    if loan.refunded_fen:
        pairs.append((words.t("document.settled.returned"), words.money(loan.refunded_fen)))
    return [
        {
            "kind": "figures",
            "figures": [
                (words.t("document.principal"), words.money(loan.principal_fen)),
                (words.t("document.settled.paid"), words.money(sum(parts.values()))),
                (words.t("document.settled.drawn"), words.day(loan.contract_date)),
                (words.t("document.settled.ended"), words.day(_ended_on(loan))),
            ],
        },
        {"kind": "heading", "text": words.t("document.settled.amounts")},
        {"kind": "pairs", "pairs": pairs},
    ]


def _payments(words: Words, bills: list[LoanBill]) -> list[Block]:
    if not bills:
        return []
    names = ("period", "due", "paid_on", "principal", "interest", "fee", "late", "paid")
    rows, total = [], [0] * 5
    for bill in bills:
        parts = [bill.paid_principal_fen, bill.paid_interest_fen, bill.paid_fee_fen, bill.paid_late_fen]
        amounts = [*parts, sum(parts)]
        total = [one + other for one, other in zip(total, amounts, strict=True)]
        paid_on = words.day(bill.paid_on) if bill.paid_on else ""
        rows.append([str(bill.period), words.day(bill.due_date), paid_on, *map(figure, amounts)])
    return [
        {"kind": "heading", "text": words.t("document.settled.payments")},
        {"kind": "notes", "paragraphs": [words.t("document.unit")]},
        {
            "kind": "table",
            "columns": [words.t(f"document.column.{name}") for name in names],
            "align": ["left", "left", "left", *["right"] * 5],
            "widths": ["auto", "auto", "auto", *["1fr"] * 5],
            "rows": rows,
            "foot": ["", words.t("document.sum"), "", *map(figure, total)],
        },
    ]
