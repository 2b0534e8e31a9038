"""The foreign systems, scripted: each keeps a journal by reference, and loses, delays and garbles as it is told.

How a call goes is drawn by the seed of the step and by its reference: ``ok``; ``lost`` (nothing was done, no answer);
``deaf`` (it was done, no answer); ``slow`` (it is done later, the answer is *pending* or none); ``no`` (a refusal);
``garbled`` (it was done, the answer cannot be read); ``odd`` (it was done, and the answer is a word nobody has agreed
on); a receiver of webhooks that has ``moved`` answers with a redirection.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from gateway.decision.bureau import BureauReport, BureauUnavailable, Inquiry
from gateway.decision.funder import Ruling, Submission
from gateway.decision.scorer import ScorerUnavailable
from gateway.errors import FunderUnavailable, InstitutionUnavailable, MessagesUnavailable
from gateway.identity.real_name import MATCH, UNKNOWN, Question, RealNameUnavailable
from gateway.institution.port import Answer as Moved
from gateway.institution.port import Instruction
from gateway.webhooks.delivery.transport import Answer, NotDelivered
from scoring.decision import Recommendation

FAULTS = ("lost", "deaf", "slow", "no", "garbled", "odd")
SLOW = timedelta(minutes=3)


@dataclass
class Done:
    """What a party has done under one reference."""

    what: Any
    answer: Any
    at: datetime
    ready_at: datetime
    told: bool = False
    """Whether the gateway has heard the answer."""
    asked: bool = False
    """Whether the gateway has looked it up since the last call that stayed unanswered."""


@dataclass
class Outside:
    """Everybody outside, and how each behaves in the step that runs."""

    clock: Callable[[], datetime]
    mood: dict[str, int] = field(default_factory=dict)
    """By party, or party and fault such as ``institution.deaf``: how many of a hundred calls go wrong."""
    seed: str = ""
    gap: Callable[[], None] = lambda: None
    violations: list[str] = field(default_factory=list)

    def begin(self) -> None:
        self.mood, self.violations, self.seed = {}, [], ""
        self.institution.begin()
        self.funder.begin()
        self.bureau.begin()
        self.real_name.begin()
        self.notifier.begin()
        self.receivers.begin()

    def __post_init__(self) -> None:
        self.institution, self.funder = Institution(self), Funder(self)
        self.bureau, self.real_name = Bureau(self), RealName(self)
        self.notifier, self.receivers = Notifier(self), Receivers(self)

    def ports(self) -> dict[str, Any]:
        return {
            "institution": self.institution,
            "funder": self.funder,
            "bureau": self.bureau,
            "real_name": self.real_name,
            "notifier": self.notifier,
            "webhook_transport": self.receivers,
            "scorer": PlainScorer(),
        }

    def fault(self, party: str, reference: str, tries: int) -> str:
        """How a call goes."""
        if not self.mood:
            return "ok"
        chance = random.Random(f"{self.seed} {party} {reference} {tries}")
        for name, share in self.mood.items():
            whose, _, fault = name.partition(".")
            if whose == party and chance.randrange(100) < share:
                return fault or chance.choice(FAULTS)
        return "ok"


class Party:
    """Does each reference once, remembers it, and notices when it is asked for what the gateway knows already."""

    name = ""
    unavailable: type[Exception] = Exception

    def __init__(self, outside: Outside) -> None:
        self.outside = outside
        self.begin()

    def begin(self) -> None:
        self.done: dict[tuple[str, str], Done] = {}
        self.calls: dict[tuple[str, str], int] = {}

    def act(self, mode: str, reference: str, what: Any, make: Callable[[bool], Any]) -> Done:
        """Carry ``what`` out, once; ``make`` says the answer, refused or not. Raises when it gives none."""
        self.outside.gap()
        place = (mode, reference)
        self.calls[place] = self.calls.get(place, 0) + 1
        known = self.done.get(place)
        if known is not None and known.told:
            self._violation(f"{reference} was sent again after its answer was heard")
        elif known is not None and not known.asked:
            self._violation(f"{reference} was sent again and not looked up before")
        if known is not None and known.what != what:
            self._violation(f"{reference} was sent again as something else: {known.what} and {what}")
        fault = self.outside.fault(self.name, reference, self.calls[place])
        if fault == "lost":
            raise self.unavailable(f"{self.name} lost {reference}")
        now = self.outside.clock()
        if known is None:
            refuses = fault == "no" or (fault == "slow" and _thinks_twice(reference))
            known = Done(what, make(refuses), now, now + SLOW if fault == "slow" else now)
            self.done[place] = known
        self.outside.gap()
        if fault in ("deaf", "garbled", "slow", "odd"):
            known.asked = False
            raise self.unavailable(f"{self.name} gives no answer about {reference} ({fault})")
        known.told = True
        return known

    def find(self, mode: str, reference: str) -> Done | None:
        """What was done under a reference. Raises when it cannot be said."""
        self.outside.gap()
        place = (mode, reference)
        self.calls[place] = self.calls.get(place, 0) + 1
        if self.outside.fault(self.name, reference, self.calls[place]) in ("lost", "garbled"):
            raise self.unavailable(f"{self.name} cannot be asked about {reference}")
        known = self.done.get(place)
        if known is not None:
            known.asked = True
            if known.ready_at > self.outside.clock():
                raise self.unavailable(f"{self.name} has not decided {reference} yet")
            known.told = True
        return known

    def _violation(self, words: str) -> None:
        self.outside.violations.append(f"{self.name}: {words}")


def _thinks_twice(reference: str) -> bool:
    """Whether what is not decided at once is refused in the end."""
    return sum(map(ord, reference)) % 4 == 0


class Institution(Party):
    """Collects, refunds and pays out; money moves when its answer is ``succeeded``."""

    name, unavailable = "institution", InstitutionUnavailable

    def carry_out(self, instruction: Instruction) -> Moved:
        what = (instruction.movement, instruction.party, instruction.amount_fen, instruction.account)
        refused = instruction.test_failure

        def answer(no: bool) -> Moved:
            return Moved("failed", refused or "refused") if refused or no else Moved("succeeded")

        try:
            return self.act(instruction.mode, instruction.reference, what, answer).answer
        except InstitutionUnavailable:
            place = (instruction.mode, instruction.reference)
            known = self.done.get(place)
            if self.outside.fault(self.name, instruction.reference, self.calls[place]) == "odd":
                return Moved("accepted")  # type: ignore[arg-type]
            if (
                known is None
                or known.ready_at <= self.outside.clock()
                or sum(map(ord, instruction.reference)) % 2
            ):
                raise
            return Moved("pending")

    def look_up(self, instruction: Instruction) -> Moved | None:
        known = self.find(instruction.mode, instruction.reference)
        return known.answer if known is not None else None


class Funder(Party):
    """Decides by itself: one person's limit is always the same, small enough to be used up."""

    name, unavailable = "funder", FunderUnavailable

    def check(self, mode: str) -> None:
        pass

    def decide(self, submission: Submission) -> Ruling:
        person = random.Random(f"limit {submission.shopper_id[-6:]}")
        limit = person.choice((1_200_000, 2_000_000, 4_000_000))
        draw = random.Random(f"{submission.reference}").randrange(100)
        outcome = "approve" if draw < 85 else "review" if draw < 95 else "decline"

        def answer(no: bool) -> Ruling:
            return Ruling("decline" if no else outcome, limit, "bank")

        what = (submission.shopper_id, submission.amount_fen)
        return self.act(submission.mode, submission.reference, what, answer).answer

    def look_up(self, submission: Submission) -> Ruling | None:
        known = self.find(submission.mode, submission.reference)
        return known.answer if known is not None else None


