"""The agreements a shopper consents to: versioned texts, Chinese and English, hashed into the consent log."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from gateway.checkout.states import OPTIONAL_CONSENTS, REQUIRED_CONSENTS
from gateway.errors import NotFound

TEXTS = Path(__file__).parent / "texts"
KINDS = (*REQUIRED_CONSENTS, *OPTIONAL_CONSENTS)
VERSIONS = {
    "credit_service": ("2026-11-23", "2026-11-29", "2026-11-30"),
    "bureau_query": ("2026-11-23", "2026-11-30"),
    "funder_sharing": ("2026-11-23", "2026-11-30"),
    "marketing": ("2026-11-23",),
}
"""The versions of each text, oldest first. A text is never changed: those who agreed to it can read it as it was."""


def current(kind: str) -> str:
    """The version that is agreed to today."""
    return VERSIONS[kind][-1]


@cache
def text(kind: str, version: str, language: str) -> str:
    """The text of one version: the first line is the title, blank lines part paragraphs. Raises ``NotFound``."""
    if version not in VERSIONS.get(kind, ()):
        raise NotFound(f"There is no agreement {kind!r} of version {version!r}.")
    return (TEXTS / f"{kind}.{version}.{language}.txt").read_text("utf-8")


@cache
def sha256(kind: str, version: str) -> str:
    """Hash of both languages together: what a consent refers to."""
    both = text(kind, version, "zh-CN") + "\0" + text(kind, version, "en")
    return hashlib.sha256(both.encode()).hexdigest()
