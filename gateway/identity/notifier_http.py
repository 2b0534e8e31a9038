"""A message provider behind a small HTTP API (docs/messages.md), for live mode."""

from __future__ import annotations

import json
import re
import secrets
from contextlib import suppress
from typing import Any

import requests

from gateway.core.tenant import Mode
from gateway.errors import MessagesUnavailable
from gateway.identity.notifier import MessageRefused, Notifier
from gateway.web import outgoing

WITHIN_SECONDS = 8.0
"""For connecting, sending and the whole answer."""
LONGEST_ANSWER = 4096
"""Bytes; an answer has three short fields."""
REASON = re.compile(r"[a-z][a-z_]{0,39}")
CODE = (
    "您的验证码是 {code}，10 分钟内有效。请勿告诉他人。\n"
    "Your code is {code}. It expires in 10 minutes. Do not share it."
)
INVITATION = "您被邀请加入分期商家后台 / You are invited to the instalment portal: {url}"


class HttpNotifier:
    """``POST {url}/messages`` sends; ``key`` is a bearer token. The reference makes a repetition the same message."""

    def __init__(self, url: str, key: str, *, within_seconds: float = WITHIN_SECONDS) -> None:
        self._url, self._key, self._within = url.rstrip("/"), key, within_seconds
        self._session = outgoing.session()  # no proxy and no .netrc of the machine sees a phone

    def check(self, mode: Mode) -> None:
        """Live mode only: test data never leaves."""
        if mode != "live":
            raise MessagesUnavailable("Test mode sends nothing to a live message provider.")

    def new_code(self, mode: Mode) -> str:
        """Six digits by chance."""
        self.check(mode)
        return f"{secrets.randbelow(1_000_000):06d}"

    def send_code(self, mode: Mode, phone: str, code: str, *, reference: str) -> None:
        """A one-time code, which the person asked for and waits for: it leaves at any hour."""
        text = CODE.format(code=code)
        self._must(
            mode, reference, {"kind": "code", "channel": "sms", "to": phone, "text": text, "code": code}
        )

    def send_invitation(self, mode: Mode, email: str, url: str, *, reference: str) -> None:
        """An invitation by e-mail."""
        text = INVITATION.format(url=url)
        letter = {"kind": "invitation", "channel": "email", "to": email, "subject": "邀请 / Invitation"}
        self._must(mode, reference, {**letter, "text": text})

    def send_notice(self, mode: Mode, email: str, subject: str, text: str, *, reference: str) -> None:
        """A notice by e-mail."""
        letter = {"kind": "notice", "channel": "email", "to": email, "subject": subject, "text": text}
        self._must(mode, reference, letter)

    def send_message(self, mode: Mode, phone: str, text: str, *, reference: str) -> None:
        """A message to a shopper. Raises ``MessageRefused`` when the provider says that it never will send it."""
        self._send(mode, reference, {"kind": "message", "channel": "sms", "to": phone, "text": text})

    def _must(self, mode: Mode, reference: str, letter: dict[str, str]) -> None:
        try:
            self._send(mode, reference, letter)
        except MessageRefused as refused:
            raise MessagesUnavailable(f"The message provider refuses: {refused}.") from None

    def _send(self, mode: Mode, reference: str, letter: dict[str, str]) -> None:
        """No error says what was sent, or to whom."""
        self.check(mode)
        try:
            with (
                outgoing.within(self._within),
                self._session.request(
                    "POST",
                    f"{self._url}/messages",
                    json={"reference": reference, **letter},
                    headers={
                        "Authorization": f"Bearer {self._key}",
                        "Idempotency-Key": reference,
                        "Accept": "application/json",
                    },
                    timeout=self._within,
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                status, text = response.status_code, _read(response)
        except (requests.RequestException, TimeoutError) as error:
            raise MessagesUnavailable(
                f"The message provider gave no answer: {type(error).__name__}."
            ) from None
        _judge(status, text, reference)


class NotifierOfEachMode:
    """The simulator's mailbox for test mode, which never reaches a live provider, and the provider for live mode."""

    def __init__(self, live: Notifier, test: Notifier) -> None:
        self._of: dict[Mode, Notifier] = {"live": live, "test": test}

    def check(self, mode: Mode) -> None:
        """As the provider of that mode says."""
        self._of[mode].check(mode)

    def new_code(self, mode: Mode) -> str:
        """As the provider of that mode makes it."""
        return self._of[mode].new_code(mode)

    def send_code(self, mode: Mode, phone: str, code: str, *, reference: str) -> None:
        """By the provider of that mode, no other."""
        self._of[mode].send_code(mode, phone, code, reference=reference)

    def send_invitation(self, mode: Mode, email: str, url: str, *, reference: str) -> None:
        """By the provider of that mode, no other."""
        self._of[mode].send_invitation(mode, email, url, reference=reference)

    def send_notice(self, mode: Mode, email: str, subject: str, text: str, *, reference: str) -> None:
        """By the provider of that mode, no other."""
        self._of[mode].send_notice(mode, email, subject, text, reference=reference)

    def send_message(self, mode: Mode, phone: str, text: str, *, reference: str) -> None:
        """By the provider of that mode, no other."""
        self._of[mode].send_message(mode, phone, text, reference=reference)


def _read(response: requests.Response) -> bytes:
    text = bytearray()
    for part in response.iter_content(LONGEST_ANSWER):
        text += part
        if len(text) > LONGEST_ANSWER:
            raise MessagesUnavailable("The answer of the message provider is too long to be one.")
    return bytes(text)


def _judge(status: int, text: bytes, reference: str) -> None:
    """Nothing where the message is accepted. Raises ``MessageRefused`` or ``MessagesUnavailable``."""
    told: Any = None
    with suppress(ValueError):
        told = json.loads(text)
    if status not in (200, 201, 202, 422) or not isinstance(told, dict):
        raise MessagesUnavailable(f"The message provider answered {status}.")
    if told.get("reference") != reference:
        raise MessagesUnavailable("The answer of the message provider is about another message.")
    if status == 422 and told.get("status") == "refused":
        reason = str(told.get("reason"))
        raise MessageRefused(reason if REASON.fullmatch(reason) else "refused")
    if status == 422 or told.get("status") != "accepted":
        raise MessagesUnavailable("The answer of the message provider does not say that it accepted.")
