"""What a corpus holds, the 32 of the audit, and a recording with what was forecast of it; each function draws into `ax`.

The axis of time of a recording is the second that is spoken about: a forecast of shift d that stands at 1:00 was made d
seconds earlier. So forecasts at all shifts, and the truth where it is known, lie under each other.
"""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from .. import labels
from . import base
from .base import SERIES_COLOURS

#: More seconds than this of a recording are drawn as means of several.
MOST_COLUMNS = 900
#: An emotion of fewer utterances than this is not shown; tables count it.
FEWEST = 5
#: Score -> fill and sign. The signs and the lightness tell them apart without colour.
MARKS = {"met": ("#44AA99", "yes"), "not met": ("#F2F2F2", "no"), "not stated": ("#DDCC77", "?")}
#: Part of a window -> colour.
PARTS = {"speaker to come": "#332288", "others": "#88CCEE", "both at once": "#CC6677", "silence": "0.88"}
_HATCH = {"hatch": "////", "facecolor": (1, 1, 1, 0.72), "edgecolor": "0.45", "lw": 0}
_BOX = {"fc": "white", "ec": "none", "pad": 1}
_UNLABELLED = "no majority"


def emotion_counts(table: pd.DataFrame, ax: Axes, *, by: str) -> None:
    """Stacked bars: how many utterances of each emotion each session (or what `by` names) has in an utterance table."""
    counts = pd.crosstab(table[by], table["emotion"].fillna(_UNLABELLED))
    shown = labels.ordered(set(counts.columns) - {_UNLABELLED}) + [_UNLABELLED] * (_UNLABELLED in counts)
    colours = [labels.COLOURS.get(name, "#FFFFFF") for name in shown]
    counts[shown].plot.bar(stacked=True, color=colours, ax=ax, width=0.8, edgecolor="0.4", linewidth=0.4, rot=0)
    ax.set(xlabel=by, ylabel="utterances", title=f"Emotions by {by}")
    base.legend_beside(ax)
    ax.grid(axis="x", visible=False)


def durations(table: pd.DataFrame, ax: Axes) -> None:
    """How long the utterances of a table are, a box an emotion (quartiles; whiskers to the 5th and 95th percentile)."""
    shown = _frequent(table).assign(seconds=lambda rows: rows["end_s"] - rows["start_s"])
    order = labels.ordered(shown["emotion"])
    look = {"order": order, "hue_order": order, "palette": labels.COLOURS, "whis": (5, 95), "fliersize": 0}
    sns.boxplot(shown, x="seconds", y="emotion", hue="emotion", legend=False, saturation=1, **look, ax=ax)
    ax.set(xlabel="length of an utterance in seconds", ylabel="", xlim=(0, None), title="Utterance lengths")


def valence_arousal(table: pd.DataFrame, ax: Axes, *, raters: pd.DataFrame | None = None) -> None:
    """The plane of valence and arousal: each emotion's mean with its spread (one standard deviation) over its utterances.

    `raters` holds by emotion one rater's standard deviation about the mean of the same utterance; drawn as a thick bar.
    """
    rated = _frequent(table.dropna(subset=["valence", "arousal"]))
    for emotion in labels.ordered(rated["emotion"]):
        plane, colour = rated.loc[rated["emotion"] == emotion, ["valence", "arousal"]], labels.COLOURS[emotion]
        middle, spread = plane.mean(), plane.std()
        look = {"fmt": "o", "ms": 9, "color": colour, "mec": "black", "mew": 0.6, "elinewidth": 1.5}
        ax.errorbar(*middle, xerr=spread.iloc[0], yerr=spread.iloc[1], label=f"{emotion} ({len(plane):,})", **look)
        if raters is not None and emotion in raters.index:
            apart = {"xerr": raters.loc[emotion, "valence"], "yerr": raters.loc[emotion, "arousal"]}
            ax.errorbar(*middle, **apart, fmt="none", zorder=1, ecolor=colour, elinewidth=9, alpha=0.4)
    ax.set(xlim=(1, 5), ylim=(1, 5), aspect="equal", title="Where emotions lie: mean and one standard deviation")
    if raters is not None:
        words = "thin: over utterances\nthick: between raters\nof one utterance"
        ax.text(1.03, 0.02, words, transform=ax.transAxes, va="bottom", fontsize=9)
    ax.set(xlabel=base.DIMENSIONS["valence"], ylabel=base.DIMENSIONS["arousal"])
    base.legend_beside(ax, title="emotion (utterances)")


