"""What the shopper is told about stages: nothing is released by silence that nobody told."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from gateway.audit.service import Actor
from gateway.cli import main
from gateway.core.calendar import SHANGHAI
from gateway.core.references import reference
from gateway.identity.notifier import SandboxNotifier
from gateway.messages import rules
from gateway.messages import service as to_shoppers
from gateway.outbox.models import OutboxItem
from gateway.payments.milestones import commands
from gateway.payments.milestones.models import MilestoneEvent
from gateway.process.worker import drain
from tests.gateway.books import Books
from tests.gateway.payments.test_milestones import DESK, Course
from tests.one_database import database_url, on_both  # noqa: F401

PHONE = "+8613800000001"


class Messages(SandboxNotifier):
    """Keeps what is sent; fails as often as it is told to, before or after the message has left."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, str, str]] = []
        self.fails, self.leaves = False, True

    def send_message(self, mode: Any, phone: str, text: str, *, reference: str) -> None:
        if self.leaves and "/stages" in text:
            self.sent.append((reference, phone, text))
        if self.fails:
            raise RuntimeError(f"cannot reach {phone}")


@pytest.fixture
def messages(books: Books) -> Messages:
    books.gateway.ports.notifier = Messages()
    return books.gateway.ports.notifier


def milestone(course: Course, number: int) -> dict[str, Any]:
    course.books.api.login()
    return course.books.api.get(f"{course.path}/milestones/{course.stages[number]}").json  # type: ignore[no-any-return]


def named(books: Books, what: str, stage: str) -> str:
    """What the provider knows the message by."""
    return reference("msg", books.tenant, f"stage_{what}", stage)


def queued(books: Books) -> list[OutboxItem]:
    with books.gateway.db.read() as tx:
        return list(tx.exec(select(OutboxItem).where(OutboxItem.topic == to_shoppers.TOPIC)))


@on_both
def test_the_window_begins_when_the_shopper_is_told(books: Books, messages: Messages) -> None:
    course = Course(books, description="第 1-15 课")
    assert course.claim(0, text="taught")["releases_at"] is None
    books.clock.advance(hours=5)
    drain(books.gateway)
    ((name, phone, text),) = messages.sent
    assert (name, phone) == (named(books, "claimed", course.stages[0]), PHONE)
    until = milestone(course, 0)["releases_at"]
    moment = datetime.fromisoformat(until)
    assert moment == books.clock.now + timedelta(days=7)
    for words in (
        "第 1-15 课",
        "1,500.00",
        f"{moment.astimezone(SHANGHAI):%Y-%m-%d %H:%M}",
        "is done",
        "/stages",
        "已完成",
    ):
        assert words in text, words
    assert "taught" not in text  # evidence is on the page
    assert all(PHONE[3:] not in json.dumps(one.payload) for one in queued(books))
    books.pass_days(9)
    assert course.statuses()[0] == "released"
    assert len(messages.sent) == 1
    books.sound()


