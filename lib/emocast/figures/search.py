"""Whether larger networks forecast better: the settings of a search against their scores."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib import ticker
from matplotlib.axes import Axes

from . import base

#: The settings of `forecasting.search` as an axis or a legend calls them.
NAMES = {
    "parameters": "trained parameters of the network",
    "learning_rate": "learning rate",
    "hidden_layers": "hidden layers",
    "hidden_units": "units of each hidden layer",
    "batch_size": "events a step",
    "dropout": "dropout: share of outputs",
    "epochs": "epochs: passes over the events",
}
_MARKERS = "osD^vPX*h"


def search(
    table: pd.DataFrame,
    ax: Axes | None = None,
    *,
    chance: float,
    x: str = "parameters",
    by: str = "learning_rate",
    marked: str = "the preprint's setting",
    interval: str = "95 % interval by dialogue",
    title: str | None = None,
) -> Axes:
    """Accuracy of each setting in percent, with its interval, against one of the settings; the first one is ringed.

    Args:
        table: columns first, accuracy, accuracy_low, accuracy_high, and those that `x` and `by` name, as
            `forecasting.search.search` makes it.
        ax: where to draw.
        chance: accuracy of a forecast that knows nothing, in percent.
        x: what stands on the axis: "parameters" (on a logarithmic scale), or a setting, a place for each of its values.
        by: the setting that colours and markers tell apart.
        marked: what the ringed setting is called in the legend.
        interval: what the bars are called in the legend.
        title: the title; it has one by itself.

    Raises:
        ValueError: the table has no row.
    """
    if table.empty:
        raise ValueError("the table has no setting: there is nothing to draw")
    ax = base.axes(ax)
    places = _places(table, x)
    bars = np.array([table["accuracy"] - table["accuracy_low"], table["accuracy_high"] - table["accuracy"]])
    for number, value in enumerate(sorted(table[by].unique())):
        rows, look = (table[by] == value).to_numpy(), number % len(_MARKERS)
        ax.errorbar(
            places[rows], table.loc[rows, "accuracy"], bars[:, rows], fmt=_MARKERS[look], ms=6, elinewidth=1,
            color=base.SERIES_COLOURS[look], label=f"{NAMES.get(by, by).partition(':')[0]} {value:g}",
        )  # fmt: skip
    first = table["first"].to_numpy()
    ring = {"s": 220, "fc": "none", "ec": base.PUBLISHED_COLOUR, "lw": 2, "zorder": 4}
    ax.scatter(places[first], table.loc[first, "accuracy"], **ring, label=marked)
    ax.axhline(chance, color="0.4", ls=":", label="chance")
    _label(table, ax, x)
    ax.set(ylabel=f"accuracy in percent,\n{interval}", ylim=(0, 100))
    ax.set_title(title or ("Do larger networks forecast better?" if x == "parameters" else f"By {NAMES[x]}"))
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def _places(table: pd.DataFrame, x: str) -> np.ndarray:
    """Where the settings stand: at their size, or around the place of their value, beside each other."""
    if x == "parameters":
        return table[x].to_numpy(dtype=float)
    rank, count = table.groupby(x).cumcount(), table.groupby(x)[x].transform("size")
    value = np.searchsorted(np.sort(table[x].unique()), table[x])
    return (value + 0.6 * ((rank + 0.5) / count - 0.5)).to_numpy()


def _label(table: pd.DataFrame, ax: Axes, x: str) -> None:
    """Scale and label the axis of settings."""
    ax.set_xlabel(NAMES[x] + (" (logarithmic)" if x == "parameters" else ""))
    if x == "parameters":
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_major_formatter(ticker.EngFormatter(sep=""))  # 20k, 1M
        ax.xaxis.set_minor_formatter(ticker.NullFormatter())
    else:
        values = np.sort(table[x].unique())
        ax.set_xticks(range(len(values)), [f"{value:g}" for value in values])
