"""Test mode: people who do not exist."""

from __future__ import annotations

import random

from gateway.core.identifiers import resident_id_check_digit


def invented_id_number(seed: str) -> str:
    """A well-formed ID number of an adult who does not exist, the same for the same seed."""
    chance = random.Random(seed)
    born = f"{chance.randint(1960, 2000)}{chance.randint(1, 12):02}{chance.randint(1, 28):02}"
    stem = f"110105{born}{chance.randint(1, 999):03}"
    return stem + resident_id_check_digit(stem)
