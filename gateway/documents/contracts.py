"""A contract as a document: typeset in yuan, with names as people use them, from the text that was signed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from gateway.core.signing import BadSignature, Signature, SigningAuthority, UnknownKey
from gateway.db.transactions import Transaction
from gateway.documents import contract_text
from gateway.documents.contract_text import Cost, Read
from gateway.documents.making import Block, Document, document
from gateway.documents.words import Words, figure
from gateway.errors import DocumentsUnavailable
from gateway.identity import service as identity
from gateway.privacy.vault import Vault, VaultError

if TYPE_CHECKING:
    from gateway.contracts.models import Contract

ORDER, SUBSIDY, DOWN, PRINCIPAL = "订单应付", "政府补贴", "首付", "借款本金"
LABELS = {ORDER: "order_amount", SUBSIDY: "subsidy", DOWN: "down_payment", PRINCIPAL: "principal"}


def contract(
    tx: Transaction, vault: Vault, authority: SigningAuthority, concluded: Contract, *, language: str
) -> Document:
    """The document of a signed contract, in ``zh-CN`` or ``en``.

    The borrower stands in it by name as long as the name is kept, else masked as in the text. Raises
    ``DocumentsUnavailable`` when the text is not the one that was signed.
    """
    _check(authority, concluded)
    try:
        read = contract_text.read(concluded.text)
    except ValueError as error:
        raise DocumentsUnavailable(f"The contract {concluded.id} cannot be typeset: {error}.") from None
    try:
        name = identity.opened(tx, vault, concluded.shopper_id)["name"]
    except VaultError:  # erased on request; what was signed stays
        name = read.borrower["name"]
    words = Words(language)
    return document(
        words,
        name=f"{concluded.id}.pdf",
        dated=concluded.concluded_at,
        mode=concluded.mode,
        title=words.t("document.contract.title"),
        facts=[
            (words.t("document.contract.number"), concluded.id),
            (words.t("document.contract.concluded"), words.moment(read.concluded_at)),
        ],
        blocks=[
            _parties(words, read, name),
            _figures(words, read),
            *_amounts(words, read),
            *_costs(words, read),
            *_schedule(words, read),
            *_clauses(words, read),
            *_consents(words, read),
            *_signature(words, concluded),
        ],
    )


def _check(authority: SigningAuthority, concluded: Contract) -> None:
    try:
        authority.verify(
            concluded.text.encode(), Signature(concluded.algorithm, concluded.key_id, concluded.signature)
        )
    except (BadSignature, UnknownKey) as error:
        raise DocumentsUnavailable(
            f"The text of the contract {concluded.id} is not the one that was signed: {error}. It is not shown as one."
        ) from None


def _parties(words: Words, read: Read, name: str) -> Block:
    who = read.borrower
    return {
        "kind": "parties",
        "parties": [
            {"role": words.t("document.lender"), "name": words.lender(read.lender), "lines": []},
            {
                "role": words.t("document.borrower"),
                "name": name,
                "lines": [
                    words.t("document.id_number", number=who["id_number"]),
                    words.t("document.phone", phone=who["phone"]),
                ],
            },
            {
                "role": words.t("document.merchant"),
                "name": read.merchant,
                "lines": [words.t("document.order", reference=read.order)],
            },
        ],
    }


def _figures(words: Words, read: Read) -> Block:
    return {
        "kind": "figures",
        "figures": [
            (words.t("document.principal"), words.money(_amount(read, PRINCIPAL))),
            (words.t("document.total"), words.money(read.total)),
            (words.t("document.term"), words.t("document.months", term=read.term)),
            (words.t("document.nominal"), words.percent(read.nominal)),
        ],
    }


def _amount(read: Read, label: str) -> int:
    return next(amount for name, amount in read.amounts if name.startswith(label))


def _amounts(words: Words, read: Read) -> list[Block]:
    pairs = []
    for label, amount in read.amounts:
        kind = next(LABELS[start] for start in LABELS if label.startswith(start))
        programme = label.partition("Government subsidy ")[2]
        pairs.append((words.t(f"document.{kind}", programme=programme), words.money(amount)))
    return [
        {"kind": "heading", "text": words.t("document.amounts")},
        {"kind": "pairs", "pairs": pairs},
    ]


def _costs(words: Words, read: Read) -> list[Block]:
    pairs = [
        (words.t("document.method"), words.t(f"document.method.{read.method}")),
        *((_named(words, cost), words.money(cost.amount)) for cost in read.costs),
        (words.t("document.total"), words.money(read.total)),
        (words.t("document.nominal"), words.percent(read.nominal)),
        (words.t("document.effective"), words.percent(read.effective)),
    ]
    if not read.costs:
        pairs.insert(1, (words.t("charge.none"), words.money(0)))
    borne = sum(cost.amount for cost in read.borne)
    said = [words.t("document.borne", amount=words.money(borne))] if borne else []
    return [
        {"kind": "heading", "text": words.t("document.costs")},
        {"kind": "pairs", "pairs": pairs},
        {"kind": "paragraphs", "paragraphs": [*said, words.t("review.nothing_else")]},
    ]


def _named(words: Words, cost: Cost) -> str:
    """A cost with its rate and how it is collected, as the shopper has read it before."""
    facts = cost.facts
    said = [words.of(f"charge.{cost.name}", cost.name)]
    by = "per_period" if facts.get("basis") == "original_principal_per_period" else cost.name
    if "rate" in facts and words.has(f"charge.rate.{by}"):
        said.append(words.t(f"charge.rate.{by}", rate=words.percent(facts["rate"])))
    if words.has(f"charge.how.{facts.get('how')}"):
        said.append(words.t(f"charge.how.{facts['how']}", lender=words.lender(facts.get("collector", ""))))
    return " · ".join(said)


def _schedule(words: Words, read: Read) -> list[Block]:
    """Period, day, payment, principal, interest, fee and what is left, as they were agreed."""
    rows, total = [], [0, 0, 0, 0]
    for period, day, principal, interest, fee, payment, balance in read.schedule:
        amounts = [int(payment), int(principal), int(interest), int(fee)]
        total = [one + other for one, other in zip(total, amounts, strict=True)]
        rows.append([period, words.day(day), *map(figure, amounts), figure(int(balance))])
    names = ("period", "due", "payment", "principal", "interest", "fee", "balance")
    return [
        {"kind": "heading", "text": words.t("document.schedule")},
        {"kind": "notes", "paragraphs": [words.t("document.unit"), words.t("document.anchor")]},
        {
            "kind": "table",
            "columns": [words.t(f"document.column.{name}") for name in names],
            "align": ["left", "left", *["right"] * 5],
            "widths": ["auto", "1.4fr", *["1fr"] * 5],
            "rows": rows,
            "foot": ["", words.t("document.sum"), *map(figure, total), ""],
        },
    ]


def _clauses(words: Words, read: Read) -> list[Block]:
    return [
        {"kind": "heading", "text": words.t("document.late")},
        {"kind": "paragraphs", "paragraphs": read.late[words.language]},
        {"kind": "heading", "text": words.t("document.changes")},
        {"kind": "paragraphs", "paragraphs": read.changes[words.language]},
    ]


def _consents(words: Words, read: Read) -> list[Block]:
    return [
        {"kind": "heading", "text": words.t("document.consents")},
        {
            "kind": "table",
            "columns": [words.t(f"document.column.{name}") for name in ("consent", "version", "given")],
            "align": ["left", "left", "left"],
            "widths": ["2fr", "1fr", "1.4fr"],
            "rows": [
                [
                    words.t("document.disclosure")
                    if kind == "disclosure"
                    else words.of(f"consent.read.{kind}", kind),
                    version,
                    words.moment(given_at),
                ]
                for kind, version, given_at in read.consents
            ],
            "foot": [],
        },
    ]


def _signature(words: Words, concluded: Contract) -> list[Block]:
    return [
        {"kind": "heading", "text": words.t("document.signature")},
        {"kind": "paragraphs", "paragraphs": [words.t("document.evidence")]},
        {
            "kind": "proof",
            "lines": [
                (words.t("document.text_hash"), hashlib.sha256(concluded.text.encode()).hexdigest()),
                (words.t("document.text_key"), f"{concluded.algorithm} · {concluded.key_id}"),
            ],
            "note": words.t("document.contract.proof"),
        },
    ]
