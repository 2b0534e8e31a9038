"""The outcome of each row: which value is bad, and which rows have none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring.errors import TableInvalid
from scoring.tables.cells import plain

BAD_WORDS: Final = frozenset(
    {
        "1",
        "1.0",
        "bad",
        "default",
        "yes",
        "y",
        "true",
        "fraud",
        "charged off",
        "\u662f",
        "\u574f",
        "\u903e\u671f",
    }
    | {"\u8fdd\u7ea6"}
)
GOOD_WORDS: Final = frozenset(
    {
        "0",
        "0.0",
        "good",
        "no",
        "n",
        "false",
        "paid",
        "fully paid",
        "legit",
        "\u5426",
        "\u597d",
        "\u6b63\u5e38",
    }
)
"""The Chinese words are: yes, bad, overdue, default; no, good, normal."""
NO_OUTCOME: Final = frozenset({"", "na", "n/a", "nan", "null", "?", "#n/a", "\\n", "\u672a\u77e5"})
MOST_SHOWN: Final = 10


def outcomes(
    texts: Sequence[str], name: str, bad: str | None = None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_] | None]:
    """Which rows ended badly, and which rows have an outcome at all (``None``: all of them).

    ``bad`` names the bad value; without it the two values must be known words. Raises ``TableInvalid``, which counts
    each value.
    """
    read = {text: plain(text) for text in set(texts)}
    counts = Counter(read[text] for text in texts)
    wanted = None if bad is None else plain(bad)
    gaps = {value for value in counts if value in NO_OUTCOME and value != wanted}
    values = set(counts) - gaps
    told = ", ".join(f"{value or 'nothing'} ({n} rows)" for value, n in counts.most_common(MOST_SHOWN))
    if wanted is not None:
        if wanted not in values:
            raise TableInvalid(f"the target {name!r} has no {bad!r} to be bad; it has: {told}")
        bads = {wanted}
        if not values - bads:
            raise TableInvalid(f"the target {name!r} has only {bad!r}; a model needs both outcomes")
    else:
        bads = values & BAD_WORDS
        if len(values) != 2:
            raise TableInvalid(
                f"the target {name!r} must have two values, one of them bad; it has {len(values)}: {told}; "
                "name the bad one with --bad VALUE"
            )
        if len(bads) != 1 or not (values - bads) <= GOOD_WORDS:
            known = " and ".join(sorted(values))
            raise TableInvalid(
                f"the target {name!r} has {known}; expected 0 and 1, or good and bad; it has: {told}; "
                "name the bad one with --bad VALUE"
            )
    found = np.array([read[text] in bads for text in texts])
    if not gaps:
        return found, None
    return found, np.array([read[text] not in gaps for text in texts])
