"""How well emotions are told apart: what is taken for what, and scores side by side with the published ones."""

from __future__ import annotations

from itertools import cycle

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from sklearn.metrics import ConfusionMatrixDisplay

from .. import labels
from . import base


def confusion(
    matrix: pd.DataFrame,
    ax: Axes | None = None,
    *,
    title: str = "",
    predicted: str = "forecast",
    show: str = "counts",
    colour_bar: bool = True,
) -> Axes:
    """A confusion matrix: counts or percent of the true class, coloured by the share of the true class.

    Args:
        matrix: counts, true emotions as rows, predicted ones as columns.
        ax: where to draw.
        title: the title.
        predicted: what the prediction is called.
        show: "counts", or "percent" of the row, for matrices side by side whose rows differ in size.
        colour_bar: whether to explain the colours beside the matrix; of several side by side the last is enough.

    Raises:
        ValueError: `show` is neither.
    """
    if show not in ("counts", "percent"):
        raise ValueError(f'show is {show!r}; it is "counts" or "percent"')
    ax = base.axes(ax)
    share = matrix.div(matrix.sum(axis=1).clip(lower=1), axis=0)
    # seaborn's heatmap would draw the whole figure anew for each matrix in it.
    shown = ConfusionMatrixDisplay(share.to_numpy(), display_labels=list(matrix.columns))
    shown.plot(ax=ax, cmap="cividis", colorbar=False, im_kw={"vmin": 0, "vmax": 1})
    ax.grid(visible=False)
    words = (matrix if show == "counts" else share.map("{:.0%}".format)).to_numpy().flat
    for text, word, part in zip(shown.text_.flat, words, share.to_numpy().flat, strict=True):
        text.set(text=str(word), color="white" if part < 0.5 else "black")
    if colour_bar:
        ax.figure.colorbar(shown.im_, ax=ax, label="share of the true emotion", shrink=0.7)
    ax.set(xlabel=predicted, ylabel="true", title=title)
    ax.tick_params(axis="x", rotation=30)
    ax.tick_params(axis="y", rotation=0)
    return ax


