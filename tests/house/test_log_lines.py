"""Nobody forges a line of the log: what a caller sends is escaped, bounded, and no path stands in it as it came."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from flask import Flask, request

from fenqi.wsgi import wsgi_session
from gateway.monitoring import logs
from merchant_portal import create_app

FORGED = "2026-11-29 12:00:00 WARNING gateway.audit: all is well"
LINE_BREAKS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"


@pytest.fixture(autouse=True)
def installed() -> None:
    logs.install()


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What a handler with the usual format would have written."""
    format_ = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    return [line for record in caplog.records for line in format_.format(record).splitlines()]


@pytest.mark.parametrize("character", LINE_BREAKS, ids=lambda one: f"U+{ord(one):04X}")
def test_a_line_break_in_what_is_logged_begins_no_line(
    character: str, caplog: pytest.LogCaptureFixture
) -> None:
    sent = f"/portal/x{character}{FORGED}"
    logging.getLogger("any.library").warning("agent %s", sent)
    try:
        raise ValueError(sent)
    except ValueError:
        logging.getLogger("any.library").exception("failed")

    assert FORGED in "".join(lines(caplog)), "it is shown"
    assert [line for line in lines(caplog) if line.startswith(FORGED)] == []
    assert len(caplog.records) == 2


def test_colours_of_a_terminal_are_escaped_and_endless_text_ends(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("any.library").warning("%s", "\x1b[2J" + "a" * 100_000)

    (line,) = lines(caplog)
    assert "\\x1b[2J" in line
    assert len(line) < logs.LONGEST_MESSAGE + 200


def test_a_path_with_a_line_break_forges_no_line_of_gateway_or_portal(
    app: Flask, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError(f"failed on purpose at {request.path}")

    portal = create_app(
        gateway_url="http://gateway.test",
        portal_url="http://gateway.test/portal",
        client_id="ci_test_portal",
        secret_key=b"k" * 32,
        folder=tmp_path / "logins",
        session=wsgi_session(app, "http://gateway.test"),
    )
    for failing in (app, portal):
        for rule in failing.url_map.iter_rules():
            if rule.arguments:
                monkeypatch.setitem(failing.view_functions, rule.endpoint, fail)
        paths = [
            rule.rule.replace(f"<{name}>", f"x%0A{FORGED}")
            for rule in failing.url_map.iter_rules()
            for name in rule.arguments
            if len(rule.arguments) == 1 and "GET" in (rule.methods or ())
        ]
        answers = [failing.test_client().get(path + "?token=secret") for path in paths]
        assert any(answer.status_code == 500 for answer in answers), paths

    shown = lines(caplog)
    assert any("failed on purpose" in line for line in shown)
    assert [line for line in shown if line.startswith(FORGED)] == []
    assert "token=secret" not in "\n".join(shown)