def timeline(dialogue: pd.DataFrame, ax: Axes) -> None:
    """One dialogue of an utterance table as it runs: each turn a bar on its speaker's line, in its emotion's colour."""
    _turns(ax, dialogue, height=0.7, lw=0.5)
    shown = labels.ordered(dialogue["emotion"].dropna()) + [_UNLABELLED] * bool(dialogue["emotion"].isna().any())
    handles = [Patch(fc=labels.COLOURS.get(name, "#FFFFFF"), ec="black", lw=0.5, label=name) for name in shown]
    ax.set(xlabel="seconds", xlim=(0, dialogue["end_s"].max() + 1), title=f"Dialogue {dialogue['dialogue'].iloc[0]}")
    base.legend_beside(ax, handles=handles)


def transitions(counts: pd.DataFrame, ax: Axes) -> None:
    """Which emotion (column) follows which (row): shares of each row in percent, with the `counts` below."""
    frequent = [name for name in counts.index if max(counts.loc[name].sum(), counts[name].sum()) >= FEWEST]
    shown = counts.loc[frequent, frequent]
    shares = shown.div(counts.loc[frequent].sum(axis=1).replace(0, np.nan), axis=0)
    image = ax.imshow(shares.to_numpy(), cmap="cividis_r", vmin=0, vmax=1, aspect="auto")
    for (row, column), share in np.ndenumerate(shares.to_numpy()):
        if not np.isnan(share):
            words, colour = f"{100 * share:.0f} %\n{shown.iloc[row, column]:,}", "white" if share > 0.4 else "black"
            ax.text(column, row, words, ha="center", va="center", fontsize=8, color=colour)
    ax.figure.colorbar(image, ax=ax, label="share of the row", shrink=0.8)
    ax.set(xticks=range(len(frequent)), xticklabels=frequent, yticks=range(len(frequent)), yticklabels=frequent)
    ax.tick_params(axis="x", rotation=40)
    ax.set(xlabel="emotion of the turn", ylabel="emotion of the turn before", title="Which emotion follows which")
    ax.grid(visible=False)


def repeats(table: pd.DataFrame, ax: Axes, *, level: float) -> None:
    """P(same emotion as the turn before), beside what chance would give (`audit.repeats`, with intervals of this `level`)."""
    names = [f"{name}\n({pairs:,} pairs)" for name, pairs in table["pairs"].items()]
    looks = {"": {"label": f"observed, {100 * level:g} % interval by dialogues", "ms": 8}}
    at = base.intervals(ax, table.assign(name=names), "name", "p_same", looks=looks, flat=True)
    look = {"mfc": "none", "mec": SERIES_COLOURS[5], "ms": 8, "mew": 2}
    ax.plot(table["shuffled"], at, "D", label="each dialogue's emotions in another order", **look)
    ax.plot(table["independent"], at, "|", label="independent turns", ms=15, mew=2.5, mec=SERIES_COLOURS[2])
    ax.set(xlim=(0, 1), xlabel="P(same emotion as the turn before)", title="How often an emotion is repeated")
    base.legend_below(ax, 0.22, left=0.4)


def history(table: pd.DataFrame, ax: Axes) -> None:
    """How many labelled turns have so many seconds before them, a bar a length: columns seconds, emotion, events, enough."""
    order = labels.ordered(table["emotion"])
    counts = table.pivot(index="seconds", columns="emotion", values="enough")[order]
    total = table.groupby("seconds")["events"].sum()
    counts.plot.barh(stacked=True, color=[labels.COLOURS[name] for name in order], ec="0.3", lw=0.4, width=0.7, ax=ax)
    for row, (seconds, kept) in enumerate(counts.sum(axis=1).items()):
        words = f" {kept:,.0f} ({100 * kept / total[seconds]:.0f} %)"
        ax.text(kept, row, words, va="center", fontsize=9, zorder=4, bbox=_BOX)
    ax.axvline(total.iloc[0], color="black", ls="--", lw=1, label=f"all {total.iloc[0]:,}")
    ax.set(yticklabels=[f"{seconds:g} s" for seconds in counts.index], xlim=(0, 1.22 * total.iloc[0]))
    ax.set(xlabel="labelled turns with so much before them", ylabel="seconds", title="How much comes before an event")
    base.legend_beside(ax)
    ax.grid(axis="y", visible=False)


