"""What a corpus holds: counts, lengths, ratings, and a dialogue as it runs."""

from __future__ import annotations

import matplotlib as mpl
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from .. import labels
from . import base


def emotion_counts(table: pd.DataFrame, ax: Axes | None = None, *, by: str = "session") -> Axes:
    """Stacked bars: how many utterances of each emotion each session (or speaker) has.

    Args:
        table: an utterance table; unlabelled rows are shown as "no majority".
        ax: where to draw; the current axes by default.
        by: the column of the bars.
    """
    ax = base.axes(ax)
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
        table: an utterance table; emotions with fewer than `base.FEWEST` utterances are not shown.
        ax: where to draw.
    """
    ax = base.axes(ax)
    shown = base.frequent(table).assign(seconds=lambda rows: rows["end_s"] - rows["start_s"])
    order = labels.ordered(shown["emotion"])
    sns.boxplot(
        shown, x="seconds", y="emotion", hue="emotion", order=order, hue_order=order, palette=labels.COLOURS,
        whis=(5, 95), fliersize=0, legend=False, ax=ax, saturation=1,
    )  # fmt: skip
    ax.set(xlabel="length of an utterance in seconds", ylabel="", xlim=(0, None), title="Utterance lengths")
    return ax


def valence_arousal(
    table: pd.DataFrame,
    ax: Axes | None = None,
    *,
    scale: tuple[float, float] = (1, 5),
    raters: pd.DataFrame | None = None,
) -> Axes:
    """The plane of valence and arousal: each emotion's mean with its spread (one standard deviation) over its utterances.

    Args:
        table: an utterance table with valence and arousal; emotions with fewer than `base.FEWEST` ratings are not shown.
        ax: where to draw.
        scale: the corpus's lowest and highest value.
        raters: by emotion, the standard deviation of one rater about the mean of the same utterance, columns valence and
            arousal; drawn as a thick bar.
    """
    ax = base.axes(ax)
    rated = base.frequent(table.dropna(subset=["valence", "arousal"]))
    for emotion in labels.ordered(rated["emotion"]):
        chosen = rated[rated["emotion"] == emotion]
        x, y = chosen["valence"], chosen["arousal"]
        ax.errorbar(
            x.mean(), y.mean(), xerr=x.std(), yerr=y.std(), fmt="o", ms=9, color=labels.COLOURS[emotion],
            mec="black", mew=0.6, elinewidth=1.5, label=f"{emotion} ({len(chosen):,})",
        )  # fmt: skip
        if raters is not None and emotion in raters.index:
            apart = raters.loc[emotion]
            ax.errorbar(
                x.mean(), y.mean(), xerr=apart["valence"], yerr=apart["arousal"], fmt="none", zorder=1,
                ecolor=labels.COLOURS[emotion], elinewidth=9, alpha=0.4,
            )  # fmt: skip
    ax.set(xlim=scale, ylim=scale, aspect="equal", title="Where emotions lie: mean and one standard deviation")
    if raters is not None:
        said = "thin: over utterances\nthick: between raters\nof one utterance"
        ax.text(1.03, 0.02, said, transform=ax.transAxes, va="bottom", fontsize=9)
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
    ax = base.axes(ax)
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
