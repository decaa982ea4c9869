"""Embeddings as a picture, what explains them, and how sound and text lie in one space; each function draws into `ax`."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.patheffects
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from .. import labels
from . import base
from .base import SERIES_COLOURS
from .scores import scores


def embedding(points: np.ndarray, hue: pd.Series, ax: Axes, *, title: str, axis: str) -> None:
    """Embeddings in two dimensions, (n, 2), a dot a window; `axis` says what the axes are, for example "principal component".

    `hue` is the group of each dot, named by what it is. Of ten groups two share a colour and differ in their marker; more are
    coloured along a scale in order of name, and the title counts them. Later rows lie above: shuffle sorted windows.
    """
    emotional = hue.isin(labels.EMOTIONS).all()
    order = labels.ordered(hue) if emotional else sorted(hue.unique())
    many, colours, markers = len(order) > 10, list(SERIES_COLOURS[: len(order)]), ["o"] * len(order)
    if emotional:
        colours = [labels.COLOURS[name] for name in order]
    elif many:
        colours = sns.color_palette("viridis", len(order))
    elif len(order) > len(colours):
        colours, markers = [colour for colour in SERIES_COLOURS[:5] for _ in "o^"], ["o", "^"] * 5
    names = hue.to_numpy(dtype=str)
    look = {"hue_order": order, "palette": colours, "style_order": order, "markers": markers, "linewidth": 0}
    look |= {"s": 18, "alpha": 0.75, "legend": False if many else "full"}
    sns.scatterplot(x=points[:, 0], y=points[:, 1], hue=names, style=names, **look, ax=ax)
    ax.set(xlabel=f"{axis} 1", ylabel=f"{axis} 2", xticklabels=[], yticklabels=[])
    ax.set_title(f"{title} ({len(order)} {hue.name}s)" if many else title)
    if not many:
        base.legend_beside(ax, title=hue.name, markerscale=1.5)


def probes(table: pd.DataFrame, ax: Axes, *, above_chance: bool = False) -> None:
    """How well labels can be read off embeddings (`metrics.explained`): a row a label, a marker an encoder, with intervals.

    Drawn is the UAR beside chance; or how far it lies `above_chance`, which is 0 then, on the way to no mistake, and no legend.
    """
    table = table.assign(row=table["label"] + "\n" + table["groups"].astype(str) + " groups")
    chance = table.groupby("row", sort=False)["chance"].max() * (not above_chance)
    shown = {"value": "uar", "label": "UAR of a linear probe"}
    if above_chance:
        shown = {"value": "above_chance", "ends": ("above_low", "above_high"), "label": "(UAR - chance) / (1 - chance)"}
    scores(table, ax, rows="row", by="encoder", chance=chance, **shown)
    ax.legend(loc="upper left", bbox_to_anchor=(0, -0.18)).set_visible(not above_chance)


def texts(points: np.ndarray, table: pd.DataFrame, ax: Axes) -> None:
    """Lay text embeddings, (m, 2), over a plane of sounds: diamonds with a black edge, in the colour of their `emotion`.

    One whose `label` in the table is not empty is drawn large with it. (The paper's are red, here anger's.)
    """
    named = (table["label"] != "").to_numpy()
    for rows, size, edge, height in ((~named, 16, 0.6, 5), (named, 110, 1.3, 6)):
        look = {"marker": "D", "edgecolors": "black", "linewidths": edge, "zorder": height}
        ax.scatter(*points[rows].T, s=size, c=list(table.loc[rows, "emotion"].map(labels.COLOURS)), **look)
    _name(points[named], table.loc[named, "label"].tolist(), ax)


def _name(points: np.ndarray, names: list[str], ax: Axes) -> None:
    """Write names to the right of points, one under the other where points lie close, with a line to each."""
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    right = max(right, points[:, 0].max() + 0.36 * (right - left))  # room for the names
    ax.set_xlim(left, right)
    place = points[:, 0].max() + 0.06 * (right - left)
    order, rank = np.argsort(points[:, 1]), np.arange(len(points))
    apart = 0.065 * (top - bottom)  # so that they do not cover each other
    heights = np.maximum.accumulate(points[order, 1] - rank * apart) + rank * apart
    heights -= (heights - points[order, 1]).mean()
    line = {"arrowstyle": "-", "color": "black", "lw": 0.8, "shrinkA": 1, "shrinkB": 6}
    outline = [mpl.patheffects.withStroke(linewidth=3, foreground="white")]
    look = {"weight": "bold", "va": "center", "zorder": 8, "path_effects": outline, "arrowprops": line}
    for number, height in zip(order, heights, strict=True):
        ax.annotate(names[number], points[number], xytext=(place, height), textcoords="data", **look)
