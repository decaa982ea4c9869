"""A recording and what was forecast of it, second by second.

The axis of time is always the second that is spoken about: a forecast of shift d that stands at 1:00 was made d seconds
earlier, from what had been heard until then. So forecasts at all shifts, and the truth where it is known, lie under each other.
"""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from .. import labels
from . import base

#: More seconds than this are drawn as means of several.
MOST_COLUMNS = 900
_PALEST = 0.2
#: From tick to tick on an axis that shows a clock; whole hours beyond.
_TICKS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)
_MOST_TICKS = 12
_HATCH = {"hatch": "////", "facecolor": (1, 1, 1, 0.72), "edgecolor": "0.45", "lw": 0}


def recording(
    figure: Figure,
    table: pd.DataFrame,
    outline: pd.DataFrame,
    *,
    shifts_s: Sequence[float],
    turns: pd.DataFrame | None = None,
    title: str = "",
) -> list[Axes]:
    """The whole picture: waveform, all shifts, bands of some, agreement, and the truth where it is known.

    Args:
        figure: an empty one.
        table: of `recordings.hearing.Heard`.
        outline: the waveform in little: start_s, low, high.
        shifts_s: the shifts that get bands.
        turns: speaker, start_s, end_s, emotion; None where nobody knows.
        title: of the picture.

    Returns:
        The axes from top to bottom.
    """
    table = thinned(table)
    heights = [0.7, 1.9, *[1.15] * len(shifts_s), 0.8, *([0.55] if turns is not None else [])]
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    waveform(outline, axes[0])
    forecast_map(table, axes[1])
    for ax, shift in zip(axes[2:], shifts_s, strict=False):
        bands(table[table["shift_s"] == shift], ax)
    agreement(table, axes[2 + len(shifts_s)], shifts_s=shifts_s)
    if turns is not None:
        true_turns(turns, axes[-1])
    axes[-1].set_xlabel("time in the recording that is spoken about (min:s)")
    axes[-1].xaxis.set_major_formatter(mpl.ticker.FuncFormatter(_clock))
    end_s = max(table["about_s"].max(), outline["start_s"].max())
    axes[0].set_xlim(0, end_s)
    axes[-1].xaxis.set_major_locator(mpl.ticker.MultipleLocator(_tick_s(end_s)))
    axes[0].set_title(title)
    _legend(figure, table, turns)
    return list(axes)


