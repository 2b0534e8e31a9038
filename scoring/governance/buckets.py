"""Stable buckets: taking part in an experiment depends only on the person and the experiment's name.

So a challenger sees the same people on every machine and every day, and another challenger moves nobody.
"""

from __future__ import annotations

import hashlib
from typing import Final

BUCKETS: Final = 10_000


def bucket(experiment: str, applicant: str) -> int:
    """The applicant's bucket in an experiment, 0 to 9,999."""
    digest = hashlib.sha256(f"{experiment}\0{applicant}".encode()).digest()
    return int.from_bytes(digest[:8]) % BUCKETS


def takes_part(experiment: str, applicant: str, share_bp: int) -> bool:
    """Whether the applicant is among the experiment's share, in basis points; a larger share keeps all it had."""
    return bucket(experiment, applicant) < share_bp
