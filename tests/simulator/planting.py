"""Planted bugs: patches against the product, each a fault that real payment systems have had.

A patch is a unified diff whose first line says what is wrong: ``planted/NN-name.patch``. Where lines have moved since
it was made it still applies, as long as what it changes and a line beside it are there once; ``refresh`` then writes it
anew: ``python -m tests.simulator.planting``.
"""

from __future__ import annotations

import difflib
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATCHES = Path(__file__).parent / "planted"
CONTEXT = 3
NEEDED = ("gateway", "scoring", "sdk", "merchant_portal", "tests", "setup.cfg", "pyproject.toml")
"""What the simulator runs on."""
SPARED = shutil.ignore_patterns("node_modules", ".venv", "planted", "*.egg-info")


class DoesNotApply(Exception):
    """A patch changes lines that are not in the tree, or are there more than once."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines that become other lines; each begins with `` ``, ``-`` or ``+``."""

    lines: tuple[str, ...]

    def sides(self, context: int) -> tuple[list[str], list[str]]:
        """The lines before and after, with at most so much context at either end."""
        changed = [number for number, line in enumerate(self.lines) if line[0] != " "]
        kept = self.lines[max(0, changed[0] - context) : changed[-1] + 1 + context]
        before = [line[1:] for line in kept if line[0] != "+"]
        return before, [line[1:] for line in kept if line[0] != "-"]

    def applied(self, lines: list[str]) -> list[str]:
        """``lines`` after the change. Raises ``DoesNotApply``."""
        for context in range(CONTEXT, 0, -1):
            before, after = self.sides(context)
            places = [n for n in range(len(lines)) if lines[n : n + len(before)] == before]
            if len(places) == 1:
                return lines[: places[0]] + after + lines[places[0] + len(before) :]
        raise DoesNotApply("".join(self.lines))


@dataclass(frozen=True)
class Bug:
    """A patch: its number and name, what is wrong in one sentence, and its changes by file."""

    path: Path

    @property
    def name(self) -> str:
        """Without its number: ``void-keeps-limit``."""
        return self.path.stem.partition("-")[2]

    @cached_property
    def _text(self) -> list[str]:
        return self.path.read_text(encoding="utf-8").splitlines(keepends=True)

    @property
    def what(self) -> str:
        """The first line: what is wrong."""
        return self._text[0].removeprefix("#").strip()

    @cached_property
    def hunks(self) -> dict[str, list[Hunk]]:
        """The changes by the path of their file."""
        found: dict[str, list[list[str]]] = {}
        for line in self._text[1:]:
            if line.startswith("--- "):
                continue
            if line.startswith("+++ b/"):
                hunks = found.setdefault(line[6:].strip(), [])
            elif line.startswith("@@"):
                hunks.append([])
            elif hunks and line[0] in " +-":
                hunks[-1].append(line)
        return {path: [Hunk(tuple(lines)) for lines in hunks] for path, hunks in found.items()}

    def planted(self, root: Path = ROOT) -> dict[str, tuple[str, str]]:
        """The text of each file it changes, before and after. Raises ``DoesNotApply``."""
        texts = {}
        for path, hunks in self.hunks.items():
            before = (root / path).read_text(encoding="utf-8")
            lines = before.splitlines(keepends=True)
            for hunk in hunks:
                try:
                    lines = hunk.applied(lines)
                except DoesNotApply as error:
                    raise DoesNotApply(f"{self.path.name} does not apply to {path}:\n{error}") from None
            texts[path] = (before, "".join(lines))
        return texts


def bugs(names: tuple[str, ...] | list[str] = ()) -> list[Bug]:
    """The planted bugs in their order, or those that are named, with their number or without."""
    every = [Bug(path) for path in sorted(PATCHES.glob("*.patch"))]
    known = {word: bug for bug in every for word in (bug.name, bug.path.stem, bug.path.stem[:2])}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SystemExit(
            f"There is no planted bug {unknown[0]!r}; there are {', '.join(bug.name for bug in every)}."
        )
    return [known[name] for name in names] if names else every


def copy_tree(to: Path) -> None:
    """The product and the simulator once more, as links where the disk is the same."""
    for name in NEEDED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, to / name, copy_function=_link, ignore=SPARED)
        else:
            _link(str(source), str(to / name))


@contextmanager
def compiled(root: Path) -> Iterator[None]:
    """Where compiled modules are kept apart from the sources, those of a copied tree are there, too."""
    kept = Path(f"{sys.pycache_prefix}{root}")
    if sys.pycache_prefix is not None:
        for name in NEEDED:
            if Path(f"{sys.pycache_prefix}{ROOT / name}").is_dir():
                shutil.copytree(f"{sys.pycache_prefix}{ROOT / name}", kept / name, copy_function=_link)
    try:
        yield
    finally:
        shutil.rmtree(kept, ignore_errors=True)
        with suppress(OSError):
            kept.parent.rmdir()


def plant(bug: Bug, root: Path) -> None:
    """Change the files of a copied tree; what they were linked to stays as it is."""
    for path, (_, after) in bug.planted(root).items():
        (root / path).unlink()
        (root / path).write_text(after, encoding="utf-8")


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def diff(what: str, texts: Mapping[str, tuple[str, str]]) -> str:
    """The text of a patch."""
    return "".join(_diff(what, texts))


def _diff(what: str, texts: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    yield f"# {what}\n"
    for path, (before, after) in texts.items():
        sides = (before.splitlines(keepends=True), after.splitlines(keepends=True))
        yield from difflib.unified_diff(*sides, f"a/{path}", f"b/{path}", n=CONTEXT)


def refresh() -> list[str]:
    """Write patches anew whose surroundings have moved; returns their names. Raises ``DoesNotApply``."""
    moved = []
    for bug in bugs():
        text = diff(bug.what, bug.planted())
        if text != "".join(bug._text):
            bug.path.write_text(text, encoding="utf-8")
            moved.append(bug.name)
    return moved


if __name__ == "__main__":
    print("written anew:", ", ".join(refresh()) or "none")
