"""The audit's 32 corpora: how large each is in which language, and which criteria it meets."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from . import base

#: Score -> fill and sign. The signs and the lightness tell them apart without colour.
MARKS: dict[str, tuple[str, str]] = {
    "met": ("#44AA99", "yes"),
    "not met": ("#F2F2F2", "no"),
    "not stated": ("#DDCC77", "?"),
}
_KEPT, _OTHER = base.SERIES_COLOURS[2], "0.65"


def sizes(catalogue: pd.DataFrame, kept: pd.Series, ax: Axes | None = None, *, needed: int) -> Axes:
    """How many utterances each corpus has, a row a corpus, the rows in groups by language.

    Args:
        catalogue: by name, with language, utterances, hours.
        kept: whether a corpus is fit, by name.
        ax: where to draw.
        needed: how many utterances are demanded.
    """
    ax = base.axes(ax)
    table, rows = _by_language(catalogue)
    fit = kept.reindex(table.index).to_numpy(dtype=bool)
    ax.hlines(rows, 100, table["utterances"], color=np.where(fit, _KEPT, _OTHER), lw=1.2)
    ax.scatter(table["utterances"], rows, s=46, color=np.where(fit, _KEPT, _OTHER), ec="black", lw=0.5, zorder=3)
    for row, corpus in zip(rows, table.itertuples(), strict=True):
        said = f"{corpus.utterances:,}  ({corpus.hours:g} h)"
        ax.annotate(
            said,
            (corpus.utterances, row),
            (7, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            zorder=4,
            bbox={"fc": "white", "ec": "none", "pad": 0.8},
        )
    _name_languages(ax, table["language"], rows)
    ax.axvline(needed, color="black", ls="--", lw=1)
    ax.set(xscale="log", xlim=(100, 500_000), yticks=rows, yticklabels=table.index, ylim=(rows.max() + 0.8, -0.8))
    ax.set(xlabel="utterances (logarithmic)", title="32 corpora by language: utterances, and hours of sound")
    for tick, one in zip(ax.get_yticklabels(), fit, strict=True):
        tick.set(fontweight="bold" if one else "normal")
    handles = [
        Line2D([], [], marker="o", ls="", color=_KEPT, mec="black", label="meets all criteria"),
        Line2D([], [], marker="o", ls="", color=_OTHER, mec="black", label="fails one at least"),
        Line2D([], [], color="black", ls="--", lw=1, label=f"{needed:,} needed"),
    ]
    ax.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.45, -0.115), ncols=3)
    ax.grid(axis="y", visible=False)
    return ax


def criteria_matrix(scored: pd.DataFrame, ax: Axes | None = None, *, asked_by: dict[str, str]) -> Axes:
    """Which corpus meets which criterion: corpora in rows, those that meet most above.

    Args:
        scored: by name, a column a criterion; "met", "not met" or "not stated".
        ax: where to draw.
        asked_by: criterion -> who asks it, written below its name.
    """
    ax = base.axes(ax)
    met = (scored == "met").sum(axis=1)
    table = scored.loc[met.sort_values(ascending=False, kind="stable").index]
    for (row, column), score in np.ndenumerate(table.to_numpy()):
        fill, sign = MARKS[score]
        ax.add_patch(_cell(column, row, fill))
        ax.text(
            column, row, sign, ha="center", va="center", fontsize=8, color="0.35" if score == "not met" else "black"
        )
    for row, name in enumerate(table.index):
        ax.text(table.shape[1] - 0.35, row, f"{met[name]} of {table.shape[1]}", va="center", fontsize=8)
    names = [f"{name}\n{asked_by[name]}" for name in table.columns]
    ax.set(xticks=range(table.shape[1]), xticklabels=names, yticks=range(len(table)), yticklabels=table.index)
    ax.set(xlim=(-0.5, table.shape[1] + 0.3), ylim=(len(table) - 0.5, -0.5))
    ax.xaxis.tick_top()
    ax.tick_params(length=0, labelsize=8.5)
    for tick, name in zip(ax.get_yticklabels(), table.index, strict=True):
        tick.set(fontweight="bold" if met[name] == table.shape[1] else "normal")
    ax.set_title("What forecasting asks of a corpus, and who asks it", pad=14)
    handles = [Patch(fc=fill, ec="white", label=f"{sign}: {score}") for score, (fill, sign) in MARKS.items()]
    ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.45, -0.005), ncols=3)
    ax.grid(visible=False)
    for side in ax.spines.values():
        side.set_visible(False)
    return ax


def _by_language(catalogue: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """The corpora in groups by language, the largest group and the largest corpus first, and the row of each."""
    totals = catalogue.groupby("language")["utterances"].sum()
    table = catalogue.assign(total=catalogue["language"].map(totals))
    table = table.sort_values(["total", "language", "utterances"], ascending=[False, True, False], kind="stable")
    new = table["language"].ne(table["language"].shift()).cumsum() - 1
    return table, np.arange(len(table)) + 0.45 * new.to_numpy()  # a gap between languages


def _name_languages(ax: Axes, languages: pd.Series, rows: np.ndarray) -> None:
    """The language of each group at the right, and a line under the group."""
    for language in languages.unique():
        own = rows[(languages == language).to_numpy()]
        ax.annotate(language, (1.01, own.mean()), xycoords=("axes fraction", "data"), va="center", fontsize=9)
        ax.axhline(own.max() + 0.72, color="0.85", lw=0.7)


def _cell(column: int, row: int, fill: str) -> Patch:
    return Rectangle((column - 0.48, row - 0.46), 0.96, 0.92, fc=fill, ec="none")
