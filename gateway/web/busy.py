"""What a browser is shown while the server refuses: a page that needs nothing of the server, and reloads itself."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path

from jinja2 import Template

HERE = Path(__file__).parent
STYLE = (HERE / "static" / "busy.css").read_text("utf-8")
POLICY = (
    "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    f"style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
)


@cache
def page(*, again: bool) -> bytes:
    """The page in both languages; ``again`` says that it reloads by itself, which only what was a GET may do."""
    template = Template((HERE / "templates" / "busy.html").read_text("utf-8"), autoescape=False)
    return template.render(style=STYLE, again=again).encode()


def wanted(accept: str, path: str) -> bool:
    """Whether a person asks: a browser names HTML, and the API has no pages."""
    return "text/html" in accept and not path.startswith("/v1/")
