"""Plots of a report as SVG that takes its colours from the page, so that it is readable in light and in dark.

Words stand in the page and not in the plots: a plot holds only numbers and needs no extra font.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring.errors import ScoringError

Values = NDArray[np.float64]

INK, NOW, THEN = "#010203", "#040506", "#070809"
"""Colours that stand for the page's: written by matplotlib, replaced afterwards."""
OF_THE_PAGE: Final = {INK: "var(--muted)", NOW: "var(--accent)", THEN: "var(--other)"}
SIZE: Final = (5.2, 2.3)


class PlotsUnavailable(ScoringError):
    """matplotlib or jinja2 is not installed."""


def histograms(now: Values, then: Values, edges: Values) -> str:
    """Two distributions over the same bins, as shares: now filled, then as a line."""
    figure, axes = _axes()
    for values, color, kind in ((now, NOW, "stepfilled"), (then, THEN, "step")):
        weights = np.full(len(values), 1 / max(1, len(values)))
        clipped = np.clip(values, edges[0], edges[-1])
        axes.hist(clipped, bins=edges, weights=weights, color=color, histtype=kind, linewidth=1.6,
                  alpha=0.45 if kind == "stepfilled" else 1)  # fmt: skip
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    return _svg(figure)


def lines(days: Sequence[str], series: Sequence[tuple[Sequence[float], str]]) -> str:
    """Values by day, each series in one of the page's colours; days as month-day."""
    figure, axes = _axes()
    for values, color in series:
        axes.plot(range(len(days)), values, color=color, linewidth=1.6, marker="o", markersize=3)
    step = max(1, len(days) // 8)
    axes.set_xticks(range(0, len(days), step), [day[5:] for day in days[::step]])
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:.1%}")
    axes.set_ylim(bottom=0)
    return _svg(figure)


def calibration(predicted: Sequence[float], observed: Sequence[float]) -> str:
    """Observed against predicted rates; on the line they agree."""
    figure, axes = _axes()
    most = max(*predicted, *observed, 0.01) * 1.08
    axes.plot([0, most], [0, most], color=THEN, linewidth=1.2)
    axes.plot(predicted, observed, color=NOW, marker="o", linewidth=0, markersize=6)
    axes.locator_params(nbins=5)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda share, _: f"{share:.0%}")
    return _svg(figure)


def _axes() -> tuple[Any, Any]:
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as missing:
        raise PlotsUnavailable(
            "a report needs matplotlib and jinja2: pip install 'fenqi-gateway[report]'"
        ) from missing
    figure = Figure(figsize=SIZE, layout="constrained")
    figure.patch.set_visible(False)
    axes = figure.add_subplot()
    axes.patch.set_visible(False)
    axes.spines[["top", "right"]].set_visible(False)
    for spine in axes.spines.values():
        spine.set_color(INK)
    axes.tick_params(colors=INK, labelsize=9)
    return figure, axes


def _svg(figure: Any) -> str:
    from matplotlib import rc_context  # noqa: PLC0415

    buffer = io.StringIO()
    # Text stays text and nothing tells when it was drawn: the same figures give the same file.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "fenqi", "font.family": "sans-serif"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    drawn = buffer.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    drawn = re.sub(r"<metadata>.*?</metadata>", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", drawn)
    for color, variable in OF_THE_PAGE.items():
        drawn = drawn.replace(color, variable)
    return drawn.strip()