def speech(shares: pd.DataFrame, ax: Axes, *, length_s: float) -> None:
    """Whose speech windows of `length_s` hold, a box a part (quartiles, 5th and 95th percentile, diamond: mean)."""
    percent, whole = 100 * shares[list(PARTS)], {"clip_on": False}
    look = {"palette": PARTS, "saturation": 1, "width": 0.6, "medianprops": {"color": "white", "lw": 2.5}}
    sns.boxplot(percent, orient="h", whis=(5, 95), fliersize=0, whiskerprops=whole, capprops=whole, **look, ax=ax)
    ax.scatter(percent.mean(), range(len(PARTS)), marker="D", s=45, color="white", ec="black", lw=1.2, zorder=5)
    ax.set_yticks(range(len(PARTS)), [f"{part}\nmean {percent[part].mean():.0f} %" for part in PARTS])
    title = f"Whose speech lies in the {length_s:g} s before an event ({len(shares):,} windows)"
    ax.set(xlim=(-2, 102), xlabel="share of the window in percent", title=title)


def balance(table: pd.DataFrame, ax: Axes) -> None:
    """Events of each class before and after undersampling: columns task, emotion, before, after."""
    ticks, start, highest = {}, 0.0, table["before"].max()
    for task, rows in table.groupby("task", sort=False):
        own, colours = start + np.arange(len(rows)), rows["emotion"].map(labels.COLOURS)
        ax.bar(own, rows["before"], width=0.8, color="none", ec="0.25", lw=1.2, ls="--")
        ax.bar(own, rows["after"], width=0.8, color=colours, ec="0.25", lw=0.6)
        for x, before in zip(own, rows["before"], strict=True):
            ax.text(x, before, f"{before:,}", ha="center", va="bottom", fontsize=8)
        total = f"{task}\n{rows['after'].sum():,} events left"
        ax.text(own.mean(), 1.15 * highest, total, ha="center", va="bottom", fontsize=9)
        ticks, start = ticks | dict(zip(own, rows["emotion"], strict=True)), own[-1] + 1.8
    ax.set_xticks(list(ticks), list(ticks.values()), rotation=40, ha="right")
    ax.set(ylabel="events with a full window", ylim=(0, 1.42 * highest))
    ax.set_title("Class balance before (dashed) and after (filled) undersampling")
    ax.grid(axis="x", visible=False)


def sizes(catalogue: pd.DataFrame, kept: pd.Series, ax: Axes, *, needed: int) -> None:
    """How many utterances each corpus of the audit has, in groups by language, the largest above.

    `catalogue` has by name the columns language, utterances and hours; `kept` says by name whether a corpus is fit.
    """
    totals = catalogue.groupby("language")["utterances"].sum()
    table = catalogue.assign(total=catalogue["language"].map(totals))
    table = table.sort_values(["total", "language", "utterances"], ascending=[False, True, False], kind="stable")
    rows = np.arange(len(table)) + 0.45 * (table["language"].ne(table["language"].shift()).cumsum() - 1).to_numpy()
    fit, (good, bad) = kept.reindex(table.index).to_numpy(dtype=bool), (SERIES_COLOURS[2], "0.65")
    ax.hlines(rows, 100, table["utterances"], color=np.where(fit, good, bad), lw=1.2)
    ax.scatter(table["utterances"], rows, s=46, color=np.where(fit, good, bad), ec="black", lw=0.5, zorder=3)
    place = {"textcoords": "offset points", "va": "center", "fontsize": 8, "zorder": 4, "bbox": _BOX}
    for row, corpus in zip(rows, table.itertuples(), strict=True):
        ax.annotate(f"{corpus.utterances:,}  ({corpus.hours:g} h)", (corpus.utterances, row), (7, 0), **place)
    for language in table["language"].unique():
        own = rows[(table["language"] == language).to_numpy()]
        ax.annotate(language, (1.01, own.mean()), xycoords=("axes fraction", "data"), va="center", fontsize=9)
        ax.axhline(own.max() + 0.72, color="0.85", lw=0.7)
    ax.axvline(needed, color="black", ls="--", lw=1)
    ax.set(xscale="log", xlim=(100, 500_000), yticks=rows, yticklabels=table.index, ylim=(rows.max() + 0.8, -0.8))
    title = f"{len(table)} corpora by language: utterances, and hours of sound"
    ax.set(xlabel="utterances (logarithmic)", title=title)
    _bold(ax, fit)
    kinds = {"meets all criteria": good, "fails one at least": bad}
    handles = [Line2D([], [], marker="o", ls="", color=kinds[name], mec="black", label=name) for name in kinds]
    handles.append(Line2D([], [], color="black", ls="--", lw=1, label=f"{needed:,} needed"))
    ax.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.45, -0.115), ncols=3)
    ax.grid(axis="y", visible=False)


