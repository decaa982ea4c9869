"""Forecasts by their shift: what is left to forecast, and how well it goes."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from .. import labels
from . import base

#: How the lines of a ladder look: what learns is solid, what carries the past forward dashed, a ceiling dash-dotted.
LOOKS: dict[str, dict] = {
    "FC-DNN": {"color": base.SERIES_COLOURS[0], "marker": "o", "ls": "-"},
    "persistence": {"color": base.SERIES_COLOURS[2], "marker": "s", "ls": "--"},
    "audio persistence": {"color": base.SERIES_COLOURS[3], "marker": "D", "ls": "--"},
    "ceiling": {"color": base.SERIES_COLOURS[4], "marker": "^", "ls": "-."},
    "ceiling, true states": {"color": base.SERIES_COLOURS[5], "marker": "v", "ls": "-."},
}


def eligible_events(counts: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """How many events have a full window at each shift, an emotion a line.

    Args:
        counts: columns shift_s, emotion, events.
        ax: where to draw.
    """
    ax = base.axes(ax)
    order = labels.ordered(counts["emotion"])
    sns.lineplot(
        counts, x="shift_s", y="events", hue="emotion", hue_order=order, palette=labels.COLOURS, marker="o", ax=ax
    )
    base.shift_axis(ax, counts["shift_s"])
    ax.set(ylabel="events with a full window", ylim=(0, None), title="What is left to forecast")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def sweep(
    summary: pd.DataFrame,
    published: Mapping[float, float],
    ax: Axes | None = None,
    *,
    chance: float,
    names: Mapping[str, str],
) -> Axes:
    """Accuracy against shift, a line an event set, with intervals. All accuracies are in percent.

    Args:
        summary: columns event_set, shift_s, accuracy, accuracy_low, accuracy_high.
        published: shift in seconds -> published accuracy on IEMOCAP; none for another corpus.
        ax: where to draw.
        chance: accuracy of a forecast that knows nothing.
        names: event_set -> its name in the legend.
    """
    ax = base.axes(ax)
    for colour, (event_set, rows) in zip(base.SERIES_COLOURS, summary.groupby("event_set", sort=False), strict=False):
        ax.plot(rows["shift_s"], rows["accuracy"], marker="o", color=colour, label=names[event_set])
        ax.fill_between(rows["shift_s"], rows["accuracy_low"], rows["accuracy_high"], color=colour, alpha=0.18, lw=0)
    if published:
        label = "preprint on IEMOCAP (the two ends its text names)"
        points = list(published), list(published.values())
        ax.scatter(*points, marker="s", s=60, color=base.PUBLISHED_COLOUR, zorder=3, label=label)
    ax.axhline(chance, color="0.4", ls=":", label="chance")
    base.shift_axis(ax, summary["shift_s"])
    ax.set(ylabel="accuracy in percent", ylim=(0, 100))
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=2)
    return ax


def rung(
    points: pd.DataFrame,
    ax: Axes | None = None,
    *,
    chance: float,
    title: str = "",
    looks: Mapping[str, dict] = LOOKS,
) -> Axes:
    """One rung of the ladder: accuracy against shift, a line a model with its interval. All accuracies are in percent.

    Args:
        points: columns model, shift_s, accuracy, accuracy_low, accuracy_high, of one protocol.
        ax: where to draw.
        chance: accuracy of a forecast that knows nothing.
        title: the title.
        looks: model -> how its line is drawn; models that it does not know are left out.
    """
    ax = base.axes(ax)
    for name in (name for name in looks if (points["model"] == name).any()):
        rows = points[points["model"] == name].sort_values("shift_s")
        ax.plot(rows["shift_s"], rows["accuracy"], label=name, ms=4, **looks[name])
        ends = rows["accuracy_low"], rows["accuracy_high"]
        ax.fill_between(rows["shift_s"], *ends, color=looks[name]["color"], alpha=0.13, lw=0)
    ax.axhline(chance, color="0.4", ls=":", label="chance")
    ax.set(
        xlabel="shift d in seconds", ylabel="accuracy in percent", title=title
    )  # no zero: lines lie close to each other
    shifts = sorted(points["shift_s"].unique())
    ax.set_xticks(shifts[:: 1 + len(shifts) // 8])
    return ax


def differences(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """How far a second way lies above a first one at some shifts, with intervals, in percentage points.

    Args:
        table: columns shift_s, difference, low, high.
        ax: where to draw.
    """
    ax = base.axes(ax)
    below, above = table["difference"] - table["low"], table["high"] - table["difference"]
    ax.axhline(0, color="0.4", ls=":")
    ax.errorbar(table["shift_s"], table["difference"], [below, above], fmt="o", color=base.SERIES_COLOURS[0], capsize=4)
    base.shift_axis(ax, table["shift_s"])
    ax.set(ylabel="difference in accuracy\n(percentage points)")
    return ax


def recalls(table: pd.DataFrame, ax: Axes | None = None, *, chance: float) -> Axes:
    """Recall against shift, an emotion a line with its interval. All recalls are in percent.

    Args:
        table: columns emotion, shift_s, recall, recall_low, recall_high.
        ax: where to draw.
        chance: recall of a forecast that knows nothing.
    """
    ax = base.axes(ax)
    for emotion in labels.ordered(table["emotion"]):
        rows = table[table["emotion"] == emotion]
        ax.plot(rows["shift_s"], rows["recall"], marker="o", color=labels.COLOURS[emotion], label=emotion)
        ax.fill_between(
            rows["shift_s"], rows["recall_low"], rows["recall_high"], color=labels.COLOURS[emotion], alpha=0.18, lw=0
        )
    ax.axhline(chance, color="0.4", ls=":", label="chance")
    base.shift_axis(ax, table["shift_s"])
    ax.set(ylabel="recall in percent", ylim=(0, 100), title="Recall by emotion, on the same events at every shift")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return ax
