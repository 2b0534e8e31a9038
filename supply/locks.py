"""The lock files: every package with its version and the hashes that an installation accepts."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from supply import ROOT

PYTHON = {"demo.txt": "required", "spark.txt": "optional", "test.txt": "excluded", "node.txt": "excluded"}
"""Our Python locks, and whether what only they name is part of a running gateway, in the words of CycloneDX."""
NPM = (Path("sdk/js-snippet/package-lock.json"), Path("tests/oauth_client/package-lock.json"))
"""What builds and tests the snippet, and an OAuth client that only the tests use. Neither ships a package."""
REQUIREMENT = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)\s*(?:;\s*(?P<marker>[^\\]+?))?\s*\\?$"
)
HASH = re.compile(r"^\s+--hash=sha256:([0-9a-f]{64})\s*\\?$")


class LockError(ValueError):
    """A lock file has a line that is not understood; the message names file and line."""


@dataclass(frozen=True, slots=True)
class Package:
    """One version of one package; ``hashes`` are pairs of algorithm and hexadecimal digest."""

    ecosystem: str
    name: str
    version: str
    hashes: tuple[tuple[str, str], ...]
    scope: str
    marker: str = ""

    @property
    def purl(self) -> str:
        """The package URL, such as ``pkg:pypi/flask@3.1.3``."""
        return f"pkg:{self.ecosystem.lower()}/{self.name.replace('@', '%40')}@{self.version}"


def packages(root: Path = ROOT) -> list[Package]:
    """All locked packages once, those of the running gateway first named. Raises ``LockError``."""
    known: dict[str, Package] = {}
    for file, scope in PYTHON.items():
        for package in read_requirements(root / "requirements" / file, scope):
            known.setdefault(package.purl, package)
    for path in NPM:
        for package in read_package_lock(root / path):
            known.setdefault(package.purl, package)
    return [known[purl] for purl in sorted(known)]


def read_requirements(path: Path, scope: str) -> Iterator[Package]:
    """The packages of a lock of pip. Raises ``LockError``."""
    name, version, marker, hashes = "", "", "", list[tuple[str, str]]()

    def whole() -> Package:
        if not hashes:
            raise LockError(f"{path}: {name}=={version} has no hash: run requirements/lock.")
        return Package("PyPI", name, version, tuple(sorted(hashes)), scope, marker)

    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if found := HASH.match(line):
            hashes.append(("SHA-256", found[1]))
        elif found := REQUIREMENT.match(line):
            if name:
                yield whole()
            name = re.sub(r"[-_.]+", "-", found["name"]).lower()
            version, marker, hashes = found["version"], found["marker"] or "", []
        elif line.strip() and not line.lstrip().startswith("#"):
            raise LockError(f"{path}, line {number}: {line.strip()!r} is neither NAME==VERSION nor a hash.")
    if name:
        yield whole()


def read_package_lock(path: Path) -> Iterator[Package]:
    """The packages of a lock of npm. Raises ``LockError``."""
    for place, entry in json.loads(path.read_text("utf-8"))["packages"].items():
        if not place:  # the package itself
            continue
        name = entry.get("name") or place.rpartition("node_modules/")[2]
        algorithm, _, digest = entry.get("integrity", "").partition("-")
        if algorithm != "sha512":
            raise LockError(f"{path}: {name} has no sha512 integrity: run npm install.")
        yield Package(
            "npm", name, entry["version"], (("SHA-512", base64.b64decode(digest).hex()),), "excluded"
        )
