"""Who applies: the real-name check, and what it does to a claim on an ID number that is on file.

Everybody whose name, ID number and phone were never found to belong together is asked about, whether the number is on
file or not: neither the answer nor its time says that it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.checkout import service
from gateway.core.tenant import mode_of
from gateway.db.transactions import Transaction
from gateway.decision import service as decisions
from gateway.identity import claims
from gateway.identity.claims import Standing
from gateway.identity.real_name import MATCH, Question, answer_of
from gateway.web.context import Gateway

if TYPE_CHECKING:
    from gateway.decision.models import DecisionRequest


def checked(
    gateway: Gateway, request: DecisionRequest, standing: Standing, *, again: bool, within_seconds: float
) -> str | None:
    """What the real-name source says of the applicant; None where nobody need or can be asked."""
    mode, connected = mode_of(request.mode), gateway.ports.real_name
    if request.real_name is not None or standing.verified:
        return request.real_name
    if connected is None or not connected.serves(mode):
        return None
    question = Question(
        reference=request.id,
        mode=mode,
        name=standing.person["name"],
        id_number=standing.person["id_number"],
        phone=standing.person["phone"],
        within_seconds=within_seconds,
    )
    return answer_of(connected, question, again=again)


def is_same_person(standing: Standing, answer: str | None) -> bool:
    """Whether a claimant needs no reviewer: the name on file, and a phone that was found to belong to it."""
    return standing.on_file is not None and answer == MATCH and "name" not in standing.differs


def is_proven(tx: Transaction, request: DecisionRequest) -> bool:
    """Whether the applicant may be decided about without a person."""
    return may_be_decided(claims.on_file(tx, request.shopper_id), request.real_name)


def may_be_decided(on_file: str | None, real_name: str | None) -> bool:
    """Whether who claims nobody's number, and of whom no check failed, may be decided about without a person."""
    return on_file is None and real_name in (None, MATCH)


def accept(tx: Transaction, gateway: Gateway, claim_id: str, *, by: str) -> str | None:
    """The claimant is the person on file, whose everything is from here on. Returns that person's identifier.

    None, with nothing changed, for a claimant with a separate limit: two records cannot be merged.
    """
    if decisions.has_limit(tx, claim_id):
        return None
    shopper_id = claims.accept(tx, gateway.vault, claim_id, by=by)
    service.hand_over(tx, claim_id=claim_id, shopper_id=shopper_id)
    decisions.hand_over(tx, claim_id=claim_id, shopper_id=shopper_id)
    return shopper_id
