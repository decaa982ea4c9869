"""Figures: data and axes in, axes out. No file is read or written here.

Each emotion has the colour of `labels.COLOURS` in every figure; units stand in the axis labels; where there are samples
there are intervals.
"""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from . import labels

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


def _axes(ax: Axes | None) -> Axes:
    return plt.gca() if ax is None else ax


def _frequent(table: pd.DataFrame) -> pd.DataFrame:
    """The labelled rows of the emotions that have at least `FEWEST` of them."""
    counts = table["emotion"].value_counts()
    return table[table["emotion"].isin(counts[counts >= FEWEST].index)]


def _shift_axis(ax: Axes, shifts_s: pd.Series) -> None:
    """Label the axis of shifts, with a tick at each."""
    ax.set(xlabel="shift d: seconds from the window's end to the event", xticks=sorted(shifts_s.unique()))


def emotion_counts(table: pd.DataFrame, ax: Axes | None = None, *, by: str = "session") -> Axes:
    """Stacked bars: how many utterances of each emotion each session (or speaker) has.

    Args:
        table: an utterance table; unlabelled rows are shown as "no majority".
        ax: where to draw; the current axes by default.
        by: the column of the bars.
    """
    ax = _axes(ax)
    emotion = table["emotion"].fillna("no majority")
    counts = pd.crosstab(table[by], emotion)
    shown = [
        *labels.ordered(set(counts.columns) - {"no majority"}),
        *(["no majority"] if "no majority" in counts else []),
    ]
    colours = [labels.COLOURS.get(name, "#FFFFFF") for name in shown]
    counts[shown].plot.bar(stacked=True, color=colours, ax=ax, width=0.8, edgecolor="0.4", linewidth=0.4, rot=0)
    ax.set(xlabel=by, ylabel="utterances", title=f"Emotions by {by}")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    ax.grid(axis="x", visible=False)
    return ax


def durations(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """How long utterances are, an emotion a box (quartiles; whiskers to the 5th and 95th percentile).

    Args:
        table: an utterance table; emotions with fewer than `FEWEST` utterances are not shown.
        ax: where to draw.
    """
    ax = _axes(ax)
    shown = _frequent(table).assign(seconds=lambda rows: rows["end_s"] - rows["start_s"])
    order = labels.ordered(shown["emotion"])
    sns.boxplot(
        shown, x="seconds", y="emotion", hue="emotion", order=order, hue_order=order, palette=labels.COLOURS,
        whis=(5, 95), fliersize=0, legend=False, ax=ax, saturation=1,
    )  # fmt: skip
    ax.set(xlabel="length of an utterance in seconds", ylabel="", xlim=(0, None), title="Utterance lengths")
    return ax


def valence_arousal(table: pd.DataFrame, ax: Axes | None = None, *, scale: tuple[float, float] = (1, 5)) -> Axes:
    """The plane of valence and arousal: each emotion's mean with its spread (one standard deviation) over its utterances.

    Args:
        table: an utterance table with valence and arousal; emotions with fewer than `FEWEST` ratings are not shown.
        ax: where to draw.
        scale: the corpus's lowest and highest value.
    """
    ax = _axes(ax)
    rated = _frequent(table.dropna(subset=["valence", "arousal"]))
    for emotion in labels.ordered(rated["emotion"]):
        chosen = rated[rated["emotion"] == emotion]
        x, y = chosen["valence"], chosen["arousal"]
        ax.errorbar(
            x.mean(), y.mean(), xerr=x.std(), yerr=y.std(), fmt="o", ms=9, color=labels.COLOURS[emotion],
            mec="black", mew=0.6, elinewidth=1.5, label=f"{emotion} ({len(chosen):,})",
        )  # fmt: skip
    ax.set(xlim=scale, ylim=scale, aspect="equal", title="Where emotions lie: mean and one standard deviation")
    ax.set(
        xlabel=f"valence ({scale[0]:g} negative to {scale[1]:g} positive)",
        ylabel=f"arousal ({scale[0]:g} calm to {scale[1]:g} excited)",
    )
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), title="emotion (utterances)")
    return ax


