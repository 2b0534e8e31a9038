"""Known vulnerabilities of the locked packages, from a snapshot in the repository: it works without a network.

The snapshot holds only what its sources said on its day: with a network, also ask a full database, for instance
with ``pip-audit --requirement requirements/demo.txt``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import Version

from supply.locks import Package

SNAPSHOT = Path(__file__).parent / "advisories.json"
STALE_DAYS = 30
"""The number of days after which the snapshot is called old; nothing fails because of its age."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A locked package with a known vulnerability."""

    package: Package
    advisory: dict[str, Any]

    def __str__(self) -> str:
        names = ", ".join([self.advisory["id"], *self.advisory.get("aliases", ())])
        fixes = [event["fixed"] for event in _events(self.advisory, self.package.name) if "fixed" in event]
        remedy = f"fixed in {', '.join(fixes)}" if fixes else "no fixed version is known"
        return f"{self.package.name} {self.package.version}: {names}: {self.advisory['summary']} ({remedy})"


def load(path: Path = SNAPSHOT) -> dict[str, Any]:
    """The snapshot: its day, its sources, and advisories in the form of OSV."""
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def findings(packages: Iterable[Package], advisories: Iterable[dict[str, Any]]) -> list[Finding]:
    """Every package that an advisory names, in a version within its ranges."""
    known = list(advisories)
    return [
        Finding(package, advisory)
        for package in packages
        for advisory in known
        if any(
            affected["package"]["ecosystem"] == package.ecosystem
            and _name(affected["package"]) == canonicalize_name(package.name)
            and any(within(package.version, one["events"]) for one in affected["ranges"])
            for affected in advisory["affected"]
        )
    ]


def within(version: str, events: Iterable[dict[str, str]]) -> bool:
    """Whether a version lies in a range of OSV: from ``introduced`` up to before ``fixed``, or ``last_affected``."""
    inside, here = False, Version(version)
    for event in sorted(events, key=_place):
        if "introduced" in event:
            inside = inside or event["introduced"] == "0" or here >= Version(event["introduced"])
        elif "fixed" in event:
            inside = inside and here < Version(event["fixed"])
        else:
            inside = inside and here <= Version(event["last_affected"])
    return inside


def age_days(snapshot: dict[str, Any], today: date) -> int:
    """How old the snapshot is."""
    return (today - date.fromisoformat(snapshot["snapshot"])).days


def _place(event: dict[str, str]) -> tuple[Version, bool]:
    (kind, text), *_ = event.items()
    return Version(text), kind == "last_affected"


def _name(package: dict[str, str]) -> str:
    return canonicalize_name(package["name"])


def _events(advisory: dict[str, Any], name: str) -> list[dict[str, str]]:
    return [
        event
        for affected in advisory["affected"]
        if _name(affected["package"]) == canonicalize_name(name)
        for one in affected["ranges"]
        for event in one["events"]
    ]
