"""What all figures share: the style, the colours of what is no emotion, and small helps with axes."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

#: Colours for what is no emotion (ways of measuring, parts of the data), from Paul Tol's "muted" scheme
#: (https://sronpersonalpages.nl/~pault/), none of which is an emotion's; black is what a paper printed.
SERIES_COLOURS = (
    "#332288", "#44AA99", "#882255", "#999933", "#88CCEE", "#CC6677", "#117733", "#DDCC77", "#AA4499",
)  # fmt: skip
PUBLISHED_COLOUR = "#000000"

#: An emotion of fewer utterances than this has no box and no mean of its own in a figure; tables count it.
FEWEST = 5


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


def axes(ax: Axes | None) -> Axes:
    """The axes given, or else the current ones."""
    return plt.gca() if ax is None else ax


def frequent(table: pd.DataFrame) -> pd.DataFrame:
    """The labelled rows of the emotions that have at least `FEWEST` of them."""
    counts = table["emotion"].value_counts()
    return table[table["emotion"].isin(counts[counts >= FEWEST].index)]


def shift_axis(ax: Axes, shifts_s: pd.Series) -> None:
    """Label the axis of shifts, with a tick at each."""
    ax.set(xlabel="shift d: seconds from the window's end to the event", xticks=sorted(shifts_s.unique()))
