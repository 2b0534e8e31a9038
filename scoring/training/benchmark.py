"""Latency of the scorer beside bare onnxruntime.

Taken turn by turn in one run, so that a busy machine slows both alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring.application import Application
from scoring.features import feature_vector
from scoring.runtimes import INPUT, OUTPUT
from scoring.scorer import Scorer
from scoring.training.generator import generate

WARM_UP_ROUNDS: Final = 200
APPLICATIONS: Final = 500
BARE: Final = "bare onnxruntime"


def measure_latency(
    scorer: Scorer, rounds: int, seed: int, progress: Callable[[], object] = lambda: None
) -> dict[str, Any]:
    """Median and 99th percentile of each path in microseconds, and both as ratios to two bare model runs.

    The bare runs are on a ready row. ``progress`` is called once a round. Raises ValueError for fewer than 100
    rounds.
    """
    if rounds < 100:
        raise ValueError(f"a 99th percentile needs at least 100 rounds, not {rounds}")
    cases = [
        (application, feature_vector(application))
        for application in generate(APPLICATIONS, seed).applications()
    ]
    paths = _paths(scorer)
    timed = list(paths.values())
    taken = np.empty((rounds, len(paths)))
    for number in range(-WARM_UP_ROUNDS, rounds):
        application, row = cases[number % len(cases)]
        # Each path is now the first and now the last, so that none always finds the caches as another left them.
        for column in (turn % len(timed) for turn in range(number, number + len(timed))):
            path = timed[column]
            start = time.perf_counter_ns()
            path(application, row)
            taken[max(number, 0), column] = (time.perf_counter_ns() - start) / 1_000
        if number >= 0:
            progress()
    typical, slow = np.percentile(taken, (50, 99), axis=0)
    return {
        "rounds": rounds,
        "microseconds": {
            name: {
                "p50": round(float(typical[column]), 1),
                "p99": round(float(slow[column]), 1),
                "p50_ratio": round(float(typical[column] / typical[0]), 2),
                "p99_ratio": round(float(slow[column] / slow[0]), 2),
            }
            for column, name in enumerate(paths)
        },
    }


def _paths(scorer: Scorer) -> dict[str, Callable[[Application, NDArray[np.float32]], object]]:
    """What is timed, the yardstick first: both graphs of the bundle in sessions that nothing else uses."""
    import onnxruntime  # type: ignore[import-untyped]  # noqa: PLC0415

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    bare = [onnxruntime.InferenceSession(graph, options) for graph in scorer.graphs.values()]
    return {
        BARE: lambda application, row: [session.run([OUTPUT], {INPUT: row}) for session in bare],
        "models": lambda application, row: scorer.run_models(row),
        "score without reasons": lambda application, row: scorer.score(application, with_reasons=False),
        "score with reasons": lambda application, row: scorer.score(application),
        "decide": lambda application, row: scorer.decide(application),
    }
