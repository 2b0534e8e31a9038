"""A document as the answer to a request: typeset, signed, to be opened in the browser and kept by nobody between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response

from gateway.documents import making

if TYPE_CHECKING:
    from gateway.documents.making import Document
    from gateway.web.context import Gateway


def answer(gateway: Gateway, made: Document) -> Response:
    """The signed PDF file of a document. Raises ``DocumentsUnavailable`` or ``Overloaded``."""
    found = Response(making.signed(gateway, made), content_type="application/pdf")
    found.headers["Cache-Control"] = "no-store"
    found.headers["Content-Disposition"] = f'inline; filename="{made.name}"'
    return found
