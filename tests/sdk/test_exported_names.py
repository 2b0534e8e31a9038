"""The public surface: ``sdk/python/api.txt`` lists it, and a change of either without the other fails.

Run this file to write the list anew: ``python tests/sdk/test_exported_names.py``.
"""

from __future__ import annotations

import builtins
import importlib
import inspect
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fenqi._resources._resource import Resource

DISTRIBUTION = Path(__file__).parents[2] / "sdk" / "python"
LISTING = DISTRIBUTION / "api.txt"
MODULES = ("fenqi", "fenqi.statements", "fenqi.testing", "fenqi.testing.wsgi", "fenqi.wsgi")
RESOURCES = {
    kind.__name__: kind
    for path in sorted((DISTRIBUTION / "src" / "fenqi" / "_resources").glob("[a-z]*.py"))
    for kind in vars(importlib.import_module(f"fenqi._resources.{path.stem}")).values()
    if inspect.isclass(kind) and issubclass(kind, Resource) and kind is not Resource
}


def listed() -> str:
    """Every public name with its signature or type, one a line."""
    lines = [line for module in MODULES for line in described(module)]
    return "\n".join(lines) + "\n"


def described(name: str) -> Iterator[str]:
    module = importlib.import_module(name)
    names = getattr(module, "__all__", None) or [
        key
        for key, value in vars(module).items()
        if getattr(value, "__module__", "") == name and key[0] != "_"
    ]
    for key in sorted(names):
        thing = getattr(module, key)
        if inspect.isclass(thing):
            yield f"class {name}.{key}{bases(thing)}"
            yield from (f"    {line}" for line in members(thing))
        elif callable(thing):
            yield f"def {name}.{key}{inspect.signature(thing)}"
        else:
            yield f"{name}.{key}: {type(thing).__name__}"


def bases(kind: type) -> str:
    """The bases a user can name: builtins and what the package exports."""
    exported = importlib.import_module("fenqi").__all__
    named = [
        base.__name__
        for base in kind.__bases__
        if base.__name__ in exported or hasattr(builtins, base.__name__)
    ]
    return f"({', '.join(name for name in named if name != 'object')})"


def members(kind: type) -> Iterator[str]:
    if "__init__" in vars(kind):
        yield f"__init__{signature(kind.__init__)}"
    for key, kept in sorted(kind.__annotations__.items() if "__annotations__" in vars(kind) else ()):
        if key[0] != "_":
            yield f"{key}: {kept}"
    for key, value in sorted(vars(kind).items()):
        if key[0] == "_" or key in getattr(kind, "__slots__", ()):
            continue
        if isinstance(value, property):
            kept = inspect.signature(value.fget).return_annotation  # type: ignore[arg-type]
            yield f"{key} -> {kept}"
            if kept in RESOURCES:
                yield from (f"    {line}" for line in members(RESOURCES[kept]))
        elif callable(value):
            yield f"{key}{signature(value)}"


def signature(function: Any) -> str:
    try:
        return str(inspect.signature(function))
    except ValueError:
        return "(...)"


def test_listing_equals_the_namespace() -> None:
    assert LISTING.read_text(encoding="utf-8") == listed(), (
        f"run python {Path(__file__).name} after reading the diff"
    )


def test_all_is_the_namespace_and_everything_in_it_is_documented() -> None:
    for name in ("fenqi", "fenqi.testing"):
        module = importlib.import_module(name)
        assert sorted(module.__all__) == list(module.__all__) == dir(module)
        assert len(set(module.__all__)) == len(module.__all__)
        for key in module.__all__:
            thing = getattr(module, key)
            assert key == "__version__" or inspect.getdoc(thing), f"{name}.{key} has no docstring"
            if inspect.isclass(thing) and key != "Product":
                for member, value in vars(thing).items():
                    public = member[0] != "_" and (inspect.isfunction(value) or isinstance(value, property))
                    assert not public or inspect.getdoc(value), f"{name}.{key}.{member} has no docstring"
        with pytest.raises(AttributeError, match="no attribute 'nothing'"):
            module.nothing  # noqa: B018


def test_names_for_type_checkers_are_the_exported_ones() -> None:
    """The lazy ``__init__`` says each name twice: for the reader of types, and for the running program."""
    for name in ("fenqi", "fenqi.testing"):
        module = importlib.import_module(name)
        source = Path(module.__file__ or "").read_text(encoding="utf-8")
        typed = {
            line.rpartition(" as ")[2]
            for line in source.splitlines()
            if " import " in line and " as " in line
        }
        assert typed == set(module.__all__)


def test_resources_take_keywords_and_are_documented() -> None:
    assert len(RESOURCES) == 25
    for key, resource in RESOURCES.items():
        for member, value in vars(resource).items():
            if member[0] == "_" or not inspect.isfunction(value):
                continue
            assert inspect.getdoc(value), f"{key}.{member} has no docstring"
            kinds = [parameter.kind for parameter in inspect.signature(value).parameters.values()]
            assert kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD) <= (
                3 if member.startswith("download") else 2
            )


def test_wheel_holds_only_the_package(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(
        DISTRIBUTION, source, ignore=shutil.ignore_patterns("*.egg-info", "build", "dist", "__pycache__")
    )
    code = f"import setuptools.build_meta as b; b.build_wheel({str(tmp_path)!r})"
    built = subprocess.run(
        [sys.executable, "-c", code], cwd=source, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    wheel = next(tmp_path.glob("fenqi-*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read(next(name for name in names if name.endswith("METADATA"))).decode()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"fenqi"}
    assert {"fenqi/py.typed", "fenqi/testing/plugin.py"} <= set(names)
    assert wheel.stat().st_size < 120_000
    required = [
        line
        for line in metadata.splitlines()
        if line.startswith("Requires-Dist: ") and "extra ==" not in line
    ]
    assert [line.split()[1].partition(">")[0] for line in required] == ["requests"]


if __name__ == "__main__":
    LISTING.write_text(listed(), encoding="utf-8")
