"""What conversations of a corpus are like: which emotion follows which, what lies before an event, what balancing leaves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from .. import labels
from . import base

#: Part of a window -> colour, in the order of the rows.
_PARTS = {
    "speaker to come": base.SERIES_COLOURS[0],
    "others": base.SERIES_COLOURS[4],
    "both at once": base.SERIES_COLOURS[5],
    "silence": "0.88",
}


def transitions(counts: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Which emotion follows which: shares of each row in percent, with the counts below.

    Args:
        counts: index the emotion of the turn before, columns that of the turn; rows and columns of emotions that occur
            fewer than `base.FEWEST` times on both sides are not shown.
        ax: where to draw.
    """
    ax = base.axes(ax)
    frequent = [name for name in counts.index if max(counts.loc[name].sum(), counts[name].sum()) >= base.FEWEST]
    shown = counts.loc[frequent, frequent]
    shares = shown.div(counts.loc[frequent].sum(axis=1).replace(0, np.nan), axis=0)
    image = ax.imshow(shares.to_numpy(), cmap="cividis_r", vmin=0, vmax=1, aspect="auto")
    for (row, column), share in np.ndenumerate(shares.to_numpy()):
        if not np.isnan(share):
            said = f"{100 * share:.0f} %\n{shown.iloc[row, column]:,}"
            colour = "white" if share > 0.4 else "black"
            ax.text(column, row, said, ha="center", va="center", fontsize=8, color=colour)
    ax.figure.colorbar(image, ax=ax, label="share of the row", shrink=0.8)
    ax.set(xticks=range(len(frequent)), xticklabels=frequent, yticks=range(len(frequent)), yticklabels=frequent)
    ax.tick_params(axis="x", rotation=40)
    ax.set(xlabel="emotion of the turn", ylabel="emotion of the turn before", title="Which emotion follows which")
    ax.grid(visible=False)
    return ax


def repeats(table: pd.DataFrame, ax: Axes | None = None, *, level: float) -> Axes:
    """P(same emotion as the turn before), beside what chance would give.

    Args:
        table: by `turn_before`: p_same, low, high, independent, shuffled, pairs (`conversations.repeats`).
        ax: where to draw.
        level: of the intervals, between 0 and 1.
    """
    ax = base.axes(ax)
    rows = np.arange(len(table))
    spread = np.abs(table[["low", "high"]].to_numpy().T - table["p_same"].to_numpy())
    ax.errorbar(
        table["p_same"], rows, xerr=spread, fmt="o", ms=8, capsize=4, color=base.SERIES_COLOURS[0],
        label=f"observed, {100 * level:g} % interval by dialogues",
    )  # fmt: skip
    shuffled, independent = "each dialogue's emotions in another order", "independent turns"
    ax.scatter(table["shuffled"], rows, marker="D", s=60, lw=2, fc="none", ec=base.SERIES_COLOURS[5], label=shuffled)
    ax.scatter(table["independent"], rows, marker="|", s=220, lw=2.5, color=base.SERIES_COLOURS[2], label=independent)
    names = [f"{name}\n({pairs:,} pairs)" for name, pairs in table["pairs"].items()]
    ax.set(yticks=rows, yticklabels=names, ylim=(len(table) - 0.5, -0.5), xlim=(0, 1))
    ax.set(xlabel="P(same emotion as the turn before)", title="How often an emotion is repeated")
    ax.legend(loc="upper center", bbox_to_anchor=(0.4, -0.22))
    return ax


def history(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """How many labelled turns have 10, 20, 30 s before them: a bar a length, in the emotions' colours.

    Args:
        table: columns seconds, emotion, events, enough (`conversations.history`).
        ax: where to draw.
    """
    ax = base.axes(ax)
    order = labels.ordered(table["emotion"])
    counts = table.pivot(index="seconds", columns="emotion", values="enough")[order]
    total = table.groupby("seconds")["events"].sum()
    counts.plot.barh(stacked=True, color=[labels.COLOURS[name] for name in order], ec="0.3", lw=0.4, width=0.7, ax=ax)
    for row, (seconds, kept) in enumerate(counts.sum(axis=1).items()):
        ax.text(
            kept,
            row,
            f" {kept:,.0f} ({100 * kept / total[seconds]:.0f} %)",
            va="center",
            fontsize=9,
            zorder=4,
            bbox={"fc": "white", "ec": "none", "pad": 1},
        )
    ax.axvline(total.iloc[0], color="black", ls="--", lw=1, label=f"all {total.iloc[0]:,}")
    ax.set(yticklabels=[f"{seconds:g} s" for seconds in counts.index], xlim=(0, 1.22 * total.iloc[0]))
    ax.set(xlabel="labelled turns with so much before them", ylabel="seconds", title="How much comes before an event")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    ax.grid(axis="y", visible=False)
    return ax


def speech(shares: pd.DataFrame, ax: Axes | None = None, *, length_s: float) -> Axes:
    """Whose speech windows hold, a box a part (quartiles; whiskers to the 5th and 95th percentile; a diamond for the mean).

    Args:
        shares: a row a window, columns as `conversations.PARTS`, from 0 to 1.
        ax: where to draw.
        length_s: the windows' length in seconds, for the title.
    """
    ax = base.axes(ax)
    parts, percent = list(_PARTS), 100 * shares[list(_PARTS)]
    sns.boxplot(
        percent,
        orient="h",
        palette=_PARTS,
        whis=(5, 95),
        fliersize=0,
        saturation=1,
        width=0.6,
        ax=ax,
        medianprops={"color": "white", "lw": 2.5},
        whiskerprops={"clip_on": False},
        capprops={"clip_on": False},
    )
    ax.scatter(percent.mean(), range(len(parts)), marker="D", s=45, color="white", ec="black", lw=1.2, zorder=5)
    names = [f"{part}\nmean {percent[part].mean():.0f} %" for part in parts]
    ax.set(yticks=range(len(parts)), yticklabels=names, xlim=(-2, 102), xlabel="share of the window in percent")
    ax.set_title(f"Whose speech lies in the {length_s:g} s before an event ({len(shares):,} windows)")
    return ax


def balance(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Events of each class before and after undersampling, the tasks side by side.

    Args:
        table: columns task, emotion, before, after (`audit.balance`).
        ax: where to draw.
    """
    ax = base.axes(ax)
    positions, ticks, start = [], [], 0.0
    for task, rows in table.groupby("task", sort=False):
        own = start + np.arange(len(rows))
        colours = [labels.COLOURS[name] for name in rows["emotion"]]
        ax.bar(own, rows["before"], width=0.8, color="none", ec="0.25", lw=1.2, ls="--")
        ax.bar(own, rows["after"], width=0.8, color=colours, ec="0.25", lw=0.6)
        for x, row in zip(own, rows.itertuples(), strict=True):
            ax.text(x, row.before, f"{row.before:,}", ha="center", va="bottom", fontsize=8)
        total = f"{task}\n{rows['after'].sum():,} events left"
        ax.text(own.mean(), 1.15 * table["before"].max(), total, ha="center", va="bottom", fontsize=9)
        positions, ticks, start = [*positions, *own], [*ticks, *rows["emotion"]], own[-1] + 1.8
    ax.set_xticks(positions, ticks, rotation=40, ha="right")
    ax.set(ylabel="events with a full window", ylim=(0, 1.42 * table["before"].max()))
    ax.set_title("Class balance before (dashed) and after (filled) undersampling")
    ax.grid(axis="x", visible=False)
    return ax
