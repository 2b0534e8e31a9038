"""Delta debugging: the shortest story that still shows the same, first by leaving out steps, then faults of steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Step = dict[str, Any]
OPTIONAL = {"mood", "faults", "down", "life", "final", "share", "days", "twice", "capture", "reference"}
"""What a step can do without."""


def shrink(story: list[Step], shows: Callable[[list[Step]], bool], *, most: int = 300) -> list[Step]:
    """The story without what it does not need; ``shows`` plays one and says whether it still fails as before.

    At most ``most`` stories are played.
    """
    left = [most]

    def still(candidate: list[Step]) -> bool:
        left[0] -= 1
        return left[0] >= 0 and shows(candidate)

    size = max(1, len(story) // 2)
    while size:
        at = 0
        while at < len(story):
            shorter = story[:at] + story[at + size :]
            if shorter and still(shorter):
                story = shorter
            else:
                at += size
        size //= 2
    return _simpler(story, still)


def _simpler(story: list[Step], still: Callable[[list[Step]], bool]) -> list[Step]:
    """Steps without the faults, moods and choices that are not needed."""
    for at in range(len(story)):
        for name in sorted(OPTIONAL & story[at].keys()):
            simpler = {key: value for key, value in story[at].items() if key != name}
            candidate = [*story[:at], simpler, *story[at + 1 :]]
            if still(candidate):
                story = candidate
    return story
