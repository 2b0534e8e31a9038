"""Making a document: what was read in a transaction is typeset and signed after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gateway.documents.typesetting import typeset
from gateway.documents.words import Words

if TYPE_CHECKING:
    from gateway.web.context import Gateway

TEMPLATE = "document"
Block = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Document:
    """All that a document says, ready to be typeset: no more is read for it."""

    name: str
    """What a browser calls the file (ASCII)."""
    dated: datetime
    values: Mapping[str, Any]


def document(
    words: Words,
    *,
    name: str,
    dated: datetime,
    mode: str,
    title: str,
    subtitle: str = "",
    facts: list[tuple[str, str]],
    blocks: list[Block],
) -> Document:
    """A document of one title, the facts beside it (label and value), and its blocks; see ``document.typ``."""
    values = {
        "language": words.language[:2],
        "title": title,
        "subtitle": subtitle,
        "facts": facts,
        "blocks": blocks,
        "test": words.t("document.test") if mode == "test" else "",
        "number": facts[0][1] if facts else "",
        "page": words.t("document.page"),
        "of": words.t("document.of"),
    }
    return Document(name, dated, values)


def signed(gateway: Gateway, made: Document) -> bytes:
    """The document as a signed PDF file. Raises ``DocumentsUnavailable`` or ``Overloaded``."""
    pdf = typeset(TEMPLATE, made.values, dated=made.dated)
    return gateway.ports.document_authority.sign(pdf, at=gateway.clock())
