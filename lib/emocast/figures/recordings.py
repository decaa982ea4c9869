"""A recording and what was forecast of it, second by second; and how good the forecaster is where the truth is known.

The axis of time is always the second that is spoken about: a forecast of shift d that stands at 1:00 was made d seconds
earlier. So forecasts at all shifts, and the truth where it is known, lie under each other.
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
from .base import SERIES_COLOURS

#: More seconds than this are drawn as means of several.
MOST_COLUMNS = 900
_PALEST = 0.2
#: From tick to tick on an axis that shows a clock; whole hours beyond.
_TICKS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)
_MOST_TICKS = 12
_RATES = (("all events", "accuracy", "accuracy"), ("those answered", "answered_accuracy", "answered"))
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
    """The whole picture: waveform, all shifts, bands of some, agreement, and the truth if known; its axes from the top.

    `table` holds the forecasts (`forecaster.inference.forecast`): second, shift_s, about_s, forecast, p_<emotion>,
    low_<emotion>, high_<emotion>, agreement and abstains; `outline` the waveform in little: start_s, low, high (1 is full
    scale); `turns` speaker, start_s, end_s, emotion; None where nobody knows. `shifts_s` are the shifts that get bands.
    """
    table = thinned(table)
    heights = [0.7, 1.9, *[1.15] * len(shifts_s), 0.8, *([0.55] if turns is not None else [])]
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    _waveform(outline, axes[0])
    _map(table, axes[1])
    for ax, shift in zip(axes[2:], shifts_s, strict=False):
        _bands(table[table["shift_s"] == shift], ax)
    _agreement(table, axes[2 + len(shifts_s)], shifts_s)
    if turns is not None:
        base.turns(axes[-1], turns, height=0.8, lw=0.4)
        axes[-1].set_ylabel("true")
    end_s = max(table["about_s"].max(), outline["start_s"].max())
    axes[0].set(xlim=(0, end_s), title=title)
    axes[-1].set_xlabel("time in the recording that is spoken about (min:s)")
    axes[-1].xaxis.set_major_formatter(mpl.ticker.FuncFormatter(_clock))
    axes[-1].xaxis.set_major_locator(mpl.ticker.MultipleLocator(tick_s(end_s)))
    _legend(figure, table, turns)
    return list(axes)


def thinned(table: pd.DataFrame, *, columns: int = MOST_COLUMNS) -> pd.DataFrame:
    """Means over several seconds, where a table has more than `columns` seconds a shift, which can be drawn.

    Abstention is that of most seconds, the forecast that of the mean probabilities.
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


def held_out_scores(scores: pd.DataFrame, ax: Axes, *, level: float) -> None:
    """Accuracy on what was held out, against the shift, of all events and of those that are answered.

    `scores` is the forecaster's table (`facts["scores"]`, fractions); `level` (0 to 1) is that of the intervals. A rate without
    one is not drawn.
    """
    for number, (name, column, part) in enumerate(_RATES):
        ends = (f"{part}_low", f"{part}_high")
        rows = 100 * scores[[column, *ends]].astype(float)  # a column of None alone is no number
        rows = rows.assign(at=scores["shift_s"] + 0.3 * number).dropna(
            subset=ends[0]
        )  # of one dialogue there is no interval
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


