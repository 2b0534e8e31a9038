"""A password that is among the first to be guessed is refused, in a sentence; what nobody guesses is not."""

from __future__ import annotations

import secrets

import pytest

from gateway.errors import ValidationFailed
from gateway.team import common_passwords, passwords, service


@pytest.mark.parametrize(
    "password",
    [
        "password1234", "Password1234!", "P@ssw0rd2026", "passwordpassword", "123456789012", "aaaaaaaaaaaa",
        "abcdefghijkl", "qwertyuiop12", "1qaz2wsx3edc", "abcabcabcabc", "woaini1314520", "5201314-5201314",
        "iloveyou-12345", "drowssap4321", "ｐａｓｓｗｏｒｄ１２３４", "dragon123456789", "11112222333344",
        "letmein letmein", "Admin123admin123", "qwerty-123456", "000000000000",
        "Welcome@2026", "Passw0rd!2026", "Fenqi2026!!!", "administrator", "correcthorsebatterystaple", "!@#$%^&*()_+",
    ],
)  # fmt: skip
def test_what_is_guessed_first_is_refused(password: str) -> None:
    assert passwords.problem(password) == "common"
    with pytest.raises(ValidationFailed) as refused:
        service.check_password(password)
    assert "guess" in repr(vars(refused.value))


@pytest.mark.parametrize(
    "password",
    [
        "a password of one's own", "correct horse battery staple", "another long password",
        "长城上的三只白色猫头鹰在唱歌", "xK9#mQ2$vL5@pR", "tractor-violin-3-lagoon", "jq7 vhw2 kzpe",
    ],
)  # fmt: skip
def test_what_nobody_guesses_is_taken(password: str) -> None:
    assert passwords.problem(password) is None


def test_passwords_that_the_gateway_makes_are_taken() -> None:
    assert [
        text for text in (secrets.token_urlsafe(12) for _ in range(2000)) if passwords.problem(text)
    ] == []


def test_the_list_is_long_sorted_and_says_where_it_is_from() -> None:
    lines = common_passwords.FILE.read_text("ascii").splitlines()
    words = [line for line in lines if not line.startswith("#")]
    assert len(words) >= 10_000
    assert words == sorted(set(words))
    assert "zxcvbn" in lines[0]
    assert "# MIT License" in lines