class Bureau(Party):
    name, unavailable = "bureau", BureauUnavailable

    def report(self, inquiry: Inquiry) -> BureauReport:
        what = (inquiry.subject, inquiry.consent)
        return self.act(
            inquiry.mode, inquiry.reference, what, lambda no: BureauReport(1, 1, 0.2, 1000)
        ).answer

    def look_up(self, inquiry: Inquiry) -> BureauReport | None:
        known = self.find(inquiry.mode, inquiry.reference)
        return known.answer if known is not None else None


class RealName(Party):
    name, unavailable = "real_name", RealNameUnavailable

    def serves(self, mode: str) -> bool:
        return True

    def check(self, question: Question) -> str:
        what = (question.name, question.id_number, question.phone)
        return self.act(question.mode, question.reference, what, lambda no: UNKNOWN if no else MATCH).answer

    def look_up(self, question: Question) -> str | None:
        known = self.find(question.mode, question.reference)
        return known.answer if known is not None else None


class Notifier:
    """Brings codes; the same reference again is the same message."""

    def __init__(self, outside: Outside) -> None:
        self.outside = outside
        self.begin()

    def begin(self) -> None:
        self.sent: dict[str, tuple[str, str]] = {}

    def check(self, mode: str) -> None:
        pass

    def new_code(self, mode: str) -> str:
        return "246810"

    def send_code(self, mode: str, phone: str, code: str, *, reference: str) -> None:
        self.outside.gap()
        fault = self.outside.fault("notifier", reference, 1)
        if fault != "lost" and self.sent.setdefault(reference, (phone, code)) != (phone, code):
            self.outside.violations.append(f"notifier: {reference} was sent with something else")
        if fault != "ok":
            raise MessagesUnavailable("no answer of the notifier")

    def send_invitation(self, mode: str, email: str, url: str, *, reference: str) -> None:
        self.sent[reference] = (email, url)

    def send_notice(self, mode: str, email: str, subject: str, text: str, *, reference: str) -> None:
        self.sent[reference] = (email, subject)

    def send_message(self, mode: str, phone: str, text: str, *, reference: str) -> None:
        self.outside.gap()
        fault = self.outside.fault("notifier", reference, 1)
        if fault != "lost":
            self.sent[reference] = (phone, text)
        if fault != "ok":
            raise MessagesUnavailable("no answer of the notifier")