def criteria_matrix(scored: pd.DataFrame, ax: Axes, *, asked_by: dict[str, str]) -> None:
    """Which corpus (row) meets which criterion (column; a key of `MARKS`), those that meet most above, and who asks for it."""
    met = (scored == "met").sum(axis=1)
    table = scored.loc[met.sort_values(ascending=False, kind="stable").index]
    for (row, column), score in np.ndenumerate(table.to_numpy()):
        fill, sign = MARKS[score]
        ax.add_patch(Rectangle((column - 0.48, row - 0.46), 0.96, 0.92, fc=fill, ec="none"))
        colour = "0.35" if score == "not met" else "black"
        ax.text(column, row, sign, ha="center", va="center", fontsize=8, color=colour)
    for row, name in enumerate(table.index):
        ax.text(table.shape[1] - 0.35, row, f"{met[name]} of {table.shape[1]}", va="center", fontsize=8)
    names = [f"{name}\n{asked_by[name]}" for name in table.columns]
    ax.set(xticks=range(table.shape[1]), xticklabels=names, yticks=range(len(table)), yticklabels=table.index)
    ax.set(xlim=(-0.5, table.shape[1] + 0.3), ylim=(len(table) - 0.5, -0.5))
    ax.xaxis.tick_top()
    ax.tick_params(length=0, labelsize=8.5)
    _bold(ax, met[table.index] == table.shape[1])
    ax.set_title("What forecasting asks of a corpus, and who asks it", pad=14)
    handles = [Patch(fc=fill, ec="white", label=f"{sign}: {score}") for score, (fill, sign) in MARKS.items()]
    base.legend_below(ax, 0.005, left=0.45, ncols=3, handles=handles)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)


def _frequent(table: pd.DataFrame) -> pd.DataFrame:
    """The labelled rows of the emotions that have at least `FEWEST` of them."""
    return table[table.groupby("emotion")["emotion"].transform("size") >= FEWEST]


def _turns(ax: Axes, table: pd.DataFrame, **look: object) -> None:
    """Turns as bars, a line a speaker, in the colours of their emotions; white without one."""
    speakers = sorted(table["speaker"].unique())
    lines, colours = table["speaker"].map(speakers.index), table["emotion"].map(labels.COLOURS).fillna("#FFFFFF")
    ax.barh(lines, table["end_s"] - table["start_s"], left=table["start_s"], color=colours, ec="black", **look)
    ax.set(yticks=range(len(speakers)), yticklabels=speakers, ylim=(-0.6, len(speakers) - 0.4))
    ax.grid(axis="y", visible=False)


def _bold(ax: Axes, which: np.ndarray | pd.Series) -> None:
    for tick, one in zip(ax.get_yticklabels(), which, strict=True):
        tick.set(fontweight="bold" if one else "normal")


def recording(
    figure: Figure,
    table: pd.DataFrame,
    outline: pd.DataFrame,
    *,
    shifts_s: Sequence[float],
    turns: pd.DataFrame | None = None,
    title: str = "",
) -> None:
    """The whole picture, from the top: waveform, all shifts, bands of some, agreement, and the truth if known.

    `table` holds the forecasts (`forecaster.inference.forecast`), `outline` the waveform in little: start_s, low, high (1 is
    full scale); `turns` speaker, start_s, end_s, emotion. `shifts_s` are the shifts that get bands.
    """
    table = thinned(table).sort_values("about_s")
    heights = [0.7, 1.9, *[1.15] * len(shifts_s), 0.8, *([0.55] if turns is not None else [])]
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    together = max(1, len(outline) // 2000)
    thin = outline.groupby(np.arange(len(outline)) // together).agg({"start_s": "first", "low": "min", "high": "max"})
    axes[0].fill_between(thin["start_s"], thin["low"], thin["high"], color="0.35", lw=0.3)
    loudest = max(1e-3, outline[["low", "high"]].abs().to_numpy().max())
    axes[0].set(ylim=(-1.05 * loudest, 1.05 * loudest), yticks=[], ylabel="sound", title=title)
    axes[0].grid(visible=False)
    _map(table, axes[1])
    for ax, shift in zip(axes[2:], shifts_s, strict=False):
        _bands(table[table["shift_s"] == shift], ax)
    agreement = axes[2 + len(shifts_s)]
    for shift, colour, style in zip(shifts_s, SERIES_COLOURS, ("-", "--", ":"), strict=False):
        some, look = (
            table[table["shift_s"] == shift],
            {"color": colour, "ls": style, "lw": 1.3, "label": f"+{shift:g} s"},
        )
        agreement.step(some["about_s"], some["agreement"], where="mid", **look)
    agreement.set(ylim=(0, 1.08), yticks=(0, 0.5, 1), ylabel="networks\nthat agree")
    base.legend_beside(agreement, fontsize=9)
    if turns is not None:
        _turns(axes[-1], turns, height=0.8, lw=0.4)
        axes[-1].set_ylabel("true")
    end_s = max(table["about_s"].max(), outline["start_s"].max())
    axes[-1].set(xlim=(0, end_s), xlabel="time in the recording that is spoken about (min:s)")
    axes[-1].xaxis.set_major_formatter(mpl.ticker.FuncFormatter(_clock))
    axes[-1].xaxis.set_major_locator(mpl.ticker.MultipleLocator(tick_s(end_s)))
    names = {name: name for name in _classes(table)}
    for name in labels.ordered([] if turns is None else turns["emotion"]):
        names.setdefault(name, f"{name} (cannot be forecast)")
    handles = [Patch(fc=labels.COLOURS[name], ec="black", lw=0.4, label=label) for name, label in names.items()]
    handles.append(Patch(fc="white", ec="0.45", hatch="////", lw=0, label="I do not know"))
    handles.append(Patch(fc="0.5", alpha=0.25, label="range over the networks"))
    handles.append(Line2D([], [], color="black", ls=":", lw=1, label="chance"))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 4), fontsize=9)


