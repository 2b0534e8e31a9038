"""The page on which a shopper reports a problem with an order: a dispute about what its loan paid."""

from __future__ import annotations

import re
from typing import Any

from flask import make_response, render_template, request

from gateway.db.transactions import READ_COMMITTED
from gateway.errors import AmountAboveRefundable, GatewayError, ValidationFailed, WrongState
from gateway.my import door, loans
from gateway.my.door import blueprint
from gateway.my.rates import DISPUTES
from gateway.payments.disputes import by_shopper as disputes
from gateway.web.bodies import loaded
from gateway.web.context import gateway
from gateway.web.fields import Choice, Line, Strict
from gateway.web.i18n import t
from gateway.web.rate_limits import limited

LONGEST = 2000
YUAN = re.compile(r"(?P<yuan>[0-9]{1,9})(?:\.(?P<fen>[0-9]{1,2}))?")


class ContestForm(Strict):
    """What is wrong with an order."""

    reason = Choice(*disputes.REASONS, required=True)
    amount = Line(longest=20, shortest=0, load_default="")
    text = Line(longest=LONGEST, shortest=5, required=True)


FORM = ContestForm()
FIELDS = ("reason", "amount", "text")


@blueprint.get("/loans/<loan_id>/dispute")
def show_contest(loan_id: str) -> Any:
    """The form; without anything to contest, what there is to know."""
    return _page(loan_id, typed={"reason": "", "amount": "", "text": ""})


@blueprint.post("/loans/<loan_id>/dispute")
@limited(DISPUTES)
def contest(loan_id: str) -> Any:
    """Open the dispute; a second click opens nothing more."""
    typed = {name: " ".join(request.form.get(name, "").split()) for name in FIELDS}
    here, shopper = gateway(), door.shopper_id()
    try:
        form = loaded(FORM, typed)
        amount = _fen(form["amount"]) if form["amount"] else None
        here.db.write(
            lambda tx: (
                disputes.contest(
                    tx,
                    here.vault,
                    shopper_id=shopper,
                    loan_id=loan_id,
                    reason=form["reason"],
                    words=form["text"],
                    amount_fen=amount,
                ).id
            ),
            READ_COMMITTED,
        )
    except (AmountAboveRefundable, ValidationFailed, WrongState) as error:
        return make_response(_page(loan_id, typed=typed, errors=_errors(error)), error.status)
    here.woken.set()
    return door.to(f"loans/{loan_id}?done=disputed")


def _fen(typed: str) -> int:
    """Fen of an amount typed in yuan. Raises ``AmountAboveRefundable`` for what is not an amount above 0."""
    found = YUAN.fullmatch(typed.replace(",", "").replace("¥", "").strip())
    fen = int(found["yuan"]) * 100 + int((found["fen"] or "0").ljust(2, "0")) if found else 0
    if not fen:
        raise AmountAboveRefundable("The amount must be yuan above 0, such as 99.50.", param="amount")
    return fen


def _errors(error: GatewayError) -> dict[str, str]:
    if isinstance(error, ValidationFailed):
        return {row["param"]: t(f"my.contest.error.{row['param']}") for row in error.extra["errors"]}
    if isinstance(error, AmountAboveRefundable):
        return {"amount": t("my.contest.error.amount")}
    return {"reason": t("my.contest.closed")}


def _page(loan_id: str, *, typed: dict[str, str], errors: dict[str, str] | None = None) -> str:
    with gateway().db.read() as tx:
        card = loans.card_of(tx, door.mode(), door.shopper_id(), loan_id)
        left = disputes.contestable_fen(tx, shopper_id=door.shopper_id(), loan_id=loan_id)
    return render_template(
        "my/dispute.html",
        card=card,
        left=left,
        reasons=disputes.REASONS,
        typed=typed,
        errors=errors or {},
        longest=LONGEST,
    )
