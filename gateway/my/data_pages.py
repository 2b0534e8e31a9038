"""What a person may ask for about their data: consents and their withdrawal, a copy of everything, deletion."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, make_response, render_template, request

from gateway.audit import service as audit
from gateway.audit.service import Actor
from gateway.checkout import consents
from gateway.checkout.states import REQUIRED_CONSENTS
from gateway.data_requests import erasure, export
from gateway.db.transactions import READ_COMMITTED, Transaction
from gateway.identity import erasure as wishes
from gateway.identity import sessions
from gateway.my import door, login_state
from gateway.my.door import blueprint
from gateway.my.rates import COPIES
from gateway.web.context import gateway
from gateway.web.i18n import t
from gateway.web.rate_limits import limited

ACTOR = Actor("system", "my")
"""The person acts by these pages; the entry names whom it is about."""
CHANNEL = "hosted_page"


@blueprint.get("/data")
def show_data() -> Any:
    """Consents, the copy of the data, and its deletion."""
    return _page()


@blueprint.get("/data/withdraw")
@blueprint.get("/data/erasure")
def data_form_address() -> Any:
    """The address of a form, opened as a page."""
    return door.to("data")


@blueprint.post("/data/withdraw")
def withdraw_consent() -> Any:
    """Withdraw one kind of consent, from now on. Again changes nothing."""
    kind, shopper = request.form.get("kind", ""), door.shopper_id()
    gateway().db.write(lambda tx: consents.withdraw(tx, shopper, kind, channel=CHANNEL))
    return door.to("data?done=withdrawn")


@blueprint.get("/data/export")
@limited(COPIES)
def download_copy() -> Any:
    """Everything that is stored about the person; after a second proof only."""
    here, shopper = gateway(), door.shopper_id()
    if not _is_proved():
        return door.to("again?next=data")

    def copy_and_record(tx: Transaction) -> dict[str, Any]:
        found = export.export(tx, here.vault, shopper)
        audit.record(tx, ACTOR, "privacy.export", about=shopper, facts={"by": "the person"})
        return found

    text = json.dumps(here.db.write(copy_and_record), ensure_ascii=False, indent=2) + "\n"
    answer = Response(text, content_type="application/json; charset=utf-8")
    answer.headers["Content-Disposition"] = 'attachment; filename="my-data.json"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.post("/data/erasure")
def erase() -> Any:
    """Delete what may be deleted, or say what keeps the rest and until when; after a second proof only."""
    here, shopper = gateway(), door.shopper_id()
    if not _is_proved():
        return door.to("again?next=data")
    if request.form.get("sure") != "yes":
        return make_response(_page(error=t("my.data.erase_unsure")), 422)

    def erase_and_record(tx: Transaction) -> dict[str, Any]:
        answer = erasure.ask(tx, here.settings, shopper)
        audit.record(
            tx, ACTOR, "privacy.erase", about=shopper, facts={"by": "the person", "status": answer["status"]}
        )
        return answer

    answer = here.db.write(erase_and_record, READ_COMMITTED)
    if answer["status"] == "erased":
        return login_state.forget(door.forget(door.to("login?erased=1")))
    return door.to("data")


def _is_proved() -> bool:
    with gateway().db.read() as tx:
        return sessions.is_proved(tx, door.session())


def _page(*, error: str | None = None) -> str:
    here, shopper = gateway(), door.shopper_id()
    with here.db.read() as tx:
        logged = consents.newest_of_person(tx, shopper)
        wish = wishes.frozen(tx, shopper)
        proved = sessions.is_proved(tx, door.session())
    return render_template(
        "my/data.html", logged=logged, wish=wish, proved=proved, required=REQUIRED_CONSENTS, error=error
    )
