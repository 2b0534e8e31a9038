"""What a release is made of: the locked packages, what is known against them, and where its files came from."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
