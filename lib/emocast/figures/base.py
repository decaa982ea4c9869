"""What all figures share: style, colours, points with their intervals, and small helps with axes and legends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from .. import labels

#: Colours for what is no emotion, none of which is an emotion's: Paul Tol's "muted" scheme
#: (https://sronpersonalpages.nl/~pault/).
SERIES_COLOURS = (
    "#332288", "#44AA99", "#882255", "#999933", "#88CCEE", "#CC6677", "#117733", "#DDCC77", "#AA4499"
)  # fmt: skip
PUBLISHED_COLOUR = "#000000"
MARKERS = "oD^v<>Ps"

#: How emotions and forecasters look in every figure: what learns is solid, what carries the past forward dashed, what remembers
#: dotted, a ceiling dash-dotted.
LOOKS: dict[str, dict] = {
    **{name: {"color": colour, "marker": "o"} for name, colour in labels.COLOURS.items()},
    "FC-DNN": {"color": SERIES_COLOURS[0], "marker": "o", "ls": "-"},
    "persistence": {"color": SERIES_COLOURS[2], "marker": "s", "ls": "--"},
    "persistence, classes in play": {"color": SERIES_COLOURS[7], "marker": "h", "ls": "--"},
    "audio persistence": {"color": SERIES_COLOURS[3], "marker": "D", "ls": "--"},
    "nearest event": {"color": SERIES_COLOURS[6], "marker": "P", "ls": ":"},
    "nearest neighbour": {"color": SERIES_COLOURS[8], "marker": "X", "ls": ":"},
    "ceiling": {"color": SERIES_COLOURS[4], "marker": "^", "ls": "-."},
    "ceiling, true states": {"color": SERIES_COLOURS[5], "marker": "v", "ls": "-."},
}
#: What the corpora's scale of valence and arousal means, 1 to 5, for an axis.
DIMENSIONS = {"valence": "valence (1 negative to 5 positive)", "arousal": "arousal (1 calm to 5 excited)"}


def style() -> None:
    """Set matplotlib's defaults for the whole project."""
    sns.set_theme(context="notebook", style="whitegrid", palette=list(SERIES_COLOURS))
    mpl.rcParams.update(
        {
            "figure.dpi": 110,
            "savefig.dpi": 150,
            "savefig.bbox": "tight",
            "figure.constrained_layout.use": True,
            "axes.titlesize": "medium",
            "axes.titlelocation": "left",
            "legend.frameon": False,
            "svg.hashsalt": "emocast",  # the same figure gives the same file
            "svg.fonttype": "none",
        }
    )


def intervals(
    ax: Axes,
    table: pd.DataFrame,
    x: str,
    y: str,
    by: str | None = None,
    *,
    ends: tuple[str, str] = ("low", "high"),
    series: Sequence | None = None,
    looks: Mapping | None = None,
    flat: bool = False,
    line: bool = False,
    filled: str | None = None,
) -> np.ndarray:
    """Draw the points of a column `y` with their intervals `ends`, a colour and marker for each series of the column `by`.

    A missing value or interval is not drawn, and a value may lie outside its interval.

    Args:
        x: the column of the places: numbers, or names, written on the axis in order of appearance (from the top where
            `flat`, values along the horizontal axis), around whose place the series stand beside each other.
        series: the series to draw in order, those that the table lacks passed over; by itself all, as they appear.
        looks: series -> what differs from its usual look, as `Axes.plot` takes it.
        line: the points of a series are joined and their intervals are a band.
        filled: a boolean column, hollow where false; None fills all.

    Returns:
        The place of each row, (n,); NaN for a series that is not drawn.
    """
    of = table[by] if by else pd.Series("", index=table.index)
    series = [name for name in (of.unique() if series is None else series) if (of == name).any()]
    at = table[x].to_numpy()
    if not pd.api.types.is_numeric_dtype(at):
        at, names = pd.factorize(at)
        beside = (np.arange(len(series)) - (len(series) - 1) / 2) * 0.7 / len(series)
        at = at + of.map(dict(zip(series, beside, strict=True))).to_numpy(dtype=float)
        categories(ax, names, flat=flat)
    for number, name in enumerate(series):
        own = (of == name).to_numpy()
        look = {"color": SERIES_COLOURS[number % 9], "marker": MARKERS[number % 8], "label": name, "lw": 2, "ms": 6}
        look |= (looks or {}).get(name, {})
        values, (low, high) = table.loc[own, y].astype(float), (table.loc[own, end].astype(float) for end in ends)
        if line:
            ax.plot(at[own], values, **look | {"lw": 1.5})
            ax.fill_between(at[own], low, high, color=look["color"], alpha=0.15, lw=0)
            continue
        (ax.hlines if flat else ax.vlines)(at[own], low, high, color=look["color"], lw=look["lw"])
        sure = np.ones(own.sum(), bool) if filled is None else table.loc[own, filled].to_numpy(bool)
        for some, inside in ((sure, {}), (~sure, {"mfc": "white", "label": None})):
            points = at[own][some], values[some]
            ax.plot(*(points[::-1] if flat else points), **look | {"ls": ""} | inside)
    return at


def categories(ax: Axes, names: Sequence[str], *, flat: bool = True) -> None:
    """Name the places of an axis, with a thin line between each two; on the vertical axis (`flat`) from the top."""
    last = len(names) - 0.5
    if flat:
        ax.set(yticks=range(len(names)), yticklabels=names, ylim=(last, -0.5))
    else:
        ax.set(xticks=range(len(names)), xticklabels=names, xlim=(-0.5, last))
    ax.grid(axis="y" if flat else "x", visible=False)
    for between in range(1, len(names)):
        (ax.axhline if flat else ax.axvline)(between - 0.5, color="0.85", lw=0.8, zorder=0)


def chance_line(ax: Axes, value: float | pd.Series, *, flat: bool = False, label: str = "chance") -> None:
    """The score of what knows nothing, dotted; with a value a row (`flat`) a line in each."""
    if isinstance(value, pd.Series):
        rows = np.arange(len(value))
        ax.vlines(value, rows - 0.45, rows + 0.45, color="0.4", ls=":", label=label)
    else:
        (ax.axvline if flat else ax.axhline)(value, color="0.4", ls=":", label=label)


def shift_axis(ax: Axes, shifts_s: pd.Series) -> None:
    """Label the axis of shifts, with a tick at each; every other one where there are many."""
    shifts, place = sorted(shifts_s.unique()), ax.get_subplotspec()
    narrow = place is not None and place.get_gridspec().ncols > 2
    label = "shift d in seconds" if narrow else "shift d: seconds from the window's end to the event"
    ax.set(xlabel=label, xticks=shifts[:: 1 + len(shifts) // 12])


def percent(*axes: mpl.axis.Axis) -> None:
    """Name fractions on axes in percent."""
    for axis in axes:
        axis.set_major_formatter(mpl.ticker.PercentFormatter(1, decimals=0))


def legend_beside(ax: Axes, **options: object) -> None:
    """The legend to the right of the axes."""
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), **options)


def legend_below(ax: Axes, down: float, *, left: float = 0.5, **options: object) -> None:
    """The legend so far below the axes, as a share of their height."""
    ax.legend(loc="upper center", bbox_to_anchor=(left, -down), **options)
