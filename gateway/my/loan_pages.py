"""The pages of loans: all of them at all merchants, each with its schedule, payments, receipts and documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import make_response, render_template, request

from gateway.contracts import service as contracts
from gateway.core import digits
from gateway.core.tenant import Tenant
from gateway.db.transactions import READ_COMMITTED, Transaction
from gateway.documents import contracts as documents
from gateway.documents import settled
from gateway.errors import (
    DocumentsUnavailable,
    GatewayError,
    NotFound,
    QuoteChanged,
    TooManyRequests,
    WrongState,
)
from gateway.loans import amendments, by_shopper, repayment
from gateway.loans import service as loan_service
from gateway.merchants import business_clock
from gateway.my import door, loans
from gateway.my.door import blueprint
from gateway.my.rates import PAYMENTS
from gateway.payments.collections import by_hand
from gateway.payments.collections.service import WHOLE
from gateway.payments.disputes import by_shopper as disputes
from gateway.payments.methods import service as methods
from gateway.web import problems
from gateway.web.context import gateway
from gateway.web.i18n import language, t
from gateway.web.rate_limits import limited

if TYPE_CHECKING:
    from gateway.payments.models import Collection

RECEIPTS = 50
TRIED = 5
"""How many collections are looked back at."""
REFUSALS = (QuoteChanged, TooManyRequests, WrongState)


@blueprint.get("")
def show_loans() -> Any:
    """All loans: what is due now, what comes next, and what has ended."""
    before = request.args.get("before") or None
    with gateway().db.read() as tx:
        found = loans.overview(tx, door.mode(), door.shopper_id(), before=before)
    return render_template("my/loans.html", found=found, before=before)


@blueprint.get("/loans")
def loans_address() -> Any:
    """The list stands at the top of the place."""
    return door.to()


@blueprint.get("/loans/<loan_id>")
def show_loan(loan_id: str) -> Any:
    """One loan: where it stands, its schedule, what was paid, and its documents."""
    return _loan_page(loan_id)


@blueprint.get("/loans/<loan_id>/pay")
def pay_form_address(loan_id: str) -> Any:
    """The address of a form, opened as a page."""
    return door.to(f"loans/{loan_id}")


@blueprint.post("/loans/<loan_id>/pay")
@limited(PAYMENTS)
def pay_due(loan_id: str) -> Any:
    """Instruct the collection of what is due. A second click changes nothing."""
    try:
        _write(loan_id, lambda tx, tenant: by_hand.pay_due(tx, tenant, loan_id))
    except REFUSALS as error:
        if error.extra.get("reason") != "being_paid":
            return _refused(_loan_page(loan_id, error=error), error)
    return door.to(f"loans/{loan_id}?done=paying")


@blueprint.get("/loans/<loan_id>/payoff")
def show_payoff(loan_id: str) -> Any:
    """What paying everything today takes, and what it saves."""
    return _payoff_page(loan_id)


@blueprint.post("/loans/<loan_id>/payoff")
@limited(PAYMENTS)
def pay_off(loan_id: str) -> Any:
    """Instruct the collection of everything that is left, as it was shown. A second click changes nothing."""
    shown = digits.whole(request.form.get("amount", ""), most_digits=11)
    amount = -1 if shown is None else shown
    try:
        _write(loan_id, lambda tx, tenant: by_hand.pay_off(tx, tenant, loan_id, amount_fen=amount))
    except REFUSALS as error:
        if error.extra.get("reason") != "being_paid":
            return _refused(_payoff_page(loan_id, error=error), error)
    return door.to(f"loans/{loan_id}?done=paying")


@blueprint.get("/loans/<loan_id>/contract")
def show_contract(loan_id: str) -> Any:
    """The signed contract: in yuan and with names as people are called, and below it word for word as it was signed."""
    here = gateway()
    with here.db.read() as tx:
        loan = by_shopper.own(tx, door.shopper_id(), loan_id)
        contract = contracts.of_payment(tx, loan.payment_id)
        if contract is None:
            raise NotFound("This loan has no contract here.")
        try:
            authority = here.ports.signing_authority
            made = documents.contract(tx, here.vault, authority, contract, language=language())
        except DocumentsUnavailable:  # the text alone is shown, as it is kept
            made = None
    paper = made and made.values
    return render_template("my/contract.html", contract=contract, loan_id=loan_id, paper=paper)


@blueprint.get("/loans/<loan_id>/schedules/<version>")
def show_schedule(loan_id: str, version: str) -> Any:
    """One version of the schedule: the rows that were still to come when it was made."""
    with gateway().db.read() as tx:
        card = loans.card_of(tx, door.mode(), door.shopper_id(), loan_id)
        number = digits.whole(version, most_digits=5) or 0
        rows = by_shopper.version_of(tx, card.standing.loan, number)
    return render_template("my/schedule.html", card=card, rows=rows, version=number)


@blueprint.get("/receipts/<receipt_id>")
def show_receipt(receipt_id: str) -> Any:
    """A receipt that prints."""
    with gateway().db.read() as tx:
        row, loan = by_shopper.receipt(tx, door.shopper_id(), receipt_id)
        card = loans.card_of(tx, door.mode(), door.shopper_id(), loan.id)
    return render_template("my/receipt.html", row=row, card=card)


def _write(loan_id: str, verb: Any) -> None:
    """Do something with a loan of the person, at its merchant's time."""
    here, shopper = gateway(), door.shopper_id()

    def at_its_time(tx: Transaction) -> None:
        tenant = Tenant.of(by_shopper.own(tx, shopper, loan_id))
        business_clock.enter(tx, tenant)
        verb(tx, tenant)

    here.db.write(at_its_time, READ_COMMITTED)
    here.woken.set()


