"""Complaints and requests because of hardship: filed with a number and a day, and their history."""

from __future__ import annotations

from typing import Any

from flask import make_response, render_template, request

from gateway.complaints import service as complaints
from gateway.db.transactions import READ_COMMITTED, Transaction
from gateway.errors import GatewayError, NotFound, TooManyRequests, ValidationFailed
from gateway.loans import by_shopper
from gateway.my import door, loans
from gateway.my.door import blueprint
from gateway.my.rates import COMPLAINTS
from gateway.web import problems
from gateway.web.bodies import loaded
from gateway.web.context import gateway
from gateway.web.fields import Choice, Line, Strict
from gateway.web.i18n import t
from gateway.web.rate_limits import limited

SHOWN = 50
LONGEST = 2000


class ComplaintForm(Strict):
    """What somebody complains of or asks for."""

    kind = Choice("complaint", "hardship", required=True)
    loan = Line(longest=60, shortest=0, load_default="")
    text = Line(longest=LONGEST, shortest=5, required=True)


FORM = ComplaintForm()
FIELDS = ("kind", "loan", "text")


@blueprint.get("/help")
def show_help() -> Any:
    """The form, and what was filed before with its answers."""
    return _page(typed={"loan": request.args.get("loan", ""), "kind": "", "text": ""})


@blueprint.post("/help")
@limited(COMPLAINTS)
def file_complaint() -> Any:
    """File a complaint; a second click files nothing more."""
    typed = {name: " ".join(request.form.get(name, "").split()) for name in FIELDS}
    here, shopper, mode = gateway(), door.shopper_id(), door.mode()

    def file_it(tx: Transaction) -> str:
        loan = by_shopper.own(tx, shopper, form["loan"]).id if form["loan"] else None
        row = complaints.file(
            tx,
            here.vault,
            here.ports.working_days,
            mode=mode,
            shopper_id=shopper,
            kind=form["kind"],
            loan_id=loan,
            words=form["text"],
        )
        return row.id

    try:
        form = loaded(FORM, typed)
        filed = here.db.write(file_it, READ_COMMITTED)
    except (NotFound, TooManyRequests, ValidationFailed) as error:
        page = make_response(_page(typed=typed, errors=_errors(error)), error.status)
        return problems.with_retry_after(page, error)
    answer = door.to("help?done=filed")
    answer.location = f"{answer.location}#{filed}"
    return answer


def _errors(error: GatewayError) -> dict[str, str]:
    if isinstance(error, ValidationFailed):
        return {row["param"]: t(f"my.help.error.{row['param']}") for row in error.extra["errors"]}
    return {"text" if isinstance(error, TooManyRequests) else "loan": t(f"my.help.{error.code}")}


def _page(*, typed: dict[str, str], errors: dict[str, str] | None = None) -> str:
    here = gateway()
    with here.db.read() as tx:
        found = loans.overview(tx, door.mode(), door.shopper_id())
        rows = complaints.filed_by(tx, here.vault, door.shopper_id(), limit=SHOWN)
    return render_template(
        "my/help.html",
        cards=[*found.running, *found.ended],
        rows=rows,
        typed=typed,
        errors=errors or {},
        longest=LONGEST,
    )
