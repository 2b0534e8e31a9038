"""Lists that fetch their next page by themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from ._errors import UnexpectedResponseError

T = TypeVar("T")


class Page(Generic[T]):
    """One page of a list. Iterating it goes on over all following pages; ``data`` holds this page only.

    ``has_more`` and ``next_cursor`` come from the gateway; pass the cursor to ``list(cursor=…)`` to go on
    later. ``pages()`` iterates page by page. ``limit`` of the list call counts objects over all pages.
    """

    __slots__ = ("_fetch", "_own_cursor", "_position", "_remaining", "data", "has_more", "next_cursor")

    def __init__(
        self,
        data: list[T],
        *,
        has_more: bool = False,
        next_cursor: str | None = None,
        limit: int | None = None,
        fetch: Callable[[str, int | None], Page[T]] | None = None,
        position: str | None = None,
        asked: str | None = None,
    ) -> None:
        self.data = data if limit is None else data[:limit]
        self.has_more = has_more
        self.next_cursor = next_cursor
        self._position = position if position is not None else next_cursor
        self._own_cursor = asked
        self._remaining = None if limit is None else limit - len(self.data)
        self._fetch = fetch

    def pages(self) -> Iterator[Page[T]]:
        """The page itself and every following one.

        Raises UnexpectedResponseError when the gateway says that more follows but not where, or names a place a
        second time: such a list would pass for a whole one.
        """
        page, seen = self, {self._own_cursor}
        while True:
            yield page
            position = page._position
            if page._fetch is None or not page.has_more or page._remaining == 0:
                return
            if position is None or position in seen:
                wrong = "gives no cursor" if position is None else f"repeats the cursor {position!r}"
                raise UnexpectedResponseError(
                    f"the list is incomplete: the gateway says that more follows and {wrong}", status=200
                )
            seen.add(position)
            page = page._fetch(position, page._remaining)

    def __iter__(self) -> Iterator[T]:
        for page in self.pages():
            yield from page.data

    def __repr__(self) -> str:
        return f"<Page of {len(self.data)}{', more follow' if self.has_more else ''}>"
