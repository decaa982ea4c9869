"""Is it forecasting? Forecasters on the rungs of the ladder, on events that change, and with more to learn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from . import base
from .shifts import LOOKS

_MARKERS = "oD^v<>Ps"
_WIDTH = 0.7  # of a rung, over which its forecasters stand beside each other


def ladder(
    table: pd.DataFrame,
    ax: Axes | None = None,
    *,
    models: Sequence[str],
    main: str,
    chance: float,
    title: str = "",
) -> Axes:
    """Accuracy by rung at one shift, a colour and marker a forecaster, with intervals; `main` is drawn in every panel.

    Args:
        table: columns protocol, model, accuracy, accuracy_low, accuracy_high (percent); protocols from the published to the
            hardest.
        ax: where to draw.
        models: those to draw beside `main`, in their order; one that the table has not is passed over.
        main: the forecaster in question.
        chance: accuracy of a forecast that knows nothing, in percent.
        title: the title.
    """
    ax = base.axes(ax)
    names = [name for name in (main, *models) if name in set(table["model"])]
    places = {protocol: place for place, protocol in enumerate(table["protocol"].unique())}
    colours = _colours(names)
    for name, offset, marker in zip(names, _offsets(len(names)), cycle(_MARKERS), strict=False):
        rows = table[table["model"] == name]
        x = rows["protocol"].map(places).to_numpy() + offset
        look = {"color": colours[name], "lw": 2.5 if name == main else 1.2, "alpha": 1 if name == main else 0.9}
        ax.vlines(x, rows["accuracy_low"], rows["accuracy_high"], **look)
        ax.plot(x, rows["accuracy"], marker, ms=7 if name == main else 5, color=colours[name], label=name)
    ax.axhline(chance, color="0.4", ls=":", label="chance")
    _rung_axis(ax, list(places))
    ax.set(ylabel="accuracy in percent", ylim=(0, 100), title=title)
    return ax


def gains(
    table: pd.DataFrame,
    ax: Axes | None = None,
    *,
    value: str = "difference",
    ends: tuple[str, str] = ("low", "high"),
    sure: str | None = None,
    label: str = "accuracy minus that of persistence\n(percentage points)",
    limits: tuple[float, float] | None = None,
    title: str = "",
    legend: bool = True,
) -> Axes:
    """A gain by rung, a colour a shift, with intervals; filled where a test is passed.

    Args:
        table: columns protocol, shift_s, and those of `value`, `ends` and `sure`; a value that is missing is not drawn.
        ax: where to draw.
        value: the column of the gain.
        ends: the columns of its interval; what lies beyond the edge, or is infinite, ends there with an arrow.
        sure: a boolean column, filled where true; None fills all.
        label: what the axis of the gain says.
        limits: of that axis; by itself they follow from the data.
        title: the title.
        legend: whether to explain the colours.
    """
    ax = base.axes(ax)
    places = {protocol: place for place, protocol in enumerate(table["protocol"].unique())}
    shifts = sorted(table["shift_s"].unique())
    for number, (shift, offset) in enumerate(zip(shifts, _offsets(len(shifts)), strict=True)):
        rows = table[table["shift_s"] == shift].dropna(subset=[value])
        x, colour = rows["protocol"].map(places).to_numpy() + offset, base.SERIES_COLOURS[number]
        edge = limits or (-np.inf, np.inf)
        low, high = (rows[name].clip(*edge) for name in ends)
        ax.vlines(x, low, high, color=colour, lw=2)
        for end, name, arrow in zip(edge, ends, ("v", "^"), strict=True):
            beyond = (rows[name] < end if arrow == "v" else rows[name] > end).to_numpy()
            if np.isfinite(end):
                ax.scatter(
                    x[beyond], np.full(beyond.sum(), end), marker=arrow, s=45, color=colour, clip_on=False, zorder=4
                )
        filled = np.ones(len(rows), dtype=bool) if sure is None else rows[sure].to_numpy()
        marks = {"marker": _MARKERS[number % len(_MARKERS)], "s": 50, "edgecolors": colour, "zorder": 3}
        ax.scatter(x, rows[value].clip(*edge), facecolors=np.where(filled, colour, "white"), **marks)
        ax.scatter([], [], facecolors=colour, label=f"{shift:g} s before", **marks)
    ax.axhline(0, color="0.4", ls=":")
    _rung_axis(ax, list(places))
    ax.set(ylabel=label, title=title, **({} if limits is None else {"ylim": limits}))
    if legend:
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=len(shifts))
    return ax


def changes(
    table: pd.DataFrame, ax: Axes | None = None, *, chance: float, title: str = "", legend: bool = True
) -> Axes:
    """Accuracy where the emotion changes and where it stays, a row a forecaster, with intervals.

    Args:
        table: columns model, events ("shift", "stay"; others are passed over), accuracy, accuracy_low, accuracy_high
            (percent) and n, in the order of drawing from the top.
        ax: where to draw.
        chance: accuracy of a forecast that knows nothing, in percent.
        title: the title.
        legend: whether to explain the marks.
    """
    ax = base.axes(ax)
    models = list(table["model"].unique())
    looks = {"shift": ("the emotion changed", 2, "o", -0.14), "stay": ("it stayed", 1, "D", 0.14)}
    for events, (name, number, marker, offset) in looks.items():
        rows, colour = table[table["events"] == events], base.SERIES_COLOURS[number]
        y = np.array([models.index(model) for model in rows["model"]]) + offset
        ax.hlines(y, rows["accuracy_low"], rows["accuracy_high"], color=colour, lw=2)
        count = f" ({int(rows['n'].max()):,} events)" if len(rows) else ""
        ax.plot(rows["accuracy"], y, marker, color=colour, ms=6, label=name + count)
    ax.axvline(chance, color="0.4", ls=":", label="chance")
    ax.set(yticks=range(len(models)), yticklabels=models, ylim=(len(models) - 0.5, -0.5), xlim=(-2, 102))
    ax.set(xlabel="accuracy in percent", title=title)
    ax.grid(axis="y", visible=False)
    for between in range(1, len(models)):
        ax.axhline(between - 0.5, color="0.85", lw=0.8, zorder=0)
    if legend:
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=1)
    return ax


def learning_curve(
    table: pd.DataFrame,
    ax: Axes | None = None,
    *,
    chance: float,
    levels: Mapping[str, float],
    title: str = "Would more dialogues help?",
) -> Axes:
    """Accuracy against the number of training dialogues (logarithmic), with intervals.

    Args:
        table: columns train_dialogues, accuracy, accuracy_low, accuracy_high (percent), as `metrics.learning_curve` makes it.
        ax: where to draw.
        chance: accuracy of a forecast that knows nothing, in percent.
        levels: name -> accuracy in percent of forecasters that stand beside at their full training.
        title: the title.
    """
    ax = base.axes(ax)
    colour = base.SERIES_COLOURS[0]
    ax.plot(table["train_dialogues"], table["accuracy"], marker="o", color=colour, label="FC-DNN")
    ax.fill_between(
        table["train_dialogues"], table["accuracy_low"], table["accuracy_high"], color=colour, alpha=0.18, lw=0
    )
    colours = _colours(["FC-DNN", *levels])
    for name, level in levels.items():
        ax.axhline(level, color=colours[name], ls="--", lw=1.4, label=name)
    ax.axhline(chance, color="0.4", ls=":", label="chance")
    ax.set_xscale("log")
    ax.set_xticks(table["train_dialogues"], [f"{number:.0f}" for number in table["train_dialogues"]])
    ax.minorticks_off()
    ax.set(xlabel="dialogues to learn from (mean of the folds, logarithmic)", title=title)
    ax.set(ylabel="accuracy in percent", ylim=(0, 100))
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def _colours(names: Sequence[str]) -> dict[str, str]:
    """The colours of forecasters: those that they have in the curves over shifts (`shifts.LOOKS`), or one that is free."""
    own = {name: LOOKS[name]["color"] for name in names if name in LOOKS}
    free = (colour for colour in base.SERIES_COLOURS if colour not in own.values())
    return {name: own.get(name) or next(free) for name in names}


def _offsets(count: int) -> np.ndarray:
    """Places of so many marks around a rung."""
    return (np.arange(count) - (count - 1) / 2) * _WIDTH / count


def _rung_axis(ax: Axes, names: list[str]) -> None:
    """Name the rungs, with a thin line between each two."""
    ax.set_xticks(range(len(names)), names)
    ax.set(xlim=(-0.5, len(names) - 0.5), xlabel="what the division holds apart")
    ax.grid(axis="x", visible=False)
    for between in range(1, len(names)):
        ax.axvline(between - 0.5, color="0.85", lw=0.8, zorder=0)
