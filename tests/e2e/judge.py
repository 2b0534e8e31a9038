"""What a browser says of a page as it was served: axe, width, text at 200 %, the keyboard, and the policy."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.e2e.every_page import LANGUAGES, Page

ROOT = Path(__file__).parents[2]
AXE = ROOT / "sdk/js-snippet/node_modules/axe-core/axe.min.js"
CHROMIUM = os.environ.get("CHROMIUM") or next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))),
    None,
)
WIDTHS, SCHEMES = (320, 390, 1280), ("light", "dark")
EVERY = tuple(itertools.product(WIDTHS, LANGUAGES, SCHEMES))
FEW = ((320, "zh-CN", "light"), (1280, "en", "dark"))
"""In each run: the narrowest and the widest, each with another language and scheme."""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SERVED = {
    "gateway": {"/static/": ROOT / "gateway/web/static"},
    "portal": {
        "/static/": ROOT / "merchant_portal/static",
        "/portal/static/": ROOT / "merchant_portal/static",
    },
    "bank": {"/setup/": ROOT / "gateway/institution/fake_bank/templates"},
    "shop": {"/static/": ROOT / "examples/phones/static"},
}
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
CUT = """() => [...document.querySelectorAll("main *")].filter(one => {
  const style = getComputedStyle(one), box = one.getBoundingClientRect();
  return box.width > 1 && box.right > innerWidth + 1 && style.position !== "absolute"
    && !one.closest(".scroll, .tabs, nav, pre, .hide, svg, .bleed");
}).map(one => one.tagName + "." + one.className).slice(0, 3)"""
TABBED = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  if (!one.dataset.tab) one.dataset.tab = Math.random();
  const style = getComputedStyle(one), box = one.getBoundingClientRect();
  const seen = style.outlineStyle !== "none" || style.boxShadow !== "none";
  return [one.dataset.tab, seen || ["date", "month"].includes(one.type),
          box.width > 0, one.outerHTML.slice(0, 90)];
}"""
REACHABLE = """() => [...document.querySelectorAll(
  'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]')].filter(one =>
  one.tabIndex >= 0 && !one.disabled && one.checkVisibility() && !(one.type === "radio" && (!one.checked
  && document.querySelector(`input[name="${one.name}"]:checked`) || one !== document.querySelector(
  `input[name="${one.name}"]:checked`) && one !== document.querySelector(`input[name="${one.name}"]`)))).length"""

TWICE = """() => {
  const html = document.documentElement, names = ["tiny", "small", "less", "body", "h2", "h1", "large", "huge"];
  const part = document.body.matches(".dense") ? document.body : html, now = getComputedStyle(part);
  const sizes = names.map(one => now.getPropertyValue(`--text-${one}`));
  names.forEach((one, place) => part.style.setProperty(`--text-${one}`, `calc(2 * ${sizes[place]})`));
}"""
TO_THE_TOP = """() => {
  document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute("tabindex"); scrollTo(0, 0);
}"""
PARTS_OF_A_DATE = 5
"""A date has its own stops: day, month, year and the calendar."""


class Judge:
    """One browser tab of a width, language and scheme."""

    def __init__(self, tab: Any, width: int) -> None:
        self.tab, self.width, self.shown = tab, width, None
        self.complaints: list[str] = []
        tab.route("**/*", self._answer)
        tab.on("console", self._note)

    def _note(self, said: Any) -> None:
        if "Content Security Policy" in said.text:
            self.complaints.append(said.text)

    def _answer(self, route: Any) -> None:
        path = urlsplit(route.request.url).path
        page: Page = self.shown  # type: ignore[assignment]
        if path == "/page":
            headers = {"Content-Security-Policy": page.policy} if page.policy else {}
            route.fulfill(body=page.html, content_type="text/html; charset=utf-8", headers=headers)
            return
        for prefix, folder in SERVED[page.site].items():
            file = folder / path.removeprefix(prefix)
            if path.startswith(prefix) and file.is_file():
                route.fulfill(body=file.read_bytes(), content_type=KINDS[file.suffix])
                return
        route.fulfill(status=404, body="")

    def open(self, page: Page) -> None:
        """Show a page."""
        self.shown, self.complaints = page, []  # type: ignore[assignment]
        host = "localhost" if page.site == "shop" else "pages.test"  # whose own address it links its files by
        self.tab.goto(f"http://{host}/page")

    def faults(self, axe: str) -> list[str]:
        """What is wrong with the page that is shown: axe's rules, anything outside the window, the policy."""
        self.tab.evaluate(axe)
        options = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]}
        found = self.tab.evaluate("options => axe.run(document, options)", options)
        said = [
            f"{one['id']}: {one['nodes'][0]['html'][:160]} {one['nodes'][0]['failureSummary'][-220:]!r}"
            for one in found["violations"]
        ]
        over = self.tab.evaluate("document.documentElement.scrollWidth - innerWidth")
        if over > 0:
            said.append(f"wider than the window by {over} px: {self.tab.evaluate(CUT)}")
        return said + self.complaints

    def larger(self) -> list[str]:
        """What does not fit when text is twice as large: the sizes of text are tokens, so the tokens are doubled."""
        self.tab.evaluate(TWICE)
        over = self.tab.evaluate("document.documentElement.scrollWidth - innerWidth")
        return [f"with text of 200 % wider by {over} px: {self.tab.evaluate(CUT)}"] if over > 0 else []

    def keyboard(self) -> list[str]:
        """What the Tab key does not reach, or reaches without showing it."""
        wanted, seen, said = self.tab.evaluate(REACHABLE), set(), []
        self.tab.evaluate(TO_THE_TOP)
        last = ""
        for _ in range(PARTS_OF_A_DATE * wanted):
            self.tab.keyboard.press("Tab")
            at = self.tab.evaluate(TABBED)
            if at is None or at[0] in seen - {last}:
                break
            last = at[0]
            seen.add(last)
            if not at[1] and at[2]:
                said.append(f"focus is not seen: {at[3]}")
        if len(seen) < wanted:
            said.append(f"Tab reaches {len(seen)} of {wanted}")
        return said


@contextmanager
def judges(combinations: Any) -> Iterator[Iterator[tuple[str, str, Judge]]]:
    """A browser, and a tab for each combination, one after the other: its name, its language, its judge."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    with sync_playwright() as engine:
        browser = engine.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )

        def each() -> Iterator[tuple[str, str, Judge]]:
            for width, language, scheme in combinations:
                context = browser.new_context(
                    viewport={"width": width, "height": 844}, color_scheme=scheme, locale=language
                )
                yield f"{width} {language} {scheme}", language, Judge(context.new_page(), width)
                context.close()

        yield each()
        browser.close()
