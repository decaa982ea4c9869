"""Embeddings as a picture, and what explains it."""

from __future__ import annotations

from itertools import cycle

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from .. import labels
from . import base

#: More groups than this have no legend: the title counts them.
LEGEND_GROUPS = 10


def embedding(points: np.ndarray, hue: pd.Series, ax: Axes | None = None, *, title: str, axis: str) -> Axes:
    """Embeddings in two dimensions, a dot a window.

    Later rows lie above earlier ones: shuffle sorted windows, or the last group hides the others.

    Args:
        points: shape (n, 2).
        hue: the group of each dot, named by what it is. Emotions have their own colours. Other groups have colours of
            their own; where those do not suffice, neighbours in order of name share one and differ in their marker. More
            than `LEGEND_GROUPS` are coloured along a scale in order of name, and the title counts them.
        ax: where to draw.
        title: the title.
        axis: what the axes are, for example "principal component".
    """
    ax = base.axes(ax)
    emotional = hue.isin(labels.EMOTIONS).all()
    order = labels.ordered(hue) if emotional else sorted(hue.unique())
    many = len(order) > LEGEND_GROUPS
    colours, markers = _looks(order, emotional=emotional)
    names = hue.to_numpy(dtype=str)
    sns.scatterplot(
        x=points[:, 0], y=points[:, 1], hue=names, hue_order=order, palette=colours, style=names, style_order=order,
        markers=markers, s=18, alpha=0.75, ax=ax, linewidth=0, legend=False if many else "full",
    )  # fmt: skip
    ax.set(xlabel=f"{axis} 1", ylabel=f"{axis} 2", xticklabels=[], yticklabels=[])
    ax.set_title(f"{title} ({len(order)} {hue.name}s)" if many else title)
    if not many:
        ax.legend(title=hue.name, markerscale=1.5, loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def _looks(order: list[str], *, emotional: bool) -> tuple[dict[str, object], dict[str, str]]:
    """The colour and the marker of each group."""
    if emotional:
        colours = [labels.COLOURS[name] for name in order]
    elif len(order) > LEGEND_GROUPS:
        colours = sns.color_palette("viridis", len(order))
    elif len(order) > len(base.SERIES_COLOURS):
        colours = [base.SERIES_COLOURS[number // 2] for number in range(len(order))]
        return dict(zip(order, colours, strict=True)), {name: "o^"[number % 2] for number, name in enumerate(order)}
    else:
        colours = base.SERIES_COLOURS[: len(order)]
    return dict(zip(order, colours, strict=True)), dict.fromkeys(order, "o")


def probes(
    table: pd.DataFrame,
    ax: Axes | None = None,
    *,
    score: str = "uar",
    ends: tuple[str, str] = ("low", "high"),
    label: str = "UAR",
    legend: bool = True,
) -> Axes:
    """How well labels can be read off embeddings: a row a label, a marker an encoder, with intervals; chance is marked.

    Args:
        table: columns encoder, label, groups, chance, `score` and `ends` (fractions; NaN where there is none), one row an
            encoder and label, in the order of drawing from the top (`metrics.explained`).
        ax: where to draw.
        score: the column of the score: "uar", or "above_chance", in which chance is 0.
        ends: the columns of its interval's ends.
        label: name of the score.
        legend: whether to name encoders and chance; of several axes side by side one is enough.
    """
    ax = base.axes(ax)
    rows, encoders = list(table["label"].unique()), list(table["encoder"].unique())
    offsets = (np.arange(len(encoders)) - (len(encoders) - 1) / 2) * 0.7 / len(encoders)
    looks = zip(encoders, offsets, cycle(base.SERIES_COLOURS), cycle("oD^vsP<>X"), strict=False)
    for name, offset, colour, marker in looks:
        own = table[table["encoder"] == name]
        y = np.array([rows.index(row) for row in own["label"]]) + offset
        ax.hlines(y, own[ends[0]], own[ends[1]], color=colour, lw=2)
        ax.plot(own[score], y, marker, color=colour, ms=6, mec="white", mew=0.5, label=name)
    of_label = table.groupby("label")[["groups", "chance"]].max().loc[rows]
    chance = of_label["chance"] * 0 if score == "above_chance" else of_label["chance"]
    middle = np.arange(len(rows))
    ax.vlines(chance, middle - 0.45, middle + 0.45, color="0.3", ls=":", lw=1.5, label="chance")
    ax.set(yticks=middle, yticklabels=[f"{row}\n{groups} groups" for row, groups in of_label["groups"].items()])
    _percent_rows(ax, len(rows), label)
    if legend:
        ax.legend(loc="upper left", bbox_to_anchor=(0, -0.18))
    return ax


def _percent_rows(ax: Axes, count: int, label: str) -> None:
    """Rows from the top with thin lines between them, along an axis of percent that ends at 100."""
    ax.set(ylim=(count - 0.5, -0.5), xlim=(min(ax.get_xlim()[0], -0.02), 1.03), xlabel=f"{label} (percent)")
    ax.xaxis.set_major_formatter(mpl.ticker.PercentFormatter(1, decimals=0, symbol=""))
    ax.grid(axis="y", visible=False)
    for between in range(1, count):
        ax.axhline(between - 0.5, color="0.85", lw=0.8, zorder=0)