def timeline(dialogue: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """One dialogue as it runs: each turn a bar on its speaker's line, in its emotion's colour.

    Args:
        dialogue: the rows of one dialogue of an utterance table.
        ax: where to draw.
    """
    ax = _axes(ax)
    speakers = sorted(dialogue["speaker"].unique())
    for row in dialogue.itertuples():
        colour = "#FFFFFF" if pd.isna(row.emotion) else labels.COLOURS[row.emotion]
        ax.barh(
            speakers.index(row.speaker),
            row.end_s - row.start_s,
            left=row.start_s,
            height=0.7,
            color=colour,
            ec="black",
            lw=0.5,
        )
    shown = labels.ordered(dialogue["emotion"].dropna())
    handles = [mpl.patches.Patch(fc=labels.COLOURS[name], ec="black", lw=0.5, label=name) for name in shown]
    if dialogue["emotion"].isna().any():
        handles.append(mpl.patches.Patch(fc="#FFFFFF", ec="black", lw=0.5, label="no majority"))
    ax.set(
        yticks=range(len(speakers)),
        yticklabels=speakers,
        xlabel="seconds",
        title=f"Dialogue {dialogue['dialogue'].iloc[0]}",
    )
    ax.set_xlim(0, dialogue["end_s"].max() + 1)
    ax.legend(handles=handles, loc="center left", bbox_to_anchor=(1, 0.5))
    ax.grid(axis="y", visible=False)
    return ax


def eligible_events(counts: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """How many events have a full window at each shift, an emotion a line.

    Args:
        counts: columns shift_s, emotion, events.
        ax: where to draw.
    """
    ax = _axes(ax)
    order = labels.ordered(counts["emotion"])
    sns.lineplot(
        counts, x="shift_s", y="events", hue="emotion", hue_order=order, palette=labels.COLOURS, marker="o", ax=ax
    )
    _shift_axis(ax, counts["shift_s"])
    ax.set(ylabel="events with a full window", ylim=(0, None), title="What is left to forecast")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def embedding(points: np.ndarray, hue: pd.Series, ax: Axes | None = None, *, title: str, axis: str) -> Axes:
    """Embeddings in two dimensions, a dot a window.

    Args:
        points: shape (n, 2).
        hue: the colour of each dot: emotions have their own colours, other groups get a scale of their own.
        ax: where to draw.
        title: the title.
        axis: what the axes are, for example "principal component".
    """
    ax = _axes(ax)
    emotional = hue.isin(labels.EMOTIONS).all()
    order = labels.ordered(hue) if emotional else sorted(hue.unique())
    named = list(SERIES_COLOURS) if len(order) <= len(SERIES_COLOURS) else "viridis"
    palette = labels.COLOURS if emotional else sns.color_palette(named, len(order))
    sns.scatterplot(
        x=points[:, 0],
        y=points[:, 1],
        hue=hue.to_numpy(),
        hue_order=order,
        palette=palette,
        s=18,
        alpha=0.8,
        ax=ax,
        linewidth=0,
    )
    ax.set(xlabel=f"{axis} 1", ylabel=f"{axis} 2", title=title, xticklabels=[], yticklabels=[])
    ax.legend(title=hue.name, markerscale=1.5, loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def losses(curves: pd.DataFrame, ax: Axes | None = None, *, classes: int | None = None, title: str = "") -> Axes:
    """Training and held-out loss by epoch.

    Args:
        curves: columns epoch, train_loss, validation_loss (cross-entropy in nats).
        ax: where to draw.
        classes: draws the loss of a forecast that knows nothing, ln(classes).
        title: the title.
    """
    ax = _axes(ax)
    ax.plot(curves["epoch"], curves["train_loss"], color=SERIES_COLOURS[0], label="training part")
    ax.plot(curves["epoch"], curves["validation_loss"], color=SERIES_COLOURS[1], ls="--", label="held-out part")
    if classes:
        ax.axhline(np.log(classes), color="0.4", lw=1, ls=":", label=f"knowing nothing, ln {classes}")
    ax.set(xlabel="epoch", ylabel="cross-entropy in nats", ylim=(0, None), title=title)
    ax.legend()
    return ax


def confusion(matrix: pd.DataFrame, ax: Axes | None = None, *, title: str = "") -> Axes:
    """A confusion matrix: counts, coloured by the share of the true class.

    Args:
        matrix: counts, true emotions as rows, forecast ones as columns.
        ax: where to draw.
        title: the title.
    """
    ax = _axes(ax)
    share = matrix.div(matrix.sum(axis=1).clip(lower=1), axis=0)
    sns.heatmap(
        share, annot=matrix, fmt="d", vmin=0, vmax=1, cmap="cividis", ax=ax, square=True, linewidths=0.5,
        cbar_kws={"label": "share of the true emotion", "shrink": 0.7},
    )  # fmt: skip
    ax.set(xlabel="forecast", ylabel="true", title=title)
    ax.tick_params(axis="x", rotation=30)
    ax.tick_params(axis="y", rotation=0)
    return ax


def accuracies(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Accuracies side by side: a row a task, a marker a way of measuring, with intervals where there are any.

    Args:
        table: columns task, series, value, low, high (fractions; low and high may be missing) and chance.
        ax: where to draw.
    """
    ax = _axes(ax)
    tasks, series = list(table["task"].unique()), list(table["series"].unique())
    colours = {name: PUBLISHED_COLOUR if "published:" in name else None for name in series}
    own = iter(SERIES_COLOURS)
    markers = dict(zip(series, "sDo^v<>P", strict=False))
    for position, name in enumerate(series):
        rows = table[table["series"] == name]
        y = np.array([tasks.index(task) for task in rows["task"]]) + (position - (len(series) - 1) / 2) * 0.8 / len(
            series
        )
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
        published: shift in seconds -> published accuracy.
        ax: where to draw.
        chance: accuracy of a forecast that knows nothing.
        names: event_set -> its name in the legend.
    """
    ax = _axes(ax)
    for colour, (event_set, rows) in zip(SERIES_COLOURS, summary.groupby("event_set", sort=False), strict=False):
        ax.plot(rows["shift_s"], rows["accuracy"], marker="o", color=colour, label=names[event_set])
        ax.fill_between(rows["shift_s"], rows["accuracy_low"], rows["accuracy_high"], color=colour, alpha=0.18, lw=0)
    label = "preprint on IEMOCAP (the two ends its text names)"
    ax.scatter(
        list(published), list(published.values()), marker="s", s=60, color=PUBLISHED_COLOUR, zorder=3, label=label
    )
    ax.axhline(chance, color="0.4", ls=":", label="chance")
    _shift_axis(ax, summary["shift_s"])
    ax.set(ylabel="accuracy in percent", ylim=(0, 100))
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=2)
    return ax


def recalls(table: pd.DataFrame, ax: Axes | None = None, *, chance: float) -> Axes:
    """Recall against shift, an emotion a line with its interval. All recalls are in percent.

    Args:
        table: columns emotion, shift_s, recall, recall_low, recall_high.
        ax: where to draw.
        chance: recall of a forecast that knows nothing.
    """
    ax = _axes(ax)
    for emotion in labels.ordered(table["emotion"]):
        rows = table[table["emotion"] == emotion]
        ax.plot(rows["shift_s"], rows["recall"], marker="o", color=labels.COLOURS[emotion], label=emotion)
        ax.fill_between(
            rows["shift_s"], rows["recall_low"], rows["recall_high"], color=labels.COLOURS[emotion], alpha=0.18, lw=0
        )
    ax.axhline(chance, color="0.4", ls=":", label="chance")
    _shift_axis(ax, table["shift_s"])
    ax.set(ylabel="recall in percent", ylim=(0, 100), title="Recall by emotion, on the same events at every shift")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return ax
