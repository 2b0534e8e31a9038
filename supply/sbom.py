"""The bill of materials, CycloneDX 1.6: every locked package with its version and hashes, and nothing else."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path
from typing import Any

from supply import ROOT
from supply.locks import Package, packages

NAMESPACE = uuid.UUID("4f0f3c3e-3a3c-5f0b-9a67-5d2f6a1f7a11")


def build(root: Path = ROOT) -> dict[str, Any]:
    """The document. The same locks make the same bytes: its serial number is drawn from its content."""
    components = [_component(package) for package in packages(root)]
    version = _version(root / "gateway/__init__.py", r'__version__ = "([^"]+)"')
    snippet = _version(root / "sdk/js-snippet/package.json", r'"version": "([^"]+)"')
    release = f"pkg:pypi/fenqi-gateway@{version}"
    ours = [_ours("fenqi", version, "pypi"), _ours("@fenqi/js", snippet, "npm")]
    needed = [part["bom-ref"] for part in components if part["scope"] == "required"]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(NAMESPACE, json.dumps(components, sort_keys=True))}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": release,
                "name": "fenqi-gateway",
                "version": version,
                "purl": release,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
                "components": ours,
            }
        },
        "components": components,
        "dependencies": [
            {"ref": release, "dependsOn": sorted([*needed, *(part["bom-ref"] for part in ours)])}
        ],
    }


def _component(package: Package) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": "library",
        "bom-ref": package.purl,
        "name": package.name,
        "version": package.version,
        "scope": package.scope,
        "purl": package.purl,
        "hashes": [{"alg": algorithm, "content": digest} for algorithm, digest in package.hashes],
    }
    if package.marker:
        found["properties"] = [{"name": "fenqi:environment-marker", "value": package.marker}]
    return found


def _ours(name: str, version: str, kind: str) -> dict[str, Any]:
    purl = f"pkg:{kind}/{name.replace('@', '%40')}@{version}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def _version(path: Path, pattern: str) -> str:
    found = re.search(pattern, path.read_text("utf-8"))
    assert found is not None, path
    return found[1]


def write(path: Path, root: Path = ROOT) -> int:
    """Write the document; returns how many packages it names."""
    document = build(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", "utf-8")
    return len(document["components"])