def thinned(table: pd.DataFrame, *, columns: int = MOST_COLUMNS) -> pd.DataFrame:
    """Means over several seconds, where a table has more than can be drawn.

    Args:
        table: as for `recording`.
        columns: how many seconds a shift may have.

    Returns:
        The same columns; abstention is that of most seconds, the forecast that of the mean probabilities.
    """
    seconds = np.sort(table["second"].unique())
    together = -(-len(seconds) // columns)
    if together == 1:
        return table
    places = np.searchsorted(seconds, table["second"]) // together
    numbers = table.select_dtypes("number").columns.difference(["shift_s"])
    means = table.assign(abstains=table["abstains"].astype(float), place=places)
    means = means.groupby(["place", "shift_s"])[[*numbers, "abstains"]].mean().reset_index()
    shares = means[[f"p_{name}" for name in _classes(table)]]
    known = shares.notna().all(axis=1)
    means["forecast"] = ""
    means.loc[known, "forecast"] = shares[known].idxmax(axis=1).str.removeprefix("p_")
    return means.assign(abstains=means["abstains"] > 0.5).drop(columns="place")


def waveform(outline: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """The waveform: lowest and highest sample of each stretch.

    Args:
        outline: start_s, low, high (full scale is 1).
        ax: where to draw.
    """
    ax = base.axes(ax)
    together = max(1, len(outline) // 2000)
    thin = outline.groupby(np.arange(len(outline)) // together).agg({"start_s": "first", "low": "min", "high": "max"})
    ax.fill_between(thin["start_s"], thin["low"], thin["high"], color="0.35", lw=0.3)
    loudest = max(1e-3, outline[["low", "high"]].abs().to_numpy().max())
    ax.set(ylim=(-1.05 * loudest, 1.05 * loudest), yticks=[], ylabel="sound")
    ax.grid(visible=False)
    return ax


def forecast_map(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """All shifts at once: the colour is the likeliest emotion's, stronger the likelier it is; hatched without an answer.

    Args:
        table: second, shift_s, about_s, forecast, p_<emotion>, abstains.
        ax: where to draw.
    """
    ax = base.axes(ax)
    shifts = sorted(table["shift_s"].unique())
    chance = 1 / len(_classes(table))
    for row, shift in enumerate(shifts):
        some = table[table["shift_s"] == shift].sort_values("about_s")
        start, stop = _span(some)
        ax.imshow(
            _colours(some, chance)[None], extent=(start, stop, row - 0.5, row + 0.5), aspect="auto", origin="lower"
        )
        ax.broken_barh(_abstentions(some), (row - 0.5, 1), **_HATCH)
    ax.set(yticks=range(len(shifts)), yticklabels=[f"+{shift:g}" for shift in shifts], ylim=(-0.5, len(shifts) - 0.5))
    ax.tick_params(axis="y", labelsize=8)
    ax.set_ylabel("seconds ahead")
    ax.grid(visible=False)
    return ax


def bands(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """The probability of each emotion at one shift, and the range over the networks; hatched without an answer.

    Args:
        table: the rows of one shift: shift_s, about_s, p_<emotion>, low_<emotion>, high_<emotion>, abstains.
        ax: where to draw.
    """
    ax = base.axes(ax)
    table = table.sort_values("about_s")
    for name in _classes(table):
        ax.fill_between(
            table["about_s"], table[f"low_{name}"], table[f"high_{name}"], color=labels.COLOURS[name], alpha=0.2, lw=0
        )
        ax.plot(table["about_s"], table[f"p_{name}"], color=labels.COLOURS[name], lw=1.6)
    ax.broken_barh(_abstentions(table), (0, 1), **{**_HATCH, "facecolor": (1, 1, 1, 0.45)}, zorder=3)
    ax.axhline(1 / len(_classes(table)), color="black", ls=":", lw=1)
    ax.set(ylim=(0, 1), yticks=(0, 0.5, 1), ylabel=f"probability\n{table['shift_s'].iloc[0]:g} s ahead")
    return ax


def agreement(table: pd.DataFrame, ax: Axes | None = None, *, shifts_s: Sequence[float]) -> Axes:
    """The share of the networks that name the same emotion as likeliest.

    Args:
        table: shift_s, about_s, agreement.
        ax: where to draw.
        shifts_s: which shifts.
    """
    ax = base.axes(ax)
    for shift, colour, style in zip(shifts_s, base.SERIES_COLOURS, ("-", "--", ":"), strict=False):
        some = table[table["shift_s"] == shift].sort_values("about_s")
        ax.step(some["about_s"], some["agreement"], where="mid", color=colour, ls=style, lw=1.3, label=f"+{shift:g} s")
    ax.set(ylim=(0, 1.08), yticks=(0, 0.5, 1), ylabel="networks\nthat agree")
    ax.legend(loc="center left", bbox_to_anchor=(1.005, 0.5), fontsize=9)
    return ax


def true_turns(turns: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """The true emotions: each turn a bar on its speaker's line.

    Args:
        turns: speaker, start_s, end_s, emotion.
        ax: where to draw.
    """
    ax = base.axes(ax)
    speakers = sorted(turns["speaker"].unique())
    for row in turns.itertuples():
        spot = (speakers.index(row.speaker), row.end_s - row.start_s)
        ax.barh(*spot, left=row.start_s, height=0.8, color=labels.COLOURS[row.emotion], ec="black", lw=0.4)
    ax.set(yticks=range(len(speakers)), yticklabels=speakers, ylim=(-0.6, len(speakers) - 0.4), ylabel="true")
    ax.tick_params(axis="y", labelsize=8)
    ax.grid(visible=False)
    return ax


def held_out_scores(scores: pd.DataFrame, ax: Axes | None = None, *, level: float) -> Axes:
    """Accuracy on what was held out, against the shift, of all events and of those that are answered.

    Args:
        scores: of `forecaster.scores.table`, fractions.
        ax: where to draw.
        level: of the intervals, between 0 and 1. A rate without one is not drawn.
    """
    ax = base.axes(ax)
    series = {
        "all events": ("accuracy", "accuracy", 0, "o"),
        "those answered": ("answered_accuracy", "answered", 5, "D"),
    }
    for place, (name, (column, ends, colour, marker)) in enumerate(series.items()):
        # Of a single dialogue there is no interval, and a rate of so few events says nothing.
        interval = 100 * scores[[f"{ends}_low", f"{ends}_high"]].astype(float)  # a column of None alone is no number
        middle = 100 * scores[column].astype(float).where(interval[f"{ends}_low"].notna())
        spread = np.abs(interval.to_numpy().T - middle.to_numpy())
        ax.errorbar(
            scores["shift_s"] + 0.3 * place, middle, yerr=np.nan_to_num(spread), fmt=marker, ms=6, capsize=3,
            color=base.SERIES_COLOURS[colour], label=f"{name}, {100 * level:g} % intervals by dialogue",
        )  # fmt: skip
    ax.plot(
        scores["shift_s"], 100 * scores["persistence"], color=base.SERIES_COLOURS[2], ls="--",
        label="persistence (reads the true labels)",
    )  # fmt: skip
    ax.axhline(100 * scores["chance"].iloc[0], color="0.4", ls=":", label="chance")
    for row in scores.itertuples():
        ax.text(row.shift_s, 3, f"{100 * row.answered:.0f} %", ha="center", fontsize=8)
    ax.text(scores["shift_s"].iloc[0] - 0.5, 9, "share of the events that is answered:", fontsize=8)
    base.shift_axis(ax, scores["shift_s"])
    ax.set(ylim=(0, 100), ylabel="accuracy in percent")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, fontsize=9)
    return ax


def _classes(table: pd.DataFrame) -> list[str]:
    return labels.ordered(column.removeprefix("p_") for column in table.columns if column.startswith("p_"))


def _colours(table: pd.DataFrame, chance: float) -> np.ndarray:
    """The colour of each row, (n, 3): its emotion's, paler towards chance; grey where nothing was forecast."""
    likeliest = table[[f"p_{name}" for name in _classes(table)]].max(axis=1).fillna(chance).to_numpy()
    strength = (_PALEST + (1 - _PALEST) * (likeliest - chance) / (1 - chance))[:, None]
    own = np.array([mpl.colors.to_rgb(labels.COLOURS.get(name, "0.9")) for name in table["forecast"]])
    return 1 - strength.clip(0, 1) * (1 - own)


def _span(table: pd.DataFrame) -> tuple[float, float]:
    """Where the first row begins and the last one ends on the axis of time, half a step beyond each."""
    half = _step(table) / 2
    return table["about_s"].iloc[0] - half, table["about_s"].iloc[-1] + half


def _step(table: pd.DataFrame) -> float:
    return float(np.median(np.diff(table["about_s"]))) if len(table) > 1 else 1.0


def _abstentions(table: pd.DataFrame) -> list[tuple[float, float]]:
    """Stretches without an answer: (start, length) each."""
    abstains, step = table["abstains"].to_numpy(dtype=bool), _step(table)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], abstains, [False]])))
    about = table["about_s"].to_numpy()
    return [
        (about[first] - step / 2, about[last - 1] - about[first] + step)
        for first, last in zip(edges[::2], edges[1::2], strict=True)
    ]


def _tick_s(seconds: float) -> float:
    """The seconds from tick to tick on a clock's axis of that length: round on a clock, and twelve ticks at most."""
    hours = -(-seconds // (_MOST_TICKS * 3600))
    return next((step for step in _TICKS_S if seconds / step <= _MOST_TICKS), 3600 * hours)


def _clock(seconds: float, _: object) -> str:
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
    return f"{whole // 60}:{whole % 60:02d}"


def _legend(figure: Figure, table: pd.DataFrame, turns: pd.DataFrame | None) -> None:
    """One legend for the whole picture, below it."""
    known = _classes(table)
    others = [] if turns is None else [name for name in labels.ordered(turns["emotion"]) if name not in known]
    handles = [Patch(fc=labels.COLOURS[name], ec="black", lw=0.4, label=name) for name in known]
    handles += [
        Patch(fc=labels.COLOURS[name], ec="black", lw=0.4, label=f"{name} (cannot be forecast)") for name in others
    ]
    handles.append(Patch(fc="white", ec="0.45", hatch="////", lw=0, label="I do not know"))
    handles.append(Patch(fc="0.5", alpha=0.25, label="range over the networks"))
    handles.append(mpl.lines.Line2D([], [], color="black", ls=":", lw=1, label="chance"))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 4), fontsize=9)
