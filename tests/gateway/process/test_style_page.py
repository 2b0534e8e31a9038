"""The page of components shows every macro and every class that pages share, in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.process import style
from tests.house.test_looks import COMPONENTS, part
from tests.one_database import database_url  # noqa: F401

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "gateway/process/templates/style.html"
MACROS = {
    "components": "gateway/web/templates/components.html",
    "parts": "gateway/checkout/templates/checkout/_parts.html",
    "mine": "gateway/my/templates/my/_parts.html",
}
OF_EACH_PAGE = {"skip", "mark", "foot", "top", "tabs", "act", "no-print", "banner"}
"""What the frame of a page has, or print leaves out."""
OF_THE_PORTAL = {"dense", "crumb", "bad", "narrow", "tight", "wrap", "strong", "center"}
"""Ways to set a component closer or narrower."""
IN_LISTS = {"side", "whole", "less", "none"}
"""Places in a card that a row becomes on a phone."""


@pytest.fixture
def pages(app):
    style.register(app)
    return app.test_client()


@pytest.mark.parametrize("name", MACROS)
def test_every_macro_has_a_place(name):
    defined = set(re.findall(r"\{% macro (\w+)\(", (ROOT / MACROS[name]).read_text("utf-8")))
    shown = set(re.findall(rf"\b{name}\.(\w+)\(", PAGE.read_text("utf-8")))
    assert defined == shown


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_every_component_is_on_the_page(pages, language):
    page = pages.get(f"/style?lang={language}")
    assert page.status_code == 200
    classes = {one for said in re.findall(r'class="([^"]*)"', page.text) for one in said.split()}
    sheet = re.sub(r"(?s)/\*.*?\*/|url\([^)]*\)|:is\([^)]*\)", "", part(COMPONENTS))
    wanted = {
        name
        for selector in re.findall(r"([^{}]+)\{", sheet)
        for name in re.findall(r"\.([a-z][\w-]*)", selector)
    }
    assert wanted - OF_EACH_PAGE - OF_THE_PORTAL - IN_LISTS <= classes
    if language == "en":
        assert not re.search(
            "[一-鿿]", re.sub(r'(?s)<article class="contract.*?</article>|星河 12|充电器|中文', "", page.text)
        )
