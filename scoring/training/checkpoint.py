"""What a long training has reached, kept beside its target so that the same command goes on after an interruption."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Checkpoint:
    """A folder of finished steps for one plan; steps of another plan are thrown away."""

    def __init__(self, folder: Path, plan: dict[str, Any]) -> None:
        self.folder = folder
        key = hashlib.sha256(json.dumps(plan, sort_keys=True, default=str).encode()).hexdigest()
        self._key = folder / "plan"
        if folder.exists() and (not self._key.exists() or self._key.read_text() != key):
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._key.write_text(key)

    @classmethod
    def beside(cls, out: Path, plan: dict[str, Any]) -> Checkpoint:
        """The checkpoint of a training that will write ``out``."""
        return cls(out.with_name(f".{out.name}.partial"), plan)

    def bytes(self, name: str, make: Callable[[], bytes]) -> bytes:
        """What the step ``name`` made before, else what ``make`` makes now, which is kept."""
        file = self.folder / name
        if file.exists():
            return file.read_bytes()
        content = make()
        draft = file.with_suffix(".draft")
        draft.write_bytes(content)
        draft.rename(file)
        return content

    def arrays(self, name: str, make: Callable[[], dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
        """The same for named arrays."""

        def packed() -> bytes:
            buffer = io.BytesIO()
            np.savez(buffer, allow_pickle=False, **make())  # type: ignore[arg-type]
            return buffer.getvalue()

        with np.load(io.BytesIO(self.bytes(name, packed)), allow_pickle=False) as stored:
            return {key: stored[key] for key in stored.files}

    def forget(self) -> None:
        """The training is done."""
        shutil.rmtree(self.folder, ignore_errors=True)
