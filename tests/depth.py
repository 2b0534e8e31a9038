"""How many examples a slow property test takes: a few with every run, many under the hypothesis profile ``deep``."""

from __future__ import annotations

from hypothesis import settings


def examples(few: int, *, deep: int) -> int:
    """``few``, or ``deep`` when pytest was given ``--hypothesis-profile deep``."""
    return deep if settings.get_current_profile_name() == "deep" else few