def accuracies(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Accuracies side by side: a row a task, a marker a way of measuring, with intervals where there are any.

    Args:
        table: columns task, series, value, low, high (fractions; low and high may be missing) and chance.
        ax: where to draw.
    """
    ax = base.axes(ax)
    tasks, series = list(table["task"].unique()), list(table["series"].unique())
    colours = {name: base.PUBLISHED_COLOUR if "published:" in name else None for name in series}
    own = iter(base.SERIES_COLOURS)
    markers = dict(zip(series, "sDo^v<>P", strict=False))
    for name, offset in zip(series, _offsets(len(series)), strict=True):
        rows = table[table["series"] == name]
        y = np.array([tasks.index(task) for task in rows["task"]]) + offset
        errors = np.abs(rows[["low", "high"]].sub(rows["value"], axis=0).fillna(0.0).to_numpy().T)
        colour = colours[name] or next(own)
        ax.errorbar(rows["value"], y, xerr=errors, fmt=markers[name], color=colour, ms=7, capsize=3, label=name)
    for task in tasks:
        ax.plot(
            [table.loc[table["task"] == task, "chance"].iloc[0]] * 2,
            tasks.index(task) + np.array([-0.45, 0.45]),
            color="0.4",
            ls=":",
        )
    ax.plot([], [], color="0.4", ls=":", label="chance")
    ax.set(yticks=range(len(tasks)), yticklabels=tasks, ylim=(len(tasks) - 0.5, -0.5), xlim=(0, 1), xlabel="accuracy")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=2)
    ax.grid(axis="y", visible=False)
    return ax


def shares(table: pd.DataFrame, ax: Axes | None = None, *, by: str = "test_set", title: str = "") -> Axes:
    """Which class a model leans to: true share (tick) and predicted share (dot) of each class, test set by test set.

    Args:
        table: columns emotion, true_share, predicted_share (`metrics.class_shares`, fractions) and `by`; one row a class
            and test set, in the order of drawing from the top.
        ax: where to draw; about 0.25 inches of height a row are legible.
        by: the column of the groups.
        title: the title.

    Raises:
        ValueError: a class stands twice in a test set, for example because the table holds several models.
    """
    if table.duplicated([by, "emotion"]).any():
        raise ValueError(f"the table has several rows of one emotion and {by}: draw one model an axes")
    ax = base.axes(ax)
    groups, order = list(table[by].unique()), labels.ordered(table["emotion"])
    offsets = _offsets(len(order))
    for emotion, offset in zip(order, offsets, strict=True):
        rows = table[table["emotion"] == emotion]
        y = np.array([groups.index(name) for name in rows[by]]) + offset
        colour = labels.COLOURS[emotion]
        ax.hlines(y, rows["true_share"], rows["predicted_share"], color=colour, lw=4, zorder=2)
        ax.plot(rows["true_share"], y, "|", ms=13, mec="black", mew=1.5, zorder=3)
        style = {"ms": 7, "mfc": colour, "mec": "black", "mew": 0.6, "zorder": 4}
        ax.plot(rows["predicted_share"], y, "o", label=f"{emotion}, predicted", **style)
    ax.plot([], [], "|", ms=13, mec="black", mew=1.5, label="true share")
    ax.axvline(1 / len(order), color="0.4", ls=":", label=f"one of {len(order)}")
    _rows(ax, groups)
    ax.set(xlim=(0, 1), xlabel="share of the utterances", title=title)
    ax.xaxis.set_major_formatter(mpl.ticker.PercentFormatter(1, decimals=0))
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def scores(
    table: pd.DataFrame,
    ax: Axes | None = None,
    *,
    chance: float | None = 0.25,
    guess: str = "chance",
    label: str = "accuracy",
    title: str = "",
) -> Axes:
    """A score by test set, a colour a model, with intervals, and the published value of each as a hollow black square.

    Args:
        table: columns test_set, model, value, low, high and published (fractions); low, high and published may be
            missing, and so may value where only a published one exists. The order is that of drawing from the top.
        ax: where to draw.
        chance: the score of a model that knows nothing; None where no one number is.
        guess: what that model does, for the legend.
        label: name of the score.
        title: the title.
    """
    ax = base.axes(ax)
    groups, models = list(table["test_set"].unique()), list(table["model"].unique())
    for name, offset, colour, marker in zip(
        models, _offsets(len(models)), cycle(base.SERIES_COLOURS), cycle("oD^v<>P"), strict=False
    ):
        rows = table[table["model"] == name]
        y = np.array([groups.index(group) for group in rows["test_set"]]) + offset
        ax.hlines(
            y, rows["low"], rows["high"], color=colour, lw=2
        )  # from its ends: a value may lie outside its interval
        ax.plot(rows[["low", "high"]], y, "|", color=colour, ms=8, mew=1.5)
        ax.plot(rows["value"], y, marker, color=colour, ms=5, label=name)
        ax.plot(rows["published"], y, "s", ms=10, mfc="none", mec=base.PUBLISHED_COLOUR, mew=1.1)
    if table["published"].notna().any():
        ax.plot([], [], "s", ms=10, mfc="none", mec=base.PUBLISHED_COLOUR, mew=1.1, label="published, same model")
    if chance is not None:
        ax.axvline(chance, color="0.4", ls=":", label=f"{guess}, {chance:.0%}")
    _rows(ax, groups)
    ax.set(xlim=(0, 1), xlabel=label, title=title)
    ax.xaxis.set_major_formatter(mpl.ticker.PercentFormatter(1, decimals=0))
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def _offsets(count: int) -> np.ndarray:
    """Places of so many marks within a row of height 1, from the top."""
    return (np.arange(count) - (count - 1) / 2) * 0.8 / count


def _rows(ax: Axes, names: list[str]) -> None:
    """Name the rows of a dot plot, the first on top, with a thin line between each two."""
    ax.set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -0.5))
    ax.grid(axis="y", visible=False)
    for between in range(1, len(names)):
        ax.axhline(between - 0.5, color="0.85", lw=0.8, zorder=0)
