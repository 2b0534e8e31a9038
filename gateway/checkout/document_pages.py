"""What the shopper can keep of an order as signed PDF files: the contract, and the certificate that a loan is paid."""

from __future__ import annotations

from flask import Blueprint, Response

from gateway.checkout import shopper
from gateway.checkout.rates import DOCUMENTS
from gateway.checkout.service import tenant_of
from gateway.documents import contracts, settled
from gateway.documents.answers import answer
from gateway.errors import NotFound
from gateway.loans import service as loans
from gateway.web.context import gateway
from gateway.web.i18n import language
from gateway.web.rate_limits import limited

blueprint = Blueprint("checkout_documents", __name__)


@blueprint.route("/checkout/<checkout_id>/contract.pdf", methods=["GET", "POST"])
@limited(DOCUMENTS)
def contract(checkout_id: str) -> Response:
    """The contract, typeset from the text that was signed."""
    here = gateway()
    with here.db.read() as tx:
        found = shopper.contract_of(tx, checkout_id)
        if found is None:
            raise NotFound("This checkout has no contract yet: a contract is made when it is approved.")
        made = contracts.contract(tx, here.vault, here.ports.signing_authority, found, language=language())
    return answer(here, made)


@blueprint.route("/checkout/<checkout_id>/settled/<loan_id>.pdf", methods=["GET", "POST"])
@limited(DOCUMENTS)
def settled_loan(checkout_id: str, loan_id: str) -> Response:
    """The certificate that a loan of this order is settled; before that, the reason why there is none."""
    here = gateway()
    with here.db.read() as tx:
        checkout = shopper.for_shopper(tx, checkout_id)  # brings the business time of its merchant
        tenant, paid = tenant_of(checkout), checkout.payment_id
        if paid is None or loan_id not in {loan.id for loan in loans.of_payment(tx, tenant, paid)}:
            raise NotFound("This order has no such loan.")
        made = settled.settled(tx, here.vault, tenant, loan_id, language=language())
    return answer(here, made)
