"""Passwords of people: argon2id with OWASP's parameters. A machine's secret has 256 bits and needs no slow hash."""

from __future__ import annotations

import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gateway.team.common_passwords import is_common

SHORTEST, LONGEST = 12, 128
AT_ONCE = 4
"""Most passwords checked at the same time: each takes 19 MiB and some 30 ms of a core."""

PASSES, MEMORY_KIB, LANES = 2, 19 * 1024, 1

_hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)
_turn = threading.BoundedSemaphore(AT_ONCE)


PROBLEMS = {
    "password": f"Must be {SHORTEST} to {LONGEST} characters long.",
    "common": "Is too common and easy to guess: choose another, such as four unrelated words.",
}
"""Why a password cannot be chosen, by the word under which the pages say it."""


def problem(password: str) -> str | None:
    """Why a password cannot be chosen, as a key of ``PROBLEMS``; None when it can."""
    if not SHORTEST <= len(password) <= LONGEST:
        return "password"
    return "common" if is_common(password) else None


def hashed(password: str) -> str:
    """The password as argon2id text, with its own salt."""
    return _hasher.hash(password)


def matches(password: str, known: str | None) -> bool:
    """Whether the password fits the hash. Without a hash the same work is done and the answer is no."""
    with _turn:
        try:
            _hasher.verify(known or _nobody(), password)
        except (VerificationError, InvalidHashError):
            return False
    return known is not None


@cache
def _nobody() -> str:
    return _hasher.hash("whoever has no account here")
