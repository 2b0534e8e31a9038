"""The door of the shopper's own place: which mode a page is of, who has proved a phone in this browser, and its links.

The pages stand at ``/my`` for live mode and at ``/my/test`` for test mode. A session opens one mode and one person; the
two modes have a cookie each and never meet. Every page but the login needs a session.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Blueprint, Flask, Response, current_app, g, make_response, redirect, request

from gateway.core.tenant import Mode
from gateway.db.transactions import READ_COMMITTED
from gateway.identity import sessions
from gateway.my.navigation import NAVIGATION, Entry
from gateway.payments.methods import service as methods
from gateway.web import cookies, own_forms
from gateway.web.context import gateway
from gateway.web.i18n import catalogue, language, with_language

View = TypeVar("View", bound=Callable[..., Any])
blueprint = Blueprint("my", __name__, template_folder="templates")
"""Mounted twice, once for each mode."""
PREFIXES: dict[Mode, str] = {"live": "/my", "test": "/my/test"}
COOKIES: dict[Mode, str] = {"live": "fenqi_my", "test": "fenqi_my_test"}
BEFORE_LOGIN = "before_login"
LONGEST_FORM = 32 * 1024
"""Bytes: a Chinese character takes nine of them in a form, and a complaint has up to 2,000."""


def register(app: Flask) -> None:
    """Mount the pages on ``app``, once for each mode."""
    app.jinja_env.globals.update(
        my_url=url, my_mode=mode, my_navigation=_navigation, my_done=lambda: catalogue(language())
    )
    app.register_blueprint(blueprint, url_prefix=PREFIXES["test"], name="my_test")
    app.register_blueprint(blueprint, url_prefix=PREFIXES["live"], name="my")


def before_login(view: View) -> View:
    """Let a page be seen without a session."""
    setattr(view, BEFORE_LOGIN, True)
    return view


@blueprint.before_request
def guard() -> Response | None:
    """Refuse forms of other sites; without a session, lead to the login."""
    if request.method == "POST":
        own_forms.refuse_foreign(longest=LONGEST_FORM)
    if getattr(current_app.view_functions.get(request.endpoint or ""), BEFORE_LOGIN, False):
        return None
    if find_session() is None:
        return forget(to("login"))
    return None


def mode() -> Mode:
    """In which mode the page of this request is."""
    return "test" if request.blueprint == "my_test" else "live"


def url(path: str = "") -> str:
    """The address of a page of the shopper's own place, in the mode and language of this request."""
    prefix = PREFIXES[mode()]
    return with_language(f"{prefix}/{path}" if path and not path.startswith("?") else f"{prefix}{path}")


def find_session() -> sessions.ShopperSession | None:
    """The session that the browser's cookie opens, noted as in use; None without one."""
    if "my_session" not in g:
        here, cookie = gateway(), request.cookies.get(_cookie(), "")
        with here.db.read() as tx:
            g.my_session = sessions.of_cookie(tx, here.vault, cookie, mode()) if cookie else None
            seldom = g.my_session is not None and sessions.is_seldom_seen(tx, g.my_session)
        if seldom:
            here.db.write(lambda tx: sessions.touch(tx, g.my_session.id), READ_COMMITTED)
    found: sessions.ShopperSession | None = g.my_session
    return found


def session() -> sessions.ShopperSession:
    """The session of this request, which the guard has found."""
    found = find_session()
    assert found is not None, "the guard lets nobody in without a session"
    return found


def shopper_id() -> str:
    """Whose pages these are."""
    return session().shopper_id


def remember(response: Response, cookie: str) -> Response:
    """Let the browser keep a session."""
    life = int(sessions.LIFE.total_seconds())
    response.set_cookie(_cookie(), cookie, max_age=life, **cookies.options())
    return response


def forget(response: Response) -> Response:
    """Let the browser forget its session."""
    response.delete_cookie(_cookie(), **cookies.options())
    return response


def to(path: str = "") -> Response:
    """On to a page, after a form."""
    return make_response(redirect(url(path), 303))


def _navigation() -> list[Entry]:
    offered = methods.origin(gateway(), mode()) is not None
    return [entry for entry in NAVIGATION if offered or not entry.for_cards]


def _cookie() -> str:
    return cookies.name_of(COOKIES[mode()])