class PlainScorer:
    """Recommends approval; one amount in seven it cannot score."""

    version, ready = "plain 1", True

    def recommend(self, features: dict[str, Any], required: tuple[str, ...] = ()) -> Any:
        if int(features.get("amount_fen", 0) or 0) % 7 == 6:
            raise ScorerUnavailable
        outcome = "review" if required else "approve"
        found = Recommendation(outcome, 3_000_000, 3_000_000, reasons=(), policy="plain")  # type: ignore[arg-type]
        return found, dict(features)

    def smallest_change(self, features: dict[str, Any], **order: Any) -> None:
        """It declines nothing."""


class Receivers:
    """The shops' webhook receivers: what arrived, by endpoint, in the order of arrival."""

    def __init__(self, outside: Outside) -> None:
        self.outside = outside
        self.begin()

    def begin(self) -> None:
        self.arrived: list[tuple[str, dict[str, str], bytes]] = []
        self.tries: dict[str, int] = {}

    def check(self, url: str, rules: Any) -> None:
        pass

    def line(self, url: str, rules: Any) -> Line:
        return Line(self, url)

    def take(self, url: str, headers: dict[str, str], body: bytes) -> Answer:
        self.outside.gap()
        event = headers["webhook-id"]
        self.tries[event] = self.tries.get(event, 0) + 1
        fault = self.outside.fault("receivers", event, self.tries[event])
        if fault == "lost":
            raise NotDelivered("timeout", "no answer")
        self.arrived.append((url, dict(headers), body))
        if fault in ("deaf", "slow"):
            raise NotDelivered("timeout", "no answer")
        if fault != "ok":
            status = {"moved": 302, "garbled": 429, "odd": 404}.get(fault, 500)
            return Answer(status, "7" if fault == "garbled" else None, b"\xff{")
        return Answer(204, None, b"")


class Line:
    def __init__(self, receivers: Receivers, url: str) -> None:
        self._receivers, self._url, self.seconds = receivers, url, 0.0

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def post(self, headers: dict[str, str], body: bytes) -> Answer:
        return self._receivers.take(self._url, dict(headers), body)


def signed(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """Whether a delivery bears the signature of ``secret`` (Standard Webhooks)."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return wanted in headers["webhook-signature"].split(" ")


def told(body: bytes) -> dict[str, Any]:
    """The event in a delivery."""
    return json.loads(body)