def tick_s(seconds: float) -> float:
    """The seconds from tick to tick on a clock's axis of that length: round on a clock, and twelve ticks at most."""
    hours = -(-seconds // (_MOST_TICKS * 3600))
    return next((step for step in _TICKS_S if seconds / step <= _MOST_TICKS), 3600 * hours)


def _clock(seconds: float, _: object) -> str:
    minutes, whole = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{whole:02d}" if minutes >= 60 else f"{minutes}:{whole:02d}"


def _waveform(outline: pd.DataFrame, ax: Axes) -> None:
    together = max(1, len(outline) // 2000)
    thin = outline.groupby(np.arange(len(outline)) // together).agg({"start_s": "first", "low": "min", "high": "max"})
    ax.fill_between(thin["start_s"], thin["low"], thin["high"], color="0.35", lw=0.3)
    loudest = max(1e-3, outline[["low", "high"]].abs().to_numpy().max())
    ax.set(ylim=(-1.05 * loudest, 1.05 * loudest), yticks=[], ylabel="sound")
    ax.grid(visible=False)


def _map(table: pd.DataFrame, ax: Axes) -> None:
    """All shifts at once: the colour is the likeliest emotion's, stronger the likelier it is; hatched without an answer."""
    shifts, chance = sorted(table["shift_s"].unique()), 1 / len(_classes(table))
    for row, shift in enumerate(shifts):
        some = table[table["shift_s"] == shift].sort_values("about_s")
        about, half = some["about_s"], _step(some) / 2
        place = (about.iloc[0] - half, about.iloc[-1] + half, row - 0.5, row + 0.5)
        ax.imshow(map_colours(some, chance)[None], extent=place, aspect="auto", origin="lower")
        ax.broken_barh(abstentions(some), (row - 0.5, 1), **_HATCH)
    ax.set(yticks=range(len(shifts)), yticklabels=[f"+{shift:g}" for shift in shifts], ylim=(-0.5, len(shifts) - 0.5))
    ax.tick_params(axis="y", labelsize=8)
    ax.set_ylabel("seconds ahead")
    ax.grid(visible=False)


def _bands(table: pd.DataFrame, ax: Axes) -> None:
    """The probability of each emotion at one shift, and the range over the networks; hatched without an answer."""
    table, classes = table.sort_values("about_s"), _classes(table)
    for name in classes:
        about, colour = table["about_s"], labels.COLOURS[name]
        ax.fill_between(about, table[f"low_{name}"], table[f"high_{name}"], color=colour, alpha=0.2, lw=0)
        ax.plot(about, table[f"p_{name}"], color=colour, lw=1.6)
    ax.broken_barh(abstentions(table), (0, 1), **_HATCH | {"facecolor": (1, 1, 1, 0.45)}, zorder=3)
    ax.axhline(1 / len(classes), color="black", ls=":", lw=1)
    ax.set(ylim=(0, 1), yticks=(0, 0.5, 1), ylabel=f"probability\n{table['shift_s'].iloc[0]:g} s ahead")


def _agreement(table: pd.DataFrame, ax: Axes, shifts_s: Sequence[float]) -> None:
    for shift, colour, style in zip(shifts_s, SERIES_COLOURS, ("-", "--", ":"), strict=False):
        some = table[table["shift_s"] == shift].sort_values("about_s")
        ax.step(some["about_s"], some["agreement"], where="mid", color=colour, ls=style, lw=1.3, label=f"+{shift:g} s")
    ax.set(ylim=(0, 1.08), yticks=(0, 0.5, 1), ylabel="networks\nthat agree")
    base.legend_beside(ax, fontsize=9)


def map_colours(table: pd.DataFrame, chance: float) -> np.ndarray:
    """The colour of each row, (n, 3): its emotion's, paler towards chance; grey where nothing was forecast."""
    likeliest = table[[f"p_{name}" for name in _classes(table)]].max(axis=1).fillna(chance).to_numpy()
    strength = (_PALEST + (1 - _PALEST) * (likeliest - chance) / (1 - chance))[:, None]
    own = np.array([mpl.colors.to_rgb(labels.COLOURS.get(name, "0.9")) for name in table["forecast"]])
    return 1 - strength.clip(0, 1) * (1 - own)


def abstentions(table: pd.DataFrame) -> list[tuple[float, float]]:
    """Stretches without an answer in the rows of one shift: (start, length) each, in seconds."""
    about, step = table["about_s"].to_numpy(), _step(table)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], table["abstains"].to_numpy(dtype=bool), [False]])))
    ends = zip(edges[::2], edges[1::2] - 1, strict=True)
    return [(about[first] - step / 2, about[last] - about[first] + step) for first, last in ends]


def _classes(table: pd.DataFrame) -> list[str]:
    return labels.ordered(column.removeprefix("p_") for column in table.columns if column.startswith("p_"))


def _step(table: pd.DataFrame) -> float:
    return float(np.median(np.diff(table["about_s"]))) if len(table) > 1 else 1.0


def _legend(figure: Figure, table: pd.DataFrame, turns: pd.DataFrame | None) -> None:
    """One legend for the whole picture, below it."""
    names = {name: name for name in _classes(table)}
    for name in labels.ordered([] if turns is None else turns["emotion"]):
        names.setdefault(name, f"{name} (cannot be forecast)")
    handles = [Patch(fc=labels.COLOURS[name], ec="black", lw=0.4, label=label) for name, label in names.items()]
    handles.append(Patch(fc="white", ec="0.45", hatch="////", lw=0, label="I do not know"))
    handles.append(Patch(fc="0.5", alpha=0.25, label="range over the networks"))
    handles.append(mpl.lines.Line2D([], [], color="black", ls=":", lw=1, label="chance"))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 4), fontsize=9)