def thinned(table: pd.DataFrame) -> pd.DataFrame:
    """Means over several seconds, where a table has more than `MOST_COLUMNS` a shift; the forecast is of the means' too."""
    seconds = np.sort(table["second"].unique())
    together = -(-len(seconds) // MOST_COLUMNS)
    if together == 1:
        return table
    places = pd.Series(np.searchsorted(seconds, table["second"]) // together, table.index, name="place")
    means = table.groupby([places, "shift_s"]).mean(numeric_only=True).reset_index()
    shares = means[[f"p_{name}" for name in _classes(table)]]
    named = shares.fillna(0).idxmax(axis=1).str.removeprefix("p_").where(shares.notna().all(axis=1), "")
    return means.assign(forecast=named, abstains=means["abstains"] > 0.5)


def tick_s(seconds: float) -> float:
    """The seconds from tick to tick on a clock's axis of that length: round on a clock, and twelve ticks at most."""
    steps, whole_hours = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800), 3600 * -(-seconds // (12 * 3600))
    return next((step for step in steps if seconds / step <= 12), whole_hours)


def _clock(seconds: float, _: object) -> str:
    minutes, whole = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{whole:02d}" if minutes >= 60 else f"{minutes}:{whole:02d}"


def _map(table: pd.DataFrame, ax: Axes) -> None:
    """All shifts at once: the colour is the likeliest emotion's, stronger the likelier it is; hatched without an answer."""
    shifts, chance = sorted(table["shift_s"].unique()), 1 / len(_classes(table))
    for row, shift in enumerate(shifts):
        some = table[table["shift_s"] == shift]
        about, half = some["about_s"], _step(some) / 2
        place = (about.min() - half, about.max() + half, row - 0.5, row + 0.5)
        ax.imshow(map_colours(some, chance)[None], extent=place, aspect="auto", origin="lower")
        ax.broken_barh(abstentions(some), (row - 0.5, 1), **_HATCH)
    ax.set(yticks=range(len(shifts)), yticklabels=[f"+{shift:g}" for shift in shifts], ylim=(-0.5, len(shifts) - 0.5))
    ax.tick_params(axis="y", labelsize=8)
    ax.set_ylabel("seconds ahead")
    ax.grid(visible=False)


def _bands(table: pd.DataFrame, ax: Axes) -> None:
    """The probability of each emotion at one shift, and the range over the networks; hatched without an answer."""
    classes = _classes(table)
    for name in classes:
        about, colour = table["about_s"], labels.COLOURS[name]
        ax.fill_between(about, table[f"low_{name}"], table[f"high_{name}"], color=colour, alpha=0.2, lw=0)
        ax.plot(about, table[f"p_{name}"], color=colour, lw=1.6)
    ax.broken_barh(abstentions(table), (0, 1), **_HATCH | {"facecolor": (1, 1, 1, 0.45)}, zorder=3)
    ax.axhline(1 / len(classes), color="black", ls=":", lw=1)
    ax.set(ylim=(0, 1), yticks=(0, 0.5, 1), ylabel=f"probability\n{table['shift_s'].iloc[0]:g} s ahead")


def map_colours(table: pd.DataFrame, chance: float) -> np.ndarray:
    """The colour of each row, (n, 3): its emotion's, paler towards chance; grey where nothing was forecast."""
    likeliest = table[[f"p_{name}" for name in _classes(table)]].max(axis=1).fillna(chance).to_numpy()
    strength = (0.2 + 0.8 * (likeliest - chance) / (1 - chance))[:, None]
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
