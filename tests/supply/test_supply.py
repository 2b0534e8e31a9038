"""What a release is made of: every locked package is named, known holes are found, and files prove their commit."""

from __future__ import annotations

import base64
import configparser
import hashlib
import json
import os
import re
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

import fenqi
import gateway
from gateway.config import WrongSetting
from gateway.process import server
from supply import ROOT, advisories, release, sbom
from supply.__main__ import main
from supply.locks import LockError, packages, read_requirements


def locked() -> dict[str, set[str]]:
    """Name, version and hashes of every locked package, read from the locks in another way than the product does."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / "requirements").glob("*.txt"):
        if path.name == "yardstick.txt":  # what is only measured beside, in an environment of its own
            continue
        for block in re.split(r"\n(?=\S)", path.read_text("utf-8")):
            name, version = re.match(r"([\w.-]+)==([^\s;]+)", block).groups()
            found.setdefault(f"{name} {version}", set()).update(re.findall(r"sha256:(\w+)", block))
    for place in ("sdk/js-snippet", "tests/oauth_client"):
        for path, entry in json.loads((ROOT / place / "package-lock.json").read_text("utf-8"))[
            "packages"
        ].items():
            if path:
                digest = base64.b64decode(entry["integrity"].removeprefix("sha512-")).hex()
                found.setdefault(f"{path.split('node_modules/')[-1]} {entry['version']}", set()).add(digest)
    return found


def test_the_bill_of_materials_names_each_locked_package_with_its_hashes_and_nothing_else(tmp_path):
    document = sbom.build()
    assert {
        f"{part['name']} {part['version']}": {one["content"] for one in part["hashes"]}
        for part in document["components"]
    } == locked()
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    references = [part["bom-ref"] for part in document["components"]]
    assert len(references) == len(set(references))
    assert all(re.fullmatch(r"pkg:(pypi|npm)/[%\w./-]+@[\w.+-]+", reference) for reference in references)
    running = {part["name"] for part in document["components"] if part["scope"] == "required"}
    assert {"flask", "cryptography"} < running
    assert not running & {"pytest", "schemathesis", "esbuild"}
    assert main(["sbom", "--out", str(tmp_path / "a.json")]) == 0
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == document, (
        "the same locks, the same document"
    )


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("flask==3.1.3\n", "flask==3.1.3 has no hash"),
        ("flask==3.1.3 \\\n    --hash=md5:12\n", "line 2: '--hash=md5:12'"),
        ("flask>=3\n", "line 1: 'flask>=3'"),
    ],
)
def test_a_lock_that_does_not_lock_is_refused_naming_the_line(tmp_path, line, told):
    (tmp_path / "demo.txt").write_text(line, "utf-8")
    with pytest.raises(LockError, match=re.escape(told)):
        list(read_requirements(tmp_path / "demo.txt", "required"))


@pytest.mark.parametrize(
    ("version", "vulnerable"),
    [
        ("0.9", False),
        ("1.0rc1", False),
        ("1.0", True),
        ("1.9.10", True),
        ("2.0rc1", True),
        ("2.0", False),
        ("2.5", False),
        ("3.0", True),
        ("3.1", True),
        ("3.1.post1", False),
        ("10.0", False),
    ],
)
def test_ranges_are_compared_as_versions(version, vulnerable):
    events = [{"introduced": "1.0"}, {"fixed": "2.0"}, {"introduced": "3.0"}, {"last_affected": "3.1"}]
    assert advisories.within(version, events) is vulnerable
    assert advisories.within(version, reversed(events)) is vulnerable


def test_a_planted_vulnerable_version_is_found_and_the_locks_have_none(capsys, tmp_path):
    snapshot = advisories.load()
    (flask,) = (package for package in packages() if package.name == "flask")
    planted = replace(flask, version="3.1.2")
    (finding,) = advisories.findings([planted], snapshot["advisories"])
    assert str(finding).startswith("flask 3.1.2: PYSEC-2026-2151, CVE-2026-27205")
    assert str(finding).endswith("(fixed in 3.1.3)")
    other = replace(planted, ecosystem="npm")
    assert not advisories.findings([other], snapshot["advisories"]), "a namesake elsewhere"
    assert main(["advisories"]) == 0, capsys.readouterr().out
    assert re.search(r"\d{3} packages, \d+ advisories of \d{4}-\d\d-\d\d: 0 found\.", capsys.readouterr().out)
    affected = {
        "package": {"ecosystem": "PyPI", "name": "Flask"},
        "ranges": [{"events": [{"introduced": "0"}]}],
    }
    wrong = {"id": "X-1", "summary": "planted", "affected": [affected]}
    (tmp_path / "old.json").write_text(json.dumps({"snapshot": "2020-01-01", "advisories": [wrong]}), "utf-8")
    assert main(["advisories", "--snapshot", str(tmp_path / "old.json")]) == 1
    told = capsys.readouterr()
    assert f"flask {flask.version}: X-1: planted (no fixed version is known)" in told.out
    assert "days old" in told.err


def test_age_alone_fails_nothing():
    assert advisories.age_days({"snapshot": "2026-11-29"}, date(2027, 1, 8)) == 40
    for entry in advisories.load()["advisories"]:
        assert re.match(r"CVE-|GHSA-|PYSEC-", entry["id"])
        assert entry["affected"][0]["ranges"]


def test_two_builds_of_a_distribution_are_the_same_bytes(tmp_path):
    """The SDK, as the small one; ``./run supply verify --rebuild`` does it for all of a release."""
    made = []
    for name, time in (("first", 1_000_000_000), ("second", 1_700_000_000)):
        tree, out = tmp_path / name, tmp_path / f"out-{name}"
        shutil.copytree(ROOT / "sdk/python", tree, ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
        for path in tree.rglob("*"):
            os.utime(path, (time, time))
        out.mkdir()
        release.build_distribution(tree, out, epoch=1_790_000_000)
        made.append({path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in out.iterdir()})
    assert made[0] == made[1]
    assert sorted(path.rpartition("-")[2] for path in made[0]) == [f"{fenqi.__version__}.tar.gz", "any.whl"]


def test_a_changed_missing_or_added_file_of_a_release_is_named(tmp_path):
    out, tree = tmp_path / "out", ROOT
    out.mkdir()
    (out / "fenqi.whl").write_bytes(b"wheel")
    (out / "fenqi.js").write_bytes(b"script")
    made = release.statement(out, tree, revision="0" * 40, epoch=0)
    assert made["predicateType"] == "https://slsa.dev/provenance/v1"
    assert [subject["name"] for subject in made["subject"]] == ["fenqi.js", "fenqi.whl"]
    materials = made["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert materials[0]["digest"] == {"gitCommit": "0" * 40}
    for material in materials[1:]:
        text = (ROOT / material["name"]).read_bytes()
        assert material["digest"] == {"sha256": hashlib.sha256(text).hexdigest()}
    with pytest.raises(release.ReleaseError, match="missing or is not a statement"):
        release.verify(out)
    (out / release.STATEMENT).write_text(json.dumps(made), "utf-8")
    release.verify(out)
    (out / "extra").write_bytes(b"")
    with pytest.raises(release.ReleaseError, match=r"extra is not in the statement"):
        release.verify(out)
    (out / "extra").unlink()
    (out / "fenqi.js").write_bytes(b"other")
    with pytest.raises(release.ReleaseError, match=r"fenqi\.js has the hash .*; the statement says "):
        release.verify(out)
    (out / "fenqi.js").unlink()
    assert main(["verify", str(out)]) == 1
    with pytest.raises(release.ReleaseError, match="not empty"):
        release.build(out)


def test_gateway_and_sdk_are_one_release(monkeypatch):
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", "utf-8")
    ours = config["metadata"]["version"]
    required = [
        line for line in config["options"]["install_requires"].splitlines() if line.startswith("fenqi")
    ]
    assert required == [f"fenqi=={ours}"]
    assert gateway.__version__ == fenqi.__version__ == ours
    server.check_sdk_version()
    monkeypatch.setattr(fenqi, "__version__", "0.0.9")
    with pytest.raises(
        WrongSetting, match=r"fenqi 0\.0\.9 is installed with fenqi-gateway .*Install fenqi=="
    ):
        server.check_sdk_version()


def test_the_shop_pins_the_script_that_is_built():
    pinned = json.loads((ROOT / "examples/phones/snippet.json").read_text("utf-8"))
    scripts = ROOT / "gateway/web/static/js"
    script = (scripts / f"v{pinned['version']}" / "fenqi.js").read_bytes()
    digest = base64.b64encode(hashlib.sha384(script).digest()).decode()
    assert pinned["integrity"] == f"sha384-{digest}"
    assert (
        json.loads((scripts / "versions.json").read_text("utf-8"))[pinned["version"]] == pinned["integrity"]
    )
    assert (
        pinned["version"]
        == json.loads(Path(ROOT / "sdk/js-snippet/package.json").read_text("utf-8"))["version"]
    )