@on_both
def test_what_cannot_be_told_is_not_released_by_silence_and_is_shown(
    books: Books, messages: Messages, capsys: Any, monkeypatch: Any
) -> None:
    monkeypatch.setenv("DATABASE_URL", books.gateway.settings.database_url)
    monkeypatch.setenv("FENQI_DATA_DIR", str(books.gateway.settings.data_dir))
    messages.fails, messages.leaves = True, False
    course = Course(books)
    for number in (0, 1, 2):
        course.claim(number)
    books.pass_days(30)
    assert course.statuses()[:3] == ["claimed"] * 3
    assert course.paid() == 0
    errors = {one.last_error for one in queued(books) if one.done_at is None}
    assert "MessagesUnavailable: The message was not sent: RuntimeError." in errors
    assert all(PHONE[3:] not in str(one) for one in errors)
    capsys.readouterr()
    assert main(["milestones", "list", "--untold", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert sorted(row["id"] for row in shown) == course.stages[:3]
    assert {row["waits_for"] for row in shown} == {"the message to the shopper"}
    course.contest(1)  # whoever sees the page may say so, told or not
    messages.fails, messages.leaves = False, True
    commands.release(books.gateway.db, Actor.at_the_command_line(), course.stages[0], **DESK)
    commands.cancel(books.gateway.db, Actor.at_the_command_line(), course.stages[1], **DESK)
    books.pass_days(2)
    assert {name for name, _, _ in messages.sent} == {
        named(books, "released", course.stages[0]),
        named(books, "canceled", course.stages[1]),
        named(books, "claimed", course.stages[2]),
    }
    assert all(
        what in "".join(text for _, _, text in messages.sent) for what in ("认定完成", "退还给您", "refunded")
    )
    books.pass_days(8)
    assert course.statuses()[:3] == ["released", "canceled", "released"]
    books.sound()


def test_a_message_whose_outcome_is_unknown_is_repeated_under_its_reference(
    books: Books, messages: Messages
) -> None:
    course = Course(books)
    course.claim(0)
    messages.fails = True
    drain(books.gateway)
    assert milestone(course, 0)["releases_at"] is None
    messages.fails = False
    books.clock.advance(hours=1)
    drain(books.gateway)
    assert [one[0] for one in messages.sent] == [named(books, "claimed", course.stages[0])] * 2
    with books.gateway.db.read() as tx:
        told = tx.exec(select(MilestoneEvent).where(MilestoneEvent.kind == "told")).all()
    assert [one.until for one in told] == [books.clock.now + timedelta(days=7)]
    books.sound()


def test_at_night_it_waits_for_the_morning_and_the_window_with_it(books: Books, messages: Messages) -> None:
    course = Course(books)
    now = books.clock.now.astimezone(SHANGHAI)
    books.clock.advance(minutes=(23 - now.hour) * 60 - now.minute)
    course.claim(0)
    drain(books.gateway)
    assert messages.sent == []
    morning = rules.may_leave(books.clock.now)
    assert f"{morning.astimezone(SHANGHAI):%H:%M}" == "08:00"
    assert [one.next_at for one in queued(books)] == [morning]
    books.clock.advance(hours=9, minutes=5)
    drain(books.gateway)
    assert len(messages.sent) == 1
    assert datetime.fromisoformat(milestone(course, 0)["releases_at"]) == books.clock.now + timedelta(days=7)
    books.sound()


@pytest.mark.parametrize(
    ("at", "leaves"),
    [
        ("2026-01-05T07:59:59", "2026-01-05T08:00:00"),
        ("2026-01-05T08:00:00", "2026-01-05T08:00:00"),
        ("2026-01-05T21:54:59", "2026-01-05T21:54:59"),
        ("2026-01-05T21:55:00", "2026-01-06T08:00:00"),
        ("2026-01-05T22:00:00", "2026-01-06T08:00:00"),
        ("2026-01-05T00:00:00", "2026-01-05T08:00:00"),
        ("2026-12-31T23:30:00", "2027-01-01T08:00:00"),
    ],
)
def test_nobody_is_written_to_between_22_and_8_in_shanghai(at: str, leaves: str) -> None:
    told = rules.may_leave(datetime.fromisoformat(f"{at}+08:00").astimezone(UTC))
    assert told == datetime.fromisoformat(f"{leaves}+08:00")


def test_a_test_clock_tells_before_it_moves(books: Books, messages: Messages) -> None:
    course = Course(books)
    books.api.login()
    clock = books.api.post("/v1/test_clocks", {"name": "lessons"}).json["id"]
    course.claim(0)
    moved = books.api.post(f"/v1/test_clocks/{clock}/advance", {"days": 12})
    assert moved.status_code in (200, 202), moved.text
    drain(books.gateway)
    assert len(messages.sent) == 1
    assert course.statuses()[0] == "released"
    books.sound()
