"""What the shopper's own place leads to: one line for each page that stands in its navigation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """A page in the navigation: its path below the place, and the key of its words."""

    path: str
    words: str
    for_cards: bool = False
    """Whether it is shown only where the payment institution takes repayment cards."""


NAVIGATION: list[Entry] = [
    Entry("", "my.nav.loans"),
    Entry("method", "my.nav.method", for_cards=True),
    Entry("messages", "my.nav.messages"),
    Entry("help", "my.nav.help"),
    Entry("data", "my.nav.data"),
    Entry("devices", "my.nav.devices"),
]
"""In the order in which they are shown; a new page adds its line."""
