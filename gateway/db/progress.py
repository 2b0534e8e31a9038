"""Progress of long reads: a bar on a terminal, nothing in a log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

Progress = Callable[[str, int, int], None]
"""Told what is read, how much of it is done, and how much there is."""


def silent(_what: str, _done: int, _total: int) -> None:
    """Tell nobody."""


@contextmanager
def bar() -> Iterator[Progress]:
    """A bar on standard error, gone when all is done; none when that is no terminal."""
    with tqdm(leave=False, disable=None, unit_scale=True) as shown:
        reading = ""

        def show(what: str, done: int, total: int) -> None:
            nonlocal reading
            if what != reading:
                reading = what
                shown.reset(total)
                shown.set_description(what, refresh=False)
            shown.update(done - shown.n)

        yield silent if shown.disable else show
