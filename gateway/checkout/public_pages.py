"""Pages that anybody may read: the plans for an amount, and the texts of the agreements."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request

from gateway.checkout import agreements
from gateway.checkout.rates import PUBLIC_PLANS
from gateway.plans import service as plans
from gateway.plans import summary
from gateway.plans.schemas import QuoteQuery
from gateway.web.bodies import loaded, read_query
from gateway.web.context import gateway
from gateway.web.fields import Line
from gateway.web.i18n import language
from gateway.web.rate_limits import limited

blueprint = Blueprint("checkout_public", __name__, template_folder="templates")


class PlansQuery(QuoteQuery):
    """The public list of plans: what the API's quote takes, and the reader's language."""

    key = Line(longest=100, required=True)
    lang = Line(longest=10, load_default=None)


PLANS = PlansQuery()


@blueprint.get("/plans")
@limited(PUBLIC_PLANS)
def public_plans() -> Any:
    """All plans for an amount, for the link inside the price line."""
    query = loaded(PLANS, read_query(request))
    lender = plans.lender_of(gateway().settings)
    with gateway().db.read() as tx:
        quote = plans.quote_public(tx, query["key"], query, lender=lender)
    return render_template(
        "checkout/plans.html",
        quote=quote,
        summaries={plan["term"]: summary.of(plan) for plan in quote["plans"]},
    )


@blueprint.get("/agreements/<name>/<version>")
def agreement(name: str, version: str) -> Any:
    """The text of an agreement, to read or print."""
    title, _, body = agreements.text(name, version, language()).partition("\n")
    paragraphs = [part.strip() for part in body.split("\n\n") if part.strip()]
    return render_template("checkout/agreement.html", title=title, paragraphs=paragraphs, version=version)
