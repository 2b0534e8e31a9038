"""The fake bank's HTTP API, for this machine only: instructions and look-ups, statements, and what its operator sets.

``POST /instructions``, ``GET /instructions/REFERENCE``, ``GET /statements/PARTY/DAY.csv`` or ``.xml`` (``?until=DAY``),
``POST /setups``, ``GET /setups/REFERENCE``, ``POST /methods/TOKEN/detach``, the page ``/setup/SECRET`` for testers, and
under ``/control``: ``next``, ``down``, ``clock``, ``correct``, ``journal``.
"""

from __future__ import annotations

import logging
import sqlite3
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask, Response, abort, jsonify, request
from werkzeug.serving import make_server

from gateway.institution.fake_bank import pages, statements
from gateway.institution.fake_bank.behaviour import Play
from gateway.institution.fake_bank.store import Contradiction, NoAnswer, Store, Told

HOST = "127.0.0.1"
MOVEMENTS = ("collection", "refund", "payout")
LONGEST = 64 * 1024


def application(store: Store) -> Flask:
    """The bank as a WSGI application."""
    app = Flask("fake_bank", static_folder=None, template_folder=str(Path(__file__).parent / "templates"))
    app.config["MAX_CONTENT_LENGTH"] = LONGEST
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    _instructions(app, store)
    _methods(app, store)
    pages.register(app, store)
    _control(app, store)

    @app.before_request
    def be_down() -> Any:
        if not request.path.startswith("/control/") and store.is_down():
            return jsonify(error="the bank is closed"), 503
        return None

    @app.errorhandler(ValueError)
    def invalid(error: ValueError) -> Any:
        return jsonify(error=str(error)), 422

    @app.errorhandler(KeyError)
    def unknown(error: KeyError) -> Any:
        return jsonify(error=f"unknown: {error.args[0]}"), 404

    @app.errorhandler(Contradiction)
    def contradiction(error: Contradiction) -> Any:
        return jsonify(error=str(error)), 409

    @app.errorhandler(NoAnswer)
    def no_answer(error: NoAnswer) -> Any:
        del error
        return jsonify(error="no answer in time"), 504

    return app


def serve(folder: Path, *, port: int, seed: int, faults: float) -> int:
    """Serve on the loopback until a signal ends it; the book stays in ``folder``. Raises ``ValueError``."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    try:
        store = Store(folder, seed=seed, faults=faults)
    except sqlite3.DatabaseError as error:
        raise ValueError(f"{folder / 'bank.sqlite'}: {error}: name another folder with --data") from None
    try:
        server = make_server(HOST, port, application(store), threaded=True)
    except SystemExit:
        raise ValueError(f"Port {port} cannot be listened on: choose another one with --port.") from None
    print(f"The fake bank answers at http://{HOST}:{port}; it moves no money.", flush=True)
    server.serve_forever()
    return 0


def _instructions(app: Flask, store: Store) -> None:
    @app.post("/instructions")
    def instruct() -> Any:
        return jsonify(store.instruct(_told(_body())))

    @app.get("/instructions/<reference>")
    def look_up(reference: str) -> Any:
        return jsonify(store.state(reference, _moment(request.args.get("at"))))

    @app.get("/statements/<party>/<name>")
    def statement(party: str, name: str) -> Response:
        day, _, form = name.partition(".")
        first = date.fromisoformat(day)
        last = date.fromisoformat(request.args.get("until", day))
        if form not in ("csv", "xml") or last < first:
            abort(404)
        told = statements.statement(party, store.booked(party), first, last)
        if form == "csv":
            return Response(statements.as_csv(told), content_type="text/csv; charset=gb18030")
        return Response(statements.as_camt053(told), content_type="application/xml")


def _methods(app: Flask, store: Store) -> None:
    @app.post("/setups")
    def begin_setup() -> Any:
        body = _body()
        seconds = body.get("seconds")
        if type(seconds) is not int or not 0 <= seconds <= 86_400:
            raise ValueError("seconds must be a whole number from 0 to 86400")
        told = {name: _word(body, name) for name in ("reference", "party", "language")}
        expires_at = datetime.now(UTC) + timedelta(seconds=seconds)
        return jsonify(
            _shown(
                store.begin_setup(
                    {**told, "return_url": _address(body), "expires_at": expires_at.isoformat()}
                )
            )
        )

    @app.get("/setups/<reference>")
    def look_up_setup(reference: str) -> Any:
        return jsonify(_shown(store.setup(reference)))

    @app.post("/methods/<token>/detach")
    def detach(token: str) -> Any:
        store.detach(token)
        return jsonify(detached=True)


def _shown(told: dict[str, Any]) -> dict[str, Any]:
    """A set-up with the address of its page, for as long as it waits."""
    shown = {name: value for name, value in told.items() if name not in ("secret", "return_url", "language")}
    is_open = told["status"] == "open"
    return {**shown, "url": f"{request.host_url}setup/{told['secret']}" if is_open else None}


def _address(body: dict[str, Any]) -> str:
    url = body.get("return_url")
    if not isinstance(url, str) or len(url) > 2000 or not url.startswith(("http://", "https://")):
        raise ValueError("return_url must be an http or https address of at most 2000 characters")
    return url


def _control(app: Flask, store: Store) -> None:
    @app.post("/control/next")
    def wish() -> Any:
        body = _body()
        store.want(Play.of(body), _word(body, "party", optional=True) or None)
        return jsonify(ok=True)

    @app.post("/control/down")
    def set_down() -> Any:
        down = _body().get("down")
        if not isinstance(down, bool):
            raise ValueError("down must be true or false")
        store.set_down(down)
        return jsonify(down=down)

    @app.post("/control/clock")
    def move_clock() -> Any:
        body = _body()
        at = _moment(_word(body, "at"))
        assert at is not None
        store.move_clock(_word(body, "party"), at)
        return jsonify(ok=True)

    @app.post("/control/correct")
    def correct() -> Any:
        return jsonify(store.correct(_word(_body(), "reference")))

    @app.get("/control/journal")
    def journal() -> Any:
        return jsonify(store.journal())


def _body() -> dict[str, Any]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise ValueError("send a JSON object")
    return body


def _told(body: dict[str, Any]) -> Told:
    amount = body.get("amount")
    if type(amount) is not int or not 0 < amount <= 10**14:
        raise ValueError("amount must be fen above 0, as a whole number")
    movement = _word(body, "movement")
    if movement not in MOVEMENTS:
        raise ValueError(f"movement must be one of {', '.join(MOVEMENTS)}")
    return Told(
        reference=_word(body, "reference"),
        movement=movement,
        party=_word(body, "party"),
        account=_word(body, "account", optional=True) or None,
        amount_fen=amount,
        at=_moment(_word(body, "at", optional=True) or None),
        failure=_word(body, "failure", optional=True) or None,
    )


def _word(body: dict[str, Any], name: str, *, optional: bool = False) -> str:
    value = body.get(name)
    if value is None and optional:
        return ""
    if not isinstance(value, str) or not 0 < len(value) <= 200 or not value.isprintable():
        raise ValueError(f"{name} must be a text of 1 to 200 characters")
    return value


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs its zone, such as 2026-11-23T04:00:00+00:00")
    return moment
