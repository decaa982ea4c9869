"""Whether a model is as often right as it is sure: the reliability diagram, with how many events stand behind each point."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from . import base


def reliability(
    table: pd.DataFrame,
    ax: Axes | None = None,
    *,
    interval: str = "95 % interval",
    title: str = "Is it as often right as it is sure?",
) -> Axes:
    """Accuracy against confidence, a point a bin with its interval; below them, the share of the events in each bin.

    Points under the diagonal: surer than right. Bars stand on the axis between the bounds of their bins, on the same scale
    of 0 to 100 percent.

    Args:
        table: columns above, up_to (the bin's bounds), confidence, accuracy, low, high (fractions) and n, as
            `metrics.reliability_table` makes it.
        ax: where to draw.
        interval: what the bars at the points are called in the legend.
        title: the title.

    Raises:
        ValueError: the table has no row.
    """
    if table.empty:
        raise ValueError("the table has no bin with events: there is nothing to draw")
    ax = base.axes(ax)
    share, width = table["n"] / table["n"].sum(), table["up_to"] - table["above"]
    ax.bar(
        table["above"], share, width=width, align="edge", color=base.SERIES_COLOURS[4], alpha=0.5, ec="white",
        label=f"share of the {table['n'].sum():,} events", zorder=1,
    )  # fmt: skip
    ax.plot([0, 1], [0, 1], color="0.4", ls=":", label="as often right as sure", zorder=2)
    colour = base.SERIES_COLOURS[0]
    ax.plot(table["confidence"], table["accuracy"], color=colour, lw=1, zorder=3)
    ax.vlines(table["confidence"], table["low"], table["high"], color=colour, lw=2, label=interval, zorder=3)
    ax.plot(table["confidence"], table["accuracy"], "o", color=colour, label="accuracy of the bin", zorder=4)
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence: probability of the forecast class", title=title)
    ax.set(ylabel="accuracy; share of events", xticks=np.linspace(0, 1, 6), aspect="equal")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(mpl.ticker.PercentFormatter(1, decimals=0))
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return ax