def _refused(page: str, error: GatewayError) -> Any:
    return problems.with_retry_after(make_response(page, error.status), error)


def _loan_page(loan_id: str, *, error: GatewayError | None = None) -> str:
    with gateway().db.read() as tx:
        card = loans.card_of(tx, door.mode(), door.shopper_id(), loan_id)
        loan = card.standing.loan
        business_clock.enter(tx, Tenant.of(loan))
        view = loan_service.view(tx, loan)
        tried = by_hand.newest(tx, loan_id, limit=TRIED)
        pending = [row for row in tried if row.status == "pending"]
        unpaid = loans.unpaid(tx, [card], language())
        page = {
            "card": card,
            "view": view,
            "bills": {bill["period"]: bill for bill in view["bills"]},
            "quote": repayment.quote_now(tx, loan),
            "receipts": by_shopper.receipts_of(tx, loan_id, limit=RECEIPTS),
            "pending": pending,
            "ending": any(row.period == WHOLE for row in pending),
            "failed": _newest_failed(tried, unpaid),
            "contract": contracts.of_payment(tx, loan.payment_id),
            "is_settled": settled.is_settled(tx, loan),
            "amended": {one.version: one for one in amendments.of_loan(tx, loan)},
            "unpaid": unpaid,
            "takes_methods": methods.origin(gateway(), door.mode()) is not None,
            "disputes": loans.disputes_of(tx, loan.payment_id),
            "contestable": disputes.contestable_fen(tx, shopper_id=door.shopper_id(), loan_id=loan_id),
        }
    return render_template("my/loan.html", error=_words(error), **page)


def _newest_failed(tried: list[Collection], unpaid: list[loans.Unpaid]) -> Collection | None:
    """The newest collection where it failed and is not told with what is unpaid."""
    if not tried or tried[0].status != "failed" or (unpaid and tried[0].period != WHOLE):
        return None
    return tried[0]


def _payoff_page(loan_id: str, *, error: GatewayError | None = None) -> str:
    with gateway().db.read() as tx:
        card = loans.card_of(tx, door.mode(), door.shopper_id(), loan_id)
        business_clock.enter(tx, Tenant.of(card.standing.loan))
        quote = repayment.quote_now(tx, card.standing.loan)
        pending = any(row.status == "pending" for row in by_hand.newest(tx, loan_id, limit=TRIED))
    return render_template(
        "my/payoff.html",
        card=card,
        quote=quote,
        pending=pending,
        error=_words(error),
        view_credit=card.standing.loan.credit_fen,
    )


def _words(error: GatewayError | None) -> str | None:
    """What an error says to the shopper."""
    return t(f"my.error.{error.code}") if error is not None else None
