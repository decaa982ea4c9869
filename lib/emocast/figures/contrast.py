"""Sound and text in one space: the plane with its words, the spread over prompts, and what clusters share with labels."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle

import matplotlib as mpl
import matplotlib.patheffects
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy.spatial import ConvexHull, QhullError

from .. import labels
from . import base

MEASURES = {"ari": "adjusted Rand index", "nmi": "normalised mutual information", "silhouette": "silhouette"}
_TEXT_MARKER = "D"
_NAME_HEIGHT = 0.065  # of an axes' height: names of texts must not cover each other


def texts(points: np.ndarray, table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Lay text embeddings over a plane of sounds: diamonds with a black edge, in the emotion's colour, with its name.

    The paper draws them red, which is anger's colour or near it; here shape and edge say "text", the filling which emotion.

    Args:
        points: shape (m, 2).
        table: emotion of each text; one whose `label` is not empty is drawn large with it.
        ax: the axes that hold the sounds.
    """
    ax = base.axes(ax)
    for named, size in ((False, 16), (True, 110)):
        rows = (table["label"] != "").to_numpy() == named
        colours = [labels.COLOURS[emotion] for emotion in table.loc[rows, "emotion"]]
        style = {
            "marker": _TEXT_MARKER,
            "edgecolors": "black",
            "linewidths": 1.3 if named else 0.6,
            "zorder": 5 + named,
        }
        ax.scatter(*points[rows].T, s=size, c=colours, **style)
    named = (table["label"] != "").to_numpy()
    _name(points[named], table.loc[named, "label"].tolist(), ax)
    return ax


def _name(points: np.ndarray, names: list[str], ax: Axes) -> None:
    """Write names to the right of points, one under the other where points lie close, with a line to each."""
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    right = max(right, points[:, 0].max() + 0.36 * (right - left))  # room for the names
    ax.set_xlim(left, right)
    place = points[:, 0].max() + 0.06 * (right - left)
    outline = [mpl.patheffects.withStroke(linewidth=3, foreground="white")]
    order = np.argsort(points[:, 1])
    apart = _NAME_HEIGHT * (top - bottom)
    rank = np.arange(len(points))
    heights = np.maximum.accumulate(points[order, 1] - rank * apart) + rank * apart
    heights -= (heights - points[order, 1]).mean()
    for number, height in zip(order, heights, strict=True):
        ax.annotate(
            names[number], points[number], xytext=(place, height), textcoords="data", weight="bold", va="center", zorder=8,
            path_effects=outline, arrowprops={"arrowstyle": "-", "color": "black", "lw": 0.8, "shrinkA": 1, "shrinkB": 6},
        )  # fmt: skip


def hulls(points: np.ndarray, groups: np.ndarray, ax: Axes | None = None) -> Axes:
    """Draw the outline of each group of points.

    Args:
        points: shape (n, 2).
        groups: the group of each, (n,); one that has no area has no outline.
        ax: where to draw.
    """
    ax = base.axes(ax)
    for group in np.unique(groups):
        own = points[groups == group]
        try:
            corners = own[ConvexHull(own).vertices]
        except (QhullError, ValueError):  # fewer than three points, or all on one line
            continue
        ax.fill(*corners.T, facecolor="none", edgecolor="0.25", lw=1.2, ls="--", zorder=4)
    return ax


def prompt_spread(
    table: pd.DataFrame, ensembles: Mapping[str, float], ax: Axes | None = None, *, chance: float, label: str = "UAR"
) -> Axes:
    """Scores of single prompts: a row a template, a dot a choice of words, plain and calibrated; lines are the ensembles.

    Args:
        table: columns template, way, uar (`zero_shot.single_prompts`).
        ensembles: way -> UAR of the ensemble of all prompts.
        ax: where to draw.
        chance: the score of a guess that knows nothing.
        label: name of the score.
    """
    ax = base.axes(ax)
    templates, ways = list(table["template"].unique()), list(table["way"].unique())
    for way, offset, colour in zip(ways, (-0.2, 0.2), base.SERIES_COLOURS, strict=False):
        for place, template in enumerate(templates):
            values = table.loc[(table["way"] == way) & (table["template"] == template), "uar"].to_numpy()
            within = offset + 0.13 * np.sin(
                np.arange(len(values)) * 2.4
            )  # spread out so that dots do not hide each other
            ax.plot(values, place + within, "o", color=colour, ms=2.5, alpha=0.35, mew=0)
            ax.plot([np.median(values)] * 2, place + offset + np.array([-0.18, 0.18]), color="black", lw=2, zorder=4)
        ax.plot([], [], "o", color=colour, ms=5, label=f"single prompts, {way}")
        ax.axvline(ensembles[way], color=colour, ls="--", lw=1.6, label=f"ensemble, {way}")
    ax.plot([], [], color="black", lw=2, label="median")
    ax.axvline(chance, color="0.4", ls=":", label=f"chance, {chance:.0%}")
    quoted = [f"“{template.replace('{emotion}', '…')}”" for template in templates]
    ax.set(
        yticks=range(len(templates)), yticklabels=quoted, ylim=(len(templates) - 0.5, -0.5), xlabel=f"{label} (percent)"
    )
    ax.xaxis.set_major_formatter(mpl.ticker.PercentFormatter(1, decimals=0, symbol=""))
    ax.grid(axis="y", visible=False)
    ax.legend(loc="upper center", bbox_to_anchor=(0.3, -0.12), ncols=3)
    return ax


