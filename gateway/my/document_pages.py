"""What a person keeps of a loan as signed PDF files: the contract, its amendments, the certificate of settlement."""

from __future__ import annotations

from typing import Any

from flask import Response

from gateway.checkout.rates import DOCUMENTS
from gateway.contracts import service as contracts
from gateway.core import digits
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.documents import amended, settled
from gateway.documents import contracts as contract_documents
from gateway.documents.answers import answer
from gateway.documents.making import Document
from gateway.errors import NotFound
from gateway.loans import by_shopper
from gateway.merchants import business_clock
from gateway.my import door
from gateway.my.door import blueprint
from gateway.web.context import gateway
from gateway.web.i18n import language
from gateway.web.rate_limits import limited


@blueprint.get("/loans/<loan_id>/contract.pdf")
@limited(DOCUMENTS)
def contract_file(loan_id: str) -> Response:
    """The contract, typeset from the text that was signed."""
    here = gateway()

    def read(tx: Transaction, loan: Any) -> Document:
        found = contracts.of_payment(tx, loan.payment_id)
        if found is None:
            raise NotFound("This loan has no contract here.")
        authority = here.ports.signing_authority
        return contract_documents.contract(tx, here.vault, authority, found, language=language())

    return _file(loan_id, read)


@blueprint.get("/loans/<loan_id>/amendments/<version>.pdf")
@limited(DOCUMENTS)
def amendment_file(loan_id: str, version: str) -> Response:
    """What a later version of the schedule has changed."""
    number = digits.whole(version, most_digits=5) or 0

    def read(tx: Transaction, loan: Any) -> Document:
        found = contracts.of_payment(tx, loan.payment_id)
        contract_id = found.id if found is not None else None
        return amended.amended(tx, loan, number, contract_id=contract_id, language=language())

    return _file(loan_id, read)


@blueprint.get("/loans/<loan_id>/settled.pdf")
@limited(DOCUMENTS)
def settled_file(loan_id: str) -> Response:
    """The certificate that the loan is settled; before that, the reason why there is none."""
    here = gateway()
    return _file(
        loan_id,
        lambda tx, loan: settled.settled(tx, here.vault, Tenant.of(loan), loan.id, language=language()),
    )


def _file(loan_id: str, read: Any) -> Response:
    """A document about a loan of the person: read in one transaction, typeset after it."""
    here, shopper = gateway(), door.shopper_id()
    with here.db.read() as tx:
        loan = by_shopper.own(tx, shopper, loan_id)
        business_clock.enter(tx, Tenant.of(loan))
        made: Document = read(tx, loan)
    return answer(here, made)
