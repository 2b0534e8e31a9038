"""A release and its provenance: files built from one commit, the same bytes each time, and a statement of their hashes.

The statement has the form of in-toto with SLSA's predicate. It is not signed: the releaser signs it with a key of
their own, and anyone with the commit can build again and compare.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from supply import ROOT, sbom

STATEMENT = "provenance.intoto.json"
BILL = "sbom.cdx.json"
DISTRIBUTIONS = {"fenqi": Path("sdk/python"), "fenqi-gateway": Path()}
MATERIALS = (
    "requirements/demo.txt",
    "requirements/test.txt",
    "requirements/node.txt",
    "sdk/js-snippet/package-lock.json",
)
BUILD = "import sys, setuptools.build_meta as build; getattr(build, sys.argv[1])(sys.argv[2])"


class ReleaseError(Exception):
    """A release cannot be built or is not what its statement says; the message says which file and why."""


def build(out: Path, *, commit: str = "HEAD", root: Path = ROOT) -> dict[str, Any]:
    """Build ``commit`` into the empty folder ``out``; returns the statement. Raises ``ReleaseError``.

    Only what is committed goes in, whatever lies in the working tree.
    """
    if out.exists() and any(out.iterdir()):
        raise ReleaseError(f"{out} is not empty: name a new folder.")
    revision = _git(root, "rev-parse", "--verify", f"{commit}^{{commit}}")
    epoch = int(_git(root, "show", "--no-patch", "--format=%ct", revision))
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fenqi-release-") as folder:
        tree = Path(folder)
        _export(root, revision, tree)
        for place in DISTRIBUTIONS.values():
            build_distribution(tree / place, out, epoch=epoch)
        snippet = json.loads((tree / "examples/phones/snippet.json").read_text("utf-8"))
        name = f"fenqi-js-{snippet['version']}.js"
        shutil.copyfile(tree / f"gateway/web/static/js/v{snippet['version']}/fenqi.js", out / name)
        sbom.write(out / BILL, tree)
        made = statement(out, tree, revision=revision, epoch=epoch)
    (out / STATEMENT).write_text(json.dumps(made, indent=2) + "\n", "utf-8")
    return made


def build_distribution(source: Path, out: Path, *, epoch: int) -> None:
    """Wheel and source archive of one distribution. Raises ``ReleaseError``."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch), "PYTHONHASHSEED": "0"}
    with tempfile.TemporaryDirectory(prefix="fenqi-dist-") as folder:
        for step in ("build_sdist", "build_wheel"):
            done = subprocess.run(
                [sys.executable, "-c", BUILD, step, folder],
                cwd=source,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise ReleaseError(f"{step} failed in {source}:\n{done.stderr[-2000:]}")
        for made in Path(folder).iterdir():
            if made.name.endswith(".tar.gz"):
                _repack(made, out / made.name, epoch)
            else:
                shutil.copyfile(made, out / made.name)


def statement(out: Path, tree: Path, *, revision: str, epoch: int) -> dict[str, Any]:
    """What the files are, and what they were made of."""
    materials: list[dict[str, Any]] = [
        {"uri": "urn:fenqi:source", "name": "source", "digest": {"gitCommit": revision}}
    ]
    materials += [
        {"uri": f"file:{name}", "name": name, "digest": {"sha256": _sha256(tree / name)}}
        for name in MATERIALS
    ]
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": path.name, "digest": {"sha256": _sha256(path)}} for path in _files(out)],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "urn:fenqi:release:1",
                "externalParameters": {"commit": revision},
                "internalParameters": {
                    "SOURCE_DATE_EPOCH": epoch,
                    "python": platform.python_version(),
                    "setuptools": version("setuptools"),
                },
                "resolvedDependencies": materials,
            },
            "runDetails": {"builder": {"id": "urn:fenqi:run-supply-release"}},
        },
    }


def verify(
    out: Path, *, rebuild: bool = False, root: Path = ROOT, say: Callable[[str], None] = print
) -> None:
    """Compare a release with its statement, and with a build of its commit. Raises ``ReleaseError`` naming a file."""
    try:
        told = json.loads((out / STATEMENT).read_text("utf-8"))
        hashes = {subject["name"]: subject["digest"]["sha256"] for subject in told["subject"]}
        commit = told["predicate"]["buildDefinition"]["externalParameters"]["commit"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReleaseError(f"{out / STATEMENT} is missing or is not a statement: {error}") from None
    _compare({path.name: _sha256(path) for path in _files(out)}, hashes, "the statement")
    say(f"{len(hashes)} files are what {STATEMENT} says.")
    if rebuild:
        with tempfile.TemporaryDirectory(prefix="fenqi-again-") as folder:
            build(Path(folder), commit=commit, root=root)
            _compare({path.name: _sha256(path) for path in _files(Path(folder))}, hashes, "the statement")
        say(f"A build of {commit} makes the same bytes.")


def _compare(here: dict[str, str], told: dict[str, str], whose: str) -> None:
    for name in sorted(here.keys() | told.keys()):
        if name not in told:
            raise ReleaseError(f"{name} is not in {whose}.")
        if name not in here:
            raise ReleaseError(f"{name} is missing.")
        if here[name] != told[name]:
            raise ReleaseError(f"{name} has the hash {here[name]}; {whose} says {told[name]}.")


def _files(out: Path) -> list[Path]:
    return sorted(path for path in out.iterdir() if path.name != STATEMENT)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", root, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError(f"git {words[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


def _export(root: Path, revision: str, tree: Path) -> None:
    packed = subprocess.run(
        ["git", "-C", root, "-c", "tar.umask=0022", "archive", "--format=tar", revision],
        capture_output=True,
        check=True,
    )
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(tree, filter="tar")


def _repack(source: Path, target: Path, epoch: int) -> None:
    """The same source archive without what differs from build to build: times, owners, order."""
    plain = io.BytesIO()
    with tarfile.open(source) as old, tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as new:
        for member in sorted(old.getmembers(), key=lambda one: one.name):
            content = old.extractfile(member) if member.isfile() else None
            member.mtime, member.uid, member.gid, member.uname, member.gname = epoch, 0, 0, "", ""
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            member.pax_headers = {}
            new.addfile(member, content)
    with target.open("wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=epoch) as packed:
        packed.write(plain.getvalue())
