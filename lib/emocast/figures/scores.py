"""Scores and what they are made of: by protocol, shift, class and test set, with intervals; reliability; trainings.

Each function draws into `ax`. `chance` is the score of what knows nothing, in the unit of the table; an interval is the columns
`low` and `high`, or a score's name with `_low` and `_high`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import ArrayLike
from scipy.stats import norm
from sklearn.metrics import ConfusionMatrixDisplay

from .. import labels, metrics
from . import base
from .base import LOOKS, PUBLISHED_COLOUR, SERIES_COLOURS

_ACCURACY = ("accuracy_low", "accuracy_high")
_APART = "what the split holds apart"
#: Width of a bin in points of the scale. Mean ratings lie on halves, thirds and quarters; a quarter holds them evenly.
BIN = 0.25


def scores(
    table: pd.DataFrame,
    ax: Axes,
    *,
    rows: str = "test_set",
    by: str = "model",
    value: str = "value",
    ends: tuple[str, str] = ("low", "high"),
    chance: float | pd.Series | None = 0.25,
    guess: str = "chance",
    label: str = "accuracy",
    title: str = "",
    looks: Mapping[str, dict] = LOOKS,
) -> None:
    """A score by test set, a colour a model, with intervals, and the `published` value of each as a hollow black square.

    All are fractions, in the order of drawing from the top. `chance`, which a `guess` scores, is one number, a Series with one
    a row, or None.
    """
    at = base.intervals(ax, table, rows, value, by, ends=ends, looks=looks, flat=True)
    if "published" in table and table["published"].notna().any():
        square = {"ms": 10, "mfc": "none", "mec": PUBLISHED_COLOUR, "mew": 1.1, "label": "published, same model"}
        ax.plot(table["published"], at, "s", **square)
    if chance is not None:
        guess += "" if isinstance(chance, pd.Series) else f", {chance:.0%}"
        base.chance_line(ax, chance, flat=True, label=guess)
    ax.set(xlim=(min(ax.get_xlim()[0], 0), 1), xlabel=label, title=title)
    base.percent(ax.xaxis)
    base.legend_beside(ax)


def accuracies(table: pd.DataFrame, ax: Axes) -> None:
    """Accuracies side by side, a row a task and a marker a series: columns task, series, value, low, high and chance."""
    chance, black = table.groupby("task", sort=False)["chance"].first(), {"color": PUBLISHED_COLOUR, "marker": "s"}
    looks = {name: black for name in table["series"] if "published:" in name}
    scores(table, ax, rows="task", by="series", chance=chance, looks=looks)
    base.legend_below(ax, 0.15, ncols=2)


def changes(table: pd.DataFrame, ax: Axes, *, chance: float, title: str = "") -> None:
    """Accuracy in percent where the emotion changes and where it stays (`events`), a row a forecaster, with intervals."""
    looks = {"shift": {"label": "the emotion changed", "color": SERIES_COLOURS[8]}}
    looks |= {"stay": {"label": "it stayed", "color": SERIES_COLOURS[6]}}
    for events, count in table[table["events"].isin(looks)].groupby("events")["n"].max().items():
        looks[events]["label"] += f" ({count:,.0f} events)"
    drawing = {"ends": _ACCURACY, "series": list(looks), "looks": looks, "flat": True}
    base.intervals(ax, table, "model", "accuracy", "events", **drawing)
    base.chance_line(ax, chance, flat=True)
    ax.set(xlim=(-2, 102), xlabel="accuracy in percent", title=title)
    base.legend_below(ax, 0.14)


def shares(table: pd.DataFrame, ax: Axes, *, title: str = "") -> None:
    """Which class one model leans to: `true_share` (tick) and `predicted_share` (dot) by emotion and test_set, fractions."""
    order = labels.ordered(table["emotion"])
    dot = {"ms": 7, "mec": "black", "mew": 0.6, "lw": 4, "zorder": 4}
    looks = {name: LOOKS[name] | dot | {"label": f"{name}, predicted"} for name in order}
    drawing = {"ends": ("true_share", "predicted_share"), "series": order, "looks": looks, "flat": True}
    at = base.intervals(ax, table, "test_set", "predicted_share", "emotion", **drawing)
    ax.plot(table["true_share"], at, "|", ms=13, mec="black", mew=1.5, label="true share", zorder=3)
    base.chance_line(ax, 1 / len(order), flat=True, label=f"one of {len(order)}")
    ax.set(xlim=(0, 1), xlabel="share of the utterances", title=title)
    base.percent(ax.xaxis)
    base.legend_beside(ax)


def by_protocol(
    table: pd.DataFrame, ax: Axes, *, models: Sequence[str], main: str, chance: float, title: str = ""
) -> None:
    """Accuracy in percent by protocol, of the forecaster `main`, which stands out, and those of `models` that the table has."""
    names = [name for name in (main, *models) if name in set(table["model"])]
    own = {name: LOOKS[name]["color"] for name in names if name in LOOKS}
    free = iter(colour for colour in SERIES_COLOURS if colour not in own.values())
    looks = {name: {"color": own.get(name) or next(free), "lw": 1.2, "ms": 5} for name in names}
    looks[main] |= {"lw": 2.5, "ms": 7}
    base.intervals(ax, table, "protocol", "accuracy", "model", ends=_ACCURACY, series=names, looks=looks)
    base.chance_line(ax, chance)
    ax.set(xlabel=_APART, ylabel="accuracy in percent", ylim=(0, 100), title=title)


def gains(
    table: pd.DataFrame,
    ax: Axes,
    *,
    value: str = "difference",
    sure: str | None = None,
    label: str = "accuracy minus that of persistence\n(percentage points)",
    limits: tuple[float, float] = (-np.inf, np.inf),
    title: str = "",
    legend: bool = True,
) -> None:
    """A gain by protocol, a colour a shift, with intervals; filled where a test is passed.

    `table` has the columns protocol, shift_s, `value`, low, high and the boolean `sure` (None fills all). What lies beyond the
    `limits` of the axis ends there with an arrow.
    """
    shifts, ends = sorted(table["shift_s"].unique()), ["low", "high"]
    table = table.assign(**table[ends].where(table[value].notna()))
    looks = {s: {"label": f"{s:g} s before", "mec": SERIES_COLOURS[n], "ms": 7} for n, s in enumerate(shifts)}
    clipped = table.assign(**table[[value, *ends]].clip(*limits))
    at = base.intervals(ax, clipped, "protocol", value, "shift_s", series=shifts, looks=looks, filled=sure)
    for edge, beyond, arrow in zip(limits, (table["low"] < limits[0], table["high"] > limits[1]), "v^", strict=True):
        if np.isfinite(edge):
            colours = [SERIES_COLOURS[shifts.index(shift)] for shift in table.loc[beyond, "shift_s"]]
            ax.scatter(at[beyond], [edge] * beyond.sum(), marker=arrow, s=45, c=colours, clip_on=False, zorder=4)
            ax.set_ylim(limits)
    base.chance_line(ax, 0, label=None)
    ax.set(xlabel=_APART, ylabel=label, title=title)
    if legend:
        base.legend_below(ax, 0.2, ncols=len(shifts))


def by_shift(
    table: pd.DataFrame, ax: Axes, *, chance: float, score: str = "accuracy", by: str = "model", looks: Mapping = LOOKS
) -> None:
    """A score in percent against shift, a line a model (or what `by` names) with its interval.

    `table` has the columns shift_s, `by` and the score with its interval; what `looks` does not know is left out.
    """
    ends = (f"{score}_low", f"{score}_high")
    table, looks = table.sort_values("shift_s", kind="stable"), {name: {"ms": 4} | looks[name] for name in looks}
    base.intervals(ax, table, "shift_s", score, by, ends=ends, series=list(looks), looks=looks, line=True)
    base.chance_line(ax, chance)
    base.shift_axis(ax, table["shift_s"])
    ax.set_ylabel(f"{score} in percent")  # no zero: lines lie close together


def sweep(
    table: pd.DataFrame, published: Mapping[float, float], ax: Axes, *, chance: float, names: Mapping[str, str]
) -> None:
    """Accuracy in percent against shift, a line an event set: columns event_set, shift_s and accuracy with its interval.

    `published` is the accuracy by shift that was printed (may be empty); `names` are the event sets' in the legend.
    """
    looks = {name: {"label": names[name], "marker": "o", "ms": 6} for name in table["event_set"].unique()}
    by_shift(table, ax, chance=chance, by="event_set", looks=looks)
    if published:
        label = "preprint on IEMOCAP (the two ends its text names)"
        ax.plot(published.keys(), published.values(), "s", ms=8, color=PUBLISHED_COLOUR, zorder=3, label=label)
    ax.set_ylim(0, 100)
    base.legend_below(ax, 0.15, ncols=2)


def recalls(table: pd.DataFrame, ax: Axes, *, chance: float) -> None:
    """Recall in percent against shift, an emotion a line: columns emotion, shift_s, recall with its interval."""
    by_shift(table, ax, chance=chance, score="recall", by="emotion")
    ax.set(ylim=(0, 100), title="Recall by emotion, on the same events at every shift")
    base.legend_beside(ax)


def eligible_events(counts: pd.DataFrame, ax: Axes) -> None:
    """How many events have a full window at each shift, an emotion a line: columns shift_s, emotion, events."""
    ends = ("events", "events")
    base.intervals(ax, counts, "shift_s", "events", "emotion", ends=ends, series=list(LOOKS), looks=LOOKS, line=True)
    base.shift_axis(ax, counts["shift_s"])
    ax.set(ylabel="events with a full window", ylim=(0, None), title="What is left to forecast")
    base.legend_beside(ax)


def differences(table: pd.DataFrame, ax: Axes) -> None:
    """How far a second way lies above a first one, in percentage points: columns shift_s, difference, low, high."""
    base.chance_line(ax, 0, label=None)
    base.intervals(ax, table, "shift_s", "difference")
    base.shift_axis(ax, table["shift_s"])
    ax.set_ylabel("difference in accuracy\n(percentage points)")


def learning_curve(
    table: pd.DataFrame, ax: Axes, *, chance: float, levels: Mapping[str, float], title: str = ""
) -> None:
    """Accuracy in percent against `train_dialogues` (logarithmic); `levels` are those of others at their full training."""
    looks = {"": LOOKS["FC-DNN"] | {"label": "FC-DNN"}}
    base.intervals(ax, table, "train_dialogues", "accuracy", ends=_ACCURACY, looks=looks, line=True)
    for name, level in levels.items():
        ax.axhline(level, color=LOOKS.get(name, {"color": "0.4"})["color"], ls="--", lw=1.4, label=name)
    base.chance_line(ax, chance)
    ax.set(xscale="log", ylabel="accuracy in percent", ylim=(0, 100), title=title)
    ax.set_xlabel("dialogues to learn from (mean of the folds, logarithmic)")
    ax.set_xticks(table["train_dialogues"], [f"{number:.0f}" for number in table["train_dialogues"]])
    ax.minorticks_off()
    base.legend_beside(ax)


def hyperparameters(table: pd.DataFrame, ax: Axes, *, chance: float, marked: str, title: str = "") -> None:
    """Accuracy in percent of each setting against the parameters of its network; the first one, `marked`, is ringed."""
    rates = sorted(table["learning_rate"].unique())
    drawing = {"series": rates, "looks": {value: {"label": f"learning rate {value:g}"} for value in rates}}
    base.intervals(ax, table, "parameters", "accuracy", "learning_rate", ends=_ACCURACY, **drawing)
    ring = {"s": 220, "fc": "none", "ec": PUBLISHED_COLOUR, "lw": 2, "zorder": 4, "label": marked}
    ax.scatter(*table.loc[table["first"], ["parameters", "accuracy"]].to_numpy().T, **ring)
    base.chance_line(ax, chance)
    ax.set(xscale="log", ylabel="accuracy in percent", ylim=(0, 100), title=title)
    ax.set_xlabel("trained parameters of the network (logarithmic)")
    ax.xaxis.set_major_locator(mpl.ticker.LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter(mpl.ticker.EngFormatter(sep=""))  # 20k, 1M
    ax.xaxis.set_minor_formatter(mpl.ticker.NullFormatter())
    base.legend_beside(ax)


def reliability_diagram(table: pd.DataFrame, ax: Axes, *, interval: str, title: str = "") -> None:
    """Accuracy against confidence, a point a bin with its interval; below them, the share of the events in each bin.

    Points under the diagonal: surer than right. `table` is from `metrics.reliability_table`; `interval` names the ends.
    """
    width, total = table["up_to"] - table["above"], table["n"].sum()
    bar = {"color": SERIES_COLOURS[4], "alpha": 0.5, "ec": "white", "label": f"share of the {total:,} events"}
    ax.bar(table["above"], table["n"] / total, width=width, align="edge", **bar, zorder=1)
    ax.plot([0, 1], [0, 1], color="0.4", ls=":", label="as often right as sure", zorder=2)
    ax.plot(table["confidence"], table["accuracy"], color=SERIES_COLOURS[0], lw=1, zorder=3)
    looks = {"": {"label": f"accuracy of the bin, {interval}", "zorder": 4}}
    base.intervals(ax, table, "confidence", "accuracy", looks=looks)
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence: probability of the forecast class", title=title)
    ax.set(ylabel="accuracy; share of events", xticks=np.linspace(0, 1, 6), aspect="equal")
    base.percent(ax.xaxis, ax.yaxis)
    base.legend_below(ax, 0.15)


def confusion(
    matrix: pd.DataFrame, ax: Axes, *, title: str = "", predicted: str = "forecast", percent: bool = False
) -> None:
    """A confusion matrix, coloured by the share of the true class; `percent` of it in place of counts and a colour bar.

    `matrix` holds counts, true emotions as rows, predicted ones as columns.
    """
    share = matrix.div(matrix.sum(axis=1).clip(lower=1), axis=0)
    # seaborn's heatmap would draw the whole figure anew for each matrix in it.
    shown = ConfusionMatrixDisplay(share.to_numpy(), display_labels=list(matrix.columns))
    shown.plot(ax=ax, cmap="cividis", colorbar=False, im_kw={"vmin": 0, "vmax": 1})
    ax.grid(visible=False)
    words = (share.map("{:.0%}".format) if percent else matrix).to_numpy().flat
    for text, word, part in zip(shown.text_.flat, words, share.to_numpy().flat, strict=True):
        text.set(text=str(word), color="white" if part < 0.5 else "black")
    if not percent:
        ax.figure.colorbar(shown.im_, ax=ax, label="share of the true emotion", shrink=0.7)
    ax.set(xlabel=predicted, ylabel="true", title=title)
    ax.tick_params(axis="x", rotation=30)


def losses(curves: pd.DataFrame, ax: Axes, *, classes: int) -> None:
    """Columns train_loss and validation_loss (nats) by epoch, and ln(`classes`), which knowing nothing costs."""
    log = curves.set_axis([name.removesuffix("_loss").replace("validation", "valid") for name in curves], axis=1)
    log = log.melt("epoch", ["train", "valid"], var_name="stage", value_name="loss")
    training_curves(log, ax, label="cross-entropy in nats")
    base.chance_line(ax, np.log(classes), label=f"knowing nothing, ln {classes}")
    ax.legend()


def training_curves(
    log: pd.DataFrame, ax: Axes, *, value: str = "loss", kept: int | None = None, label: str = ""
) -> None:
    """The column `value` of a training log by epoch, a line a stage ("train", "valid"), and the epoch that was `kept`."""
    shown = log.dropna(subset=[value]).sort_values("epoch")
    marker = "o" if shown["epoch"].nunique() <= 15 else None
    for colour, (stage, name, dashes) in enumerate((("train", "training part", "-"), ("valid", "held-out part", "--"))):
        rows = shown[shown["stage"] == stage]
        if len(rows):
            ax.plot(rows["epoch"], rows[value], marker=marker, color=SERIES_COLOURS[colour], ls=dashes, label=name)
    if kept is not None:
        ax.axvline(kept, color="0.4", ls=":", label=f"kept: epoch {kept}")
        own = shown[(shown["stage"] == "valid") & (shown["epoch"] == kept)]
        ax.plot(own["epoch"], own[value], "o", ms=10, mfc="none", mec="black", mew=1.5)
    ax.set(xlabel="epoch", ylabel=label or value)
    ax.set_ylim(0, max(ax.get_ylim()[1], 1.08 * shown[value].max()))  # keeps axes of one scale as high as the highest
    ax.xaxis.set_major_locator(mpl.ticker.MaxNLocator(integer=True))
    ax.legend()


def dimensions(true: ArrayLike, predicted: ArrayLike, axes: Sequence[Axes], *, dimension: str) -> None:
    """Predicted beside true values, (n,), of valence or arousal, into three axes (the thesis's figures 5.2 to 5.7).

    How often each value is true and how often predicted; one against the other, with the line of identity, correlation and
    concordance (many points are counted in cells); and the errors with the normal curve of their mean and deviation.
    """
    true, predicted = np.asarray(true, dtype=float), np.asarray(predicted, dtype=float)
    name, ticks, found = base.DIMENSIONS[dimension], np.arange(1, 6), metrics.evaluate_regression(true, predicted)
    edges, bars, outline = _edges(true, predicted, (1, 5)), {"color": "0.75"}, {"histtype": "step", "lw": 2}
    highest = []
    for side, values, look in (("true", true, bars), ("predicted", predicted, outline | {"color": SERIES_COLOURS[0]})):
        label = f"{side} (mean {values.mean():.2f}, sd {values.std():.2f})"
        highest.append(axes[0].hist(values, edges, **look, label=label)[0].max())
    _histogram(axes[0], max(highest))
    axes[0].set(xlabel=name, xticks=ticks)
    _scatter(true, predicted, axes[1], found)
    axes[1].set(xticks=ticks, yticks=ticks, xlabel=f"true {name}", ylabel=f"predicted {dimension}")
    _errors(predicted - true, axes[2], found)
    axes[2].set_xlabel(f"{dimension}: predicted - true, in points")


def _scatter(true: np.ndarray, predicted: np.ndarray, ax: Axes, found: Mapping[str, float]) -> None:
    if len(true) >= 1500:  # single dots would hide one another
        look = {"cmin": 1, "norm": mpl.colors.LogNorm(vmin=1), "cmap": "cividis_r"}  # its middle is crowded
        cells = ax.hist2d(true, predicted, [_edges(true), _edges(predicted)], **look)[3]
        ax.figure.colorbar(cells, ax=ax, label=f"utterances per {BIN:g} x {BIN:g} points", shrink=0.7)
    else:
        ax.scatter(true, predicted, s=22, alpha=min(0.8, 12 / len(true) ** 0.5), lw=0, color=SERIES_COLOURS[0])
    correlation = "not defined" if np.isnan(found["correlation"]) else f"{found['correlation']:.2f}"
    words, box = f"correlation {correlation}\nCCC {found['ccc']:.2f}\nn = {len(true):,}", {"fc": "white", "ec": "none"}
    ax.text(0.03, 0.97, words, transform=ax.transAxes, va="top", fontsize="small", bbox=box | {"alpha": 0.8, "pad": 2})
    everything = np.concatenate([true, predicted, (1, 5)])
    limits = everything.min() - 0.05 * np.ptp(everything), everything.max() + 0.05 * np.ptp(everything)
    ax.plot(limits, limits, color="0.3", ls="--", lw=1.2)
    ax.set(xlim=limits, ylim=limits, aspect="equal")


def _errors(error: np.ndarray, ax: Axes, found: Mapping[str, float]) -> None:
    mean, deviation, reach = found["error_mean"], found["error_std"], np.abs(error).max()
    highest = ax.hist(error, _edges([-reach, reach]), color="0.75")[0].max()
    ax.axvline(0, color="0.3", ls="--", lw=1.2, label="no error")
    ax.axvline(mean, color=SERIES_COLOURS[2], lw=2, label=f"mean {mean:+.2f}")
    if deviation > 0:
        x = np.linspace(-reach - BIN, reach + BIN, 200)
        curve = norm.pdf(x, mean, deviation) * BIN * len(error)
        highest = max(highest, curve.max())
        ax.plot(x, curve, color=SERIES_COLOURS[0], lw=1.5, label=f"normal, sd {deviation:.2f}")
    _histogram(ax, highest)


def _edges(*values: ArrayLike) -> np.ndarray:
    """Edges of bins of width `BIN` that have the multiples of `BIN` in their middle, around all values."""
    ends = np.concatenate(values).min(), np.concatenate(values).max()
    first, last = (np.floor(end / BIN + 0.5) for end in ends)
    return (np.arange(first, last + 2) - 0.5) * BIN


def _histogram(ax: Axes, highest: float) -> None:
    """Room for the legend above the bars; axes that share their scale get the room of the highest."""
    ax.set(ylim=(0, max(ax.get_ylim()[1], 1.3 * highest)), ylabel=f"utterances per {BIN:g} points")
    ax.legend(loc="upper left", fontsize="small")
    ax.grid(axis="x", visible=False)


def held_out_scores(scores: pd.DataFrame, ax: Axes, *, level: float) -> None:
    """Accuracy on what was held out, against the shift, of all events and of those that are answered.

    `scores` is the forecaster's table (`facts["scores"]`, fractions); a rate without an interval, of `level`, is not drawn.
    """
    rates = (("all events", "accuracy", "accuracy"), ("those answered", "answered_accuracy", "answered"))
    for number, (name, column, part) in enumerate(rates):
        ends = (f"{part}_low", f"{part}_high")
        rows = 100 * scores[[column, *ends]].astype(float)  # a column of None alone is no number
        rows = rows.assign(at=scores["shift_s"] + 0.3 * number).dropna(subset=ends[0])
        look = {"label": f"{name}, {100 * level:g} % intervals by dialogue", "color": SERIES_COLOURS[5 * number]}
        base.intervals(ax, rows, "at", column, ends=ends, looks={"": look})
    label = "persistence (reads the true labels)"
    ax.plot(scores["shift_s"], 100 * scores["persistence"], color=SERIES_COLOURS[2], ls="--", label=label)
    base.chance_line(ax, 100 * scores["chance"].iloc[0])
    for row in scores.itertuples():
        ax.text(row.shift_s, 3, f"{100 * row.answered:.0f} %", ha="center", fontsize=8)
    ax.text(scores["shift_s"].iloc[0] - 0.5, 9, "share of the events that is answered:", fontsize=8)
    base.shift_axis(ax, scores["shift_s"])
    ax.set(ylim=(0, 100), ylabel="accuracy in percent")
    base.legend_below(ax, 0.16, ncols=2, fontsize=9)