def alignment(table: pd.DataFrame, ax: Axes | None = None, *, measure: str, legend: bool = True) -> Axes:
    """What clusters share with each label (a diamond), beside what they share with shuffled labels (a bar).

    Args:
        table: columns label, shuffled, measure, value, null_mean, null_95, p (`metrics.clusters.alignment`); a row without
            a value is named and left empty.
        ax: where to draw.
        measure: which of the measures.
        legend: whether to explain the marks; of several axes side by side one is enough.
    """
    ax = base.axes(ax)
    rows = table[table["measure"] == measure].reset_index(drop=True)
    places = np.arange(len(rows))
    reach = rows["null_95"] - rows["null_mean"]
    ax.barh(
        places, reach, left=rows["null_mean"], height=0.5, color="0.82", label="shuffled labels: to the 95th percentile"
    )
    ax.plot(rows["null_mean"], places, "|", color="0.35", ms=16, mew=2, label="shuffled labels: mean")
    ax.plot(rows["value"], places, "D", color=base.SERIES_COLOURS[0], ms=7, label="as they are")
    for place, row in rows.iterrows():
        said = "one group only" if np.isnan(row["value"]) else f"p = {row['p']:.2g}"
        ax.annotate(said, (1, place), xycoords=("axes fraction", "data"), xytext=(-4, 0), textcoords="offset points",
                    ha="right", va="center", fontsize="small", color="0.25")  # fmt: skip
    ax.axvline(0, color="0.4", lw=0.8)
    names = [f"{row.label}\n({row.shuffled})" if row.shuffled else row.label for row in rows.itertuples()]
    ax.set(yticks=places, yticklabels=names, ylim=(len(rows) - 0.5, -0.5), xlabel=MEASURES[measure])
    low, high = ax.get_xlim()
    ax.set_xlim(low - 0.04 * (high - low), high + 0.3 * (high - low))  # room for the p-values
    ax.xaxis.set_major_locator(mpl.ticker.MaxNLocator(5))
    ax.grid(axis="y", visible=False)
    if legend:
        ax.legend(loc="upper left", bbox_to_anchor=(0, -0.18))
    return ax


def cluster_sweep(table: pd.DataFrame, ax: Axes | None = None, *, measure: str, legend: bool = True) -> Axes:
    """A measure against the number of clusters, a line a label, with the 95th percentile of each label's null dotted.

    Args:
        table: columns label, measure, clusters, value, null_95 (`metrics.clusters.sweep`); labels without a value are left
            out.
        ax: where to draw.
        measure: which of the measures.
        legend: whether to name the lines.
    """
    ax = base.axes(ax)
    rows = table[(table["measure"] == measure) & table["value"].notna()]
    for (label, own), colour, marker in zip(
        rows.groupby("label", sort=False), cycle(base.SERIES_COLOURS), cycle("oD^vs"), strict=False
    ):
        ax.plot(own["clusters"], own["value"], marker=marker, color=colour, ms=5, label=label)
        ax.plot(own["clusters"], own["null_95"], color=colour, ls=":", lw=1.5)
    if rows["null_95"].notna().any():
        ax.plot([], [], color="0.4", ls=":", label="95 % of shuffles")
    ax.set(xlabel="number of clusters k", ylabel=MEASURES[measure])
    ax.xaxis.set_major_locator(mpl.ticker.MaxNLocator(integer=True))
    if legend:
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
    return ax
